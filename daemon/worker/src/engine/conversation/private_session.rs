//! A private conversation is asked for, begins and ends.

use super::{Conversation, Offer, Phase, Private, SmpState};
use crate::engine::crossing::Crossing;
use crate::limits;
use otr::{Fingerprint, Version};
use proto::irc::Nick;
use std::time::Duration;

/// What the user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was private, or asked for.
    Nothing,
    /// A private conversation was asked for.
    Asking,
    /// It was private, or closed.
    Conversation,
}

/// What a message that cannot be read leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing was private.
    Nothing,
    /// A new session was asked for a short while ago.
    AskedAlready,
    /// Too many strangers have made us ask for new sessions.
    TooMany,
    /// A new session is asked for.
    Asks,
}

/// It is asked for, and becomes private.
impl Conversation {
    /// We ask for a private conversation. What is typed from now on waits for it.
    pub fn asks(&mut self, now: Duration) {
        self.asked = Some(now);
        self.allowances.we_ask();
    }

    /// Nothing comes of it. Whether we had asked.
    pub fn asks_no_longer(&mut self) -> bool {
        self.allowances.asked_no_longer();
        self.asked.take().is_some()
    }

    /// The same without the key exchange that was to come of it.
    pub fn withdraws(&mut self) -> bool {
        self.crossing = Crossing::default();
        self.asks_no_longer()
    }

    /// Gives up asking where nobody has come in time. Whether that is so.
    pub fn nobody_came(&mut self, now: Duration) -> bool {
        let gave_up = self.asked.take_if(|asked| now >= *asked + limits::QUERY_TIMEOUT).is_some();
        if gave_up {
            self.allowances.asked_no_longer();
        }
        gave_up
    }

    /// A new session is asked for in place of one that a restart interrupted: once.
    pub fn asks_anew(&mut self) {
        if let Phase::Blocked { asked_anew, .. } = &mut self.phase {
            *asked_anew = true;
        }
    }

    /// A session began. Its key is trusted, or is another one than that known of this nick, or neither.
    /// Whether it is held: nothing goes out until the user trusts the key.
    pub fn becomes_private(&mut self, session: Private, trusted: bool, other: bool) -> bool {
        let pinned = self.phase.fingerprint();
        let moved = matches!(self.phase, Phase::Moved { .. });
        let changed = !trusted
            && (other || moved || pinned.is_some_and(|pinned| pinned != session.fingerprint));
        let again = self.private().filter(|was| was.is_with(session.fingerprint, session.instance));
        // A conversation held for its new key stays held when the same key comes again.
        let held = changed || (again.is_some_and(|was| was.held) && !trusted);
        let since = again.map_or(session.since, |was| was.since);
        self.phase = Phase::Private(Private { since, held, ..session });
        self.keys_renewed();
        held
    }

    /// The session in use has new keys.
    pub fn keys_renewed(&mut self) {
        self.asks_no_longer();
        self.smp = SmpState::Idle;
        self.gone = false;
    }

    /// The user trusts this key, or does so no longer; `other`: it is not the one known of this nick.
    /// Whether what is private with it is held only from now on, where it is in use at all.
    pub fn key_judged(&mut self, key: Fingerprint, trusted: bool, other: bool) -> Option<bool> {
        let Phase::Private(private) = &mut self.phase else { return None };
        if private.fingerprint != key {
            return None;
        }
        let was_held = private.held;
        private.held = !trusted && (was_held || other);
        Some(private.held && !was_held)
    }

    /// Holds what is private where its key is another one than that known of this nick. Which key, where it was
    /// not held before.
    pub fn hold_other_key(
        &mut self,
        is_other: impl FnOnce(Fingerprint) -> bool,
    ) -> Option<Fingerprint> {
        let Phase::Private(private) = &mut self.phase else { return None };
        if private.held || !is_other(private.fingerprint) {
            return None;
        }
        private.held = true;
        Some(private.fingerprint)
    }

    /// Until when what is typed waits for new session keys, where anything does.
    pub fn renewal_deadline(&self) -> Option<Duration> {
        let released = self.private().is_some_and(|private| !private.held);
        self.crossing.renewal_deadline().filter(|_| released && !self.waiting.is_empty())
    }

    /// Whether the peer may use new session keys that we cannot use yet.
    pub fn is_renewing(&self) -> bool {
        self.crossing.renewal_deadline().is_some()
    }

    /// Whether what is typed now waits for new session keys, or behind what does.
    pub fn waits_for_new_keys(&self, now: Duration) -> bool {
        self.crossing.renewal_deadline().is_some_and(|at| now < at) || !self.waiting.is_empty()
    }
}

/// It ends.
impl Conversation {
    /// The peer ended it.
    pub fn ended_by_peer(&mut self) {
        self.phase = Phase::Finished;
        self.smp = SmpState::Idle;
    }

    /// It ends with the key of ours that it was made with. Whether it was private.
    pub fn ended_by_our_key(&mut self) -> bool {
        let private = self.is_private();
        if private {
            self.phase = Phase::Finished;
        }
        self.smp = SmpState::Idle;
        private
    }

    /// The user ended it: text may go out in clear, to all nicks that it kept closed.
    pub fn ended_by_user(&mut self) -> (Ended, Vec<Nick>) {
        let was = std::mem::replace(&mut self.phase, Phase::Clear);
        let asked = self.withdraws();
        self.smp = SmpState::Idle;
        self.offer = Offer::Declined;
        let mut nicks = std::mem::take(&mut self.aliases);
        nicks.push(self.nick.clone());
        let ended = match was {
            Phase::Clear if asked => Ended::Asking,
            Phase::Clear => Ended::Nothing,
            _ => Ended::Conversation,
        };
        (ended, nicks)
    }

    /// It goes on with another one of the peer's clients, under the same key.
    pub fn goes_on_with(&mut self, instance: u32, version: Version) {
        if let Phase::Private(private) = &mut self.phase {
            private.instance = instance;
            private.version = version;
        }
    }

    /// Its session keys are gone.
    pub fn keys_lost(&mut self) {
        if let Phase::Private(private) = &self.phase {
            self.phase = Phase::interrupted(Some(private.fingerprint));
        }
    }

    /// A message cannot be read: someone encrypts to keys that we no longer have. `may_ask` takes from what all
    /// peers together may cause.
    pub fn unreadable(&mut self, now: Duration, may_ask: impl FnOnce() -> bool) -> Unreadable {
        let lately = self.repaired.is_some_and(|at| now < at + limits::REPAIR_EVERY);
        if self.is_clear() {
            return Unreadable::Nothing;
        }
        if lately || self.is_asking() {
            return Unreadable::AskedAlready;
        }
        if !may_ask() {
            return Unreadable::TooMany;
        }
        self.repaired = Some(now);
        Unreadable::Asks
    }
}
