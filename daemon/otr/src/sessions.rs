//! The sessions of peers: what is known of them, and forgetting them.

use crate::Otr;
use crate::context::{Context, FingerprintRef};
use crate::event::{Awaited, Session, State};
use crate::fingerprint::Fingerprint;
use crate::handle::Handle;

impl Otr {
    /// The sessions with a peer that are private or finished, the one newest
    /// heard first.
    #[must_use]
    pub fn sessions(&self, peer: Handle) -> Vec<Session> {
        let mut sessions: Vec<Session> =
            self.in_session(peer).map(|context| self.session(peer, context)).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_heard));
        sessions
    }

    /// The key exchanges with a peer's instances that the next message of theirs completes.
    #[must_use]
    pub fn exchanges(&self, peer: Handle) -> Vec<(u32, Awaited)> {
        self.run(peer).filter_map(|one| Some((one.instance(), one.awaited()?))).collect()
    }

    /// The key of the session with one of a peer's instances, where that is private: what
    /// [`Otr::sessions`] says of it, for each encrypted line.
    #[must_use]
    pub fn private_key_of(&self, peer: Handle, instance: u32) -> Option<Fingerprint> {
        let context = self.context(peer, instance)?;
        let is_private = context.state() == State::Encrypted;
        context.active().map(FingerprintRef::fingerprint).filter(|_| is_private)
    }

    /// The keys of a peer's sessions.
    #[must_use]
    pub fn keys_in_use(&self, peer: Handle) -> Vec<Fingerprint> {
        self.in_session(peer).filter_map(Context::active).map(FingerprintRef::fingerprint).collect()
    }

    /// Whether any session with a peer is private or finished.
    #[must_use]
    pub fn has_session(&self, peer: Handle) -> bool {
        self.in_session(peer).next().is_some()
    }

    /// Whether there is a session with a peer, or a key exchange is under way.
    #[must_use]
    pub fn is_met(&self, peer: Handle) -> bool {
        let exchanges = self.run(peer).any(Context::is_exchanging);
        exchanges || self.has_session(peer)
    }

    /// Drops everything that libotr holds of a peer, without a word to that one.
    pub fn forget(&mut self, peer: Handle) {
        self.live.retain(|(whose, _), _| *whose != peer);
        self.traffic.retain(|(whose, _), _| *whose != peer);
        self.us.forget(self.account.as_c(), peer, 0);
    }

    /// How many contexts libotr holds.
    #[must_use]
    pub fn context_count(&self) -> usize {
        self.us.contexts().count()
    }

    /// Every context of a peer, the master first.
    pub(crate) fn run(&self, peer: Handle) -> impl Iterator<Item = Context<'_>> {
        self.context(peer, 0).into_iter().flat_map(Context::run)
    }

    fn in_session(&self, peer: Handle) -> impl Iterator<Item = Context<'_>> {
        self.run(peer).filter(|context| context.state() != State::Plaintext)
    }

    fn session(&self, peer: Handle, context: Context<'_>) -> Session {
        let instance = context.instance();
        let live = self.live.get(&(peer, instance)).copied().unwrap_or_default();
        Session {
            instance,
            our_instance: context.our_instance(),
            state: context.state(),
            version: context.version(),
            fingerprint: context.active().map(FingerprintRef::fingerprint),
            session_id: context.session_id(),
            since: live.since,
            last_heard: live.last_heard,
            smp_asked: live.asked,
            smp_running: self.smp_running(peer, context),
        }
    }
}
