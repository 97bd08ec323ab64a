//! Peers: their sessions, their fingerprints, their changing names.

use crate::Otr;
use crate::context::{Context, FingerprintRef};
use crate::error::{ForgetError, RenameError};
use crate::event::{KnownFingerprint, Session, State};
use crate::fingerprint::Fingerprint;
use crate::peer::Peer;
use crate::trust::Trust;

impl Otr {
    /// The sessions with a peer that are private or finished, the one newest
    /// heard first.
    #[must_use]
    pub fn sessions(&self, peer: &Peer) -> Vec<Session> {
        let run = self.context(peer, 0).map(Context::run).unwrap_or_default();
        let mut sessions: Vec<Session> = run
            .into_iter()
            .filter(|context| context.state() != State::Plaintext)
            .map(|context| self.session(peer, context))
            .collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_heard));
        sessions
    }

    /// The key of the session with one of a peer's instances, where that is private: what
    /// [`Otr::sessions`] says of it, for each encrypted line.
    #[must_use]
    pub fn private_key_of(&self, peer: &Peer, instance: u32) -> Option<Fingerprint> {
        let context = self.context(peer, instance)?;
        let is_private = context.state() == State::Encrypted;
        context.active().map(FingerprintRef::fingerprint).filter(|_| is_private)
    }

    fn session(&self, peer: &Peer, context: Context) -> Session {
        let instance = context.instance();
        let live = self.live.get(&(peer.clone(), instance)).copied().unwrap_or_default();
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

    /// Everybody with a session that is private or finished.
    #[must_use]
    pub fn peers_in_session(&self) -> Vec<Peer> {
        let busy =
            |master: &Context| master.run().into_iter().any(|one| one.state() != State::Plaintext);
        Context::masters(self.us.0).into_iter().filter(busy).filter_map(Context::peer).collect()
    }

    /// Every fingerprint that is known, by peer; of one peer the newest first.
    #[must_use]
    pub fn known(&self) -> Vec<KnownFingerprint> {
        self.known_where(|_| true)
    }

    /// The same of those peers whose name is `wanted`.
    #[must_use]
    pub fn known_where(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<KnownFingerprint> {
        let met = Context::masters(self.us.0).into_iter();
        let met = met.filter(|master| master.peer().is_some_and(|peer| wanted(peer.as_bytes())));
        let mut all: Vec<KnownFingerprint> = met.flat_map(known_of).collect();
        all.extend(self.shelf.known(wanted));
        // Keeps the order within a peer.
        all.sort_by(|a, b| a.peer.cmp(&b.peer));
        all
    }

    /// The fingerprints that are known of one peer, the newest first.
    #[must_use]
    pub fn known_of(&self, peer: &Peer) -> Vec<KnownFingerprint> {
        match self.context(peer, 0) {
            Some(master) => known_of(master),
            None => self.shelf.known_of(peer),
        }
    }

    /// How far a peer's fingerprint is trusted; `None` if it is not known.
    #[must_use]
    pub fn trust(&self, peer: &Peer, fingerprint: Fingerprint) -> Option<Trust> {
        match self.context(peer, 0) {
            Some(master) => master.print(fingerprint).map(FingerprintRef::trust),
            None => self.shelf.trust(peer, fingerprint),
        }
    }

    /// Sets the trust of a fingerprint that is known of a peer; `false` if it is
    /// not.
    pub fn set_trust(&mut self, peer: &Peer, fingerprint: Fingerprint, trust: &Trust) -> bool {
        if self.shelf.trust(peer, fingerprint).is_some() {
            self.shelf.put(peer, fingerprint, trust);
            return true;
        }
        let print = self.context(peer, 0).and_then(|master| master.print(fingerprint));
        print.map(|print| print.set_trust(trust)).is_some()
    }

    /// Makes a fingerprint known of a peer, with this trust.
    pub fn add_fingerprint(&mut self, peer: &Peer, fingerprint: Fingerprint, trust: &Trust) {
        let Some(master) = self.context(peer, 0) else {
            return self.shelf.put(peer, fingerprint, trust);
        };
        if let Some(print) = master.add_print(fingerprint) {
            print.set_trust(trust);
        }
    }

    /// Forgets a fingerprint of a peer.
    ///
    /// # Errors
    /// [`ForgetError`] while a private conversation uses it (libotr would free
    /// it under a child's feet), or if it is not known.
    pub fn forget_fingerprint(
        &mut self,
        peer: &Peer,
        fingerprint: Fingerprint,
    ) -> Result<(), ForgetError> {
        if self.shelf.forget(peer, fingerprint) {
            return Ok(());
        }
        let master = self.context(peer, 0).ok_or(ForgetError::Unknown)?;
        let print = master.print(fingerprint).ok_or(ForgetError::Unknown)?;
        if master.run().into_iter().any(|context| context.active() == Some(print)) {
            return Err(ForgetError::Active);
        }
        print.forget();
        Ok(())
    }

    /// Drops what libotr holds of a peer besides its sessions and fingerprints:
    /// instances without a session, and all of it if nothing is worth keeping.
    pub fn forget_peer(&mut self, peer: &Peer) {
        let Some(master) = self.context(peer, 0) else { return };
        for child in master.run().into_iter().filter(|one| !one.is_master()) {
            if child.state() == State::Plaintext {
                self.live.remove(&(peer.clone(), child.instance()));
                child.forget();
            }
        }
        let alone = master.run().len() == 1;
        if alone && master.state() == State::Plaintext && master.prints().is_empty() {
            self.live.remove(&(peer.clone(), 0));
            master.forget();
        }
    }

    /// How many contexts libotr holds.
    #[must_use]
    pub fn context_count(&self) -> usize {
        Context::all(self.us.0).len()
    }

    /// Follows a peer to a new name: its sessions and key exchanges go on under
    /// that name. What is known on disk stays where it is: the fingerprints of
    /// the old name stay the old name's with their trust, and a key that goes
    /// along is known of the new name, but trusted only if it was trusted there
    /// before. So nobody inherits trust by taking a nick.
    ///
    /// # Errors
    /// [`RenameError::InUse`] if the new name has a session of its own; nothing
    /// has changed then.
    pub fn rename(&mut self, old: &Peer, new: &Peer) -> Result<(), RenameError> {
        let Some(master) = self.context(old, 0).filter(|_| old != new) else { return Ok(()) };
        self.introduce(new);
        let run = master.run();
        let live = |one: &Context| one.state() != State::Plaintext || one.is_exchanging();
        let taken = self.context(new, 0).map(Context::run).unwrap_or_default();
        if taken.iter().any(|one| one.state() != State::Plaintext) {
            return Err(RenameError::InUse);
        }
        if !run.iter().any(live) {
            return Ok(());
        }
        // Of either name: its exchange goes on under another one, or not at all.
        let known_of_old = known_of(master);
        let known_of_new = self.known_of(new);
        if let Some(context) = self.context(new, 0) {
            context.forget();
        }
        self.live.retain(|(whose, _), _| whose != new);
        self.move_run(&run, new);
        self.keep_prints(master, &known_of_new);
        // Newest last, for each goes to the front of the list.
        for known in known_of_old.into_iter().rev() {
            self.add_fingerprint(old, known.fingerprint, &known.trust);
        }
        Ok(())
    }

    /// Takes a master and its children off libotr's list, renames them, and puts
    /// them back where the list's order (by name, then tag) wants them.
    fn move_run(&mut self, run: &[Context], new: &Peer) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
        // SAFETY: both ends are valid contexts of one stretch of the list; after
        // this the rest of the list is whole without them.
        unsafe {
            let (before, after) = ((*first.ptr()).tous, (*last.ptr()).next);
            *before = after;
            if !after.is_null() {
                (*after).tous = before;
            }
        }
        for context in run {
            let old = context.rename(new);
            if let Some(live) = old.and_then(|old| self.live.remove(&(old, context.instance()))) {
                self.live.insert((new.clone(), context.instance()), live);
            }
        }
        // SAFETY: walks the valid list to the first context that belongs behind
        // the new name; `place` is always the pointer to that context.
        unsafe {
            let mut place = &raw mut (*self.us.0).context_root;
            while let Some(context) = Context::from_ptr(*place) {
                if context.sorts_after(new) {
                    break;
                }
                place = &raw mut (*context.ptr()).next;
            }
            let behind = *place;
            (*last.ptr()).next = behind;
            if !behind.is_null() {
                (*behind).tous = &raw mut (*last.ptr()).next;
            }
            *place = first.ptr();
            (*first.ptr()).tous = place;
        }
    }

    /// Leaves under a moved master those fingerprints that its sessions use and
    /// those that were known of the new name, with the trust that they had there
    /// and as old as they were there: what came along is the newest.
    fn keep_prints(&mut self, master: Context, known_of_new: &[KnownFingerprint]) {
        let run = master.run();
        for print in master.prints() {
            if run.iter().any(|context| context.active() == Some(print)) {
                print.set_trust(&Trust::None);
            } else {
                print.forget();
            }
        }
        for known in known_of_new.iter().rev() {
            if let Some(print) = master.add_print(known.fingerprint) {
                print.set_trust(&known.trust);
                master.make_newest(print);
            }
        }
        for print in master.prints().into_iter().rev() {
            let fingerprint = print.fingerprint();
            if !known_of_new.iter().any(|known| known.fingerprint == fingerprint) {
                master.make_newest(print);
            }
        }
    }
}

fn known_of(master: Context) -> Vec<KnownFingerprint> {
    let Some(peer) = master.peer() else { return Vec::new() };
    let active: Vec<FingerprintRef> =
        master.run().into_iter().filter_map(Context::active).collect();
    let known = |print: FingerprintRef| KnownFingerprint {
        peer: peer.clone(),
        fingerprint: print.fingerprint(),
        trust: print.trust(),
        active: active.contains(&print),
    };
    master.prints().into_iter().map(known).collect()
}
