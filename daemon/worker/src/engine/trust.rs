//! Whose keys are known and trusted: `trust`, `distrust`, `forget`, `fingerprint`.

use super::Engine;
use super::messages::Message;
use crate::store::StoredFile;
use otr::{Fingerprint, KnownFingerprint, Peer, Trust};
use proto::command::{Digits, FingerprintOf, Forget};
use proto::irc::Nick;

/// Why a fingerprint was not forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ForgetError {
    /// A private conversation uses it.
    InUse,
    /// It is not known of this peer.
    Unknown,
}

impl Engine {
    /// What is meant by a word: the nick of a private conversation, else (a part of) a fingerprint
    /// that is known, else a nick.
    pub(super) fn meant(&self, peer: Nick, fingerprint: Digits) -> FingerprintOf {
        let private = self.fingerprint_in_use(&peer).is_some();
        match private || self.by_prefix(&fingerprint).is_none() {
            true => FingerprintOf { peer: Some(peer), fingerprint: None },
            false => FingerprintOf { peer: None, fingerprint: Some(fingerprint) },
        }
    }

    pub(super) fn trust(&mut self, of: &FingerprintOf) {
        self.set_trust(of, &Trust::Manual, |fingerprint| Message::Trusted { fingerprint });
    }

    pub(super) fn distrust(&mut self, of: &FingerprintOf) {
        self.set_trust(of, &Trust::None, |fingerprint| Message::NotTrusted { fingerprint });
    }

    fn set_trust(&mut self, of: &FingerprintOf, trust: &Trust, says: fn(String) -> Message) {
        for known in self.pick(of) {
            self.conversations.report_of_peer(
                &known.peer,
                says(known.fingerprint.to_string()),
                &mut self.output,
            );
            self.trust_set(&known.peer, known.fingerprint, trust.clone());
        }
    }

    pub(super) fn forget_named(&mut self, forget: &Forget) {
        let Some(mut found) = self.by_prefix(&forget.fingerprint) else {
            return self.say_unknown();
        };
        if !self.only_of(&mut found, forget.peer.as_ref()) {
            return self.say_unknown();
        }
        for known in found {
            let (peer, fingerprint) = (&known.peer, known.fingerprint.to_string());
            let name = self.conversations.spelled(peer);
            match self.forget(&known) {
                Ok(()) => self.conversations.report_of_peer(
                    peer,
                    Message::Forgotten { fingerprint },
                    &mut self.output,
                ),
                Err(ForgetError::InUse) => {
                    self.conversations.report_of_peer(
                        peer,
                        Message::FingerprintInUse { fingerprint, name },
                        &mut self.output,
                    );
                }
                Err(ForgetError::Unknown) => {}
            }
        }
    }

    pub(super) fn say_own_fingerprint(&mut self) {
        let (user, network) = (self.account.user.to_string(), self.account.network.to_string());
        let fingerprint = self.own_fingerprint();
        self.output.report(Message::OwnFingerprintOf { user, network, fingerprint });
    }

    pub(super) fn say_unknown(&mut self) {
        self.output.report(Message::NoSuchFingerprint {});
    }

    /// The records that are meant. Says why where there is none.
    fn pick(&mut self, of: &FingerprintOf) -> Vec<KnownFingerprint> {
        match (&of.peer, &of.fingerprint) {
            (peer, Some(digits)) => {
                let mut found = self.by_prefix(digits).unwrap_or_default();
                if !self.only_of(&mut found, peer.as_ref()) {
                    self.say_unknown();
                }
                found
            }
            (Some(nick), None) => {
                if self.fingerprint_in_use(nick).is_none() {
                    self.output.report_of(nick, Message::NoConversation {});
                }
                self.fingerprint_in_use(nick).into_iter().collect()
            }
            (None, None) => Vec::new(),
        }
    }

    /// Leaves only records of one peer, if one is given; whether there are any.
    fn only_of(&self, found: &mut Vec<KnownFingerprint>, nick: Option<&Nick>) -> bool {
        if let Some(nick) = nick {
            let peer = self.conversations.peer(nick.as_bytes());
            found.retain(|known| Some(&known.peer) == peer.as_ref());
        }
        !found.is_empty()
    }

    /// The fingerprint in use with a nick.
    fn fingerprint_in_use(&self, nick: &Nick) -> Option<KnownFingerprint> {
        let peer = self.conversations.peer(nick.as_bytes())?;
        let fingerprint = self.conversations.get(&peer)?.private()?.fingerprint;
        self.known.of(&peer).find(|known| known.fingerprint == fingerprint)
    }

    /// All records of the one fingerprint that begins so; `None` where none or several do.
    fn by_prefix(&self, digits: &Digits) -> Option<Vec<KnownFingerprint>> {
        let starts = |known: &KnownFingerprint| known.fingerprint.starts_with_hex(digits.as_str());
        let found: Vec<KnownFingerprint> = self.known.all().filter(starts).collect();
        let first = found.first()?.fingerprint;
        found.iter().all(|known| known.fingerprint == first).then_some(found)
    }

    /// A key completed an exchange: from now on it is known of this peer.
    pub(super) fn met_key(&mut self, peer: &Peer, fingerprint: Fingerprint) {
        if self.known.meet(peer, fingerprint) {
            self.persistence.changed(StoredFile::Fingerprints);
        }
    }

    /// The user does not want to know it any more.
    fn forget(&mut self, known: &KnownFingerprint) -> Result<(), ForgetError> {
        if self.is_in_use(&known.peer, known.fingerprint) {
            return Err(ForgetError::InUse);
        }
        if !self.known.forget(&known.peer, known.fingerprint) {
            return Err(ForgetError::Unknown);
        }
        if !self.known.all().any(|other| other.fingerprint == known.fingerprint) {
            self.key_dates.forget(known.fingerprint);
        }
        self.persistence.changed(StoredFile::Conversations);
        self.persistence.changed(StoredFile::Fingerprints);
        Ok(())
    }

    /// Whether any session with a peer has this key.
    pub(super) fn is_in_use(&self, peer: &Peer, fingerprint: Fingerprint) -> bool {
        self.conversations
            .handle(peer)
            .is_some_and(|peer| self.otr.keys_in_use(peer).contains(&fingerprint))
    }
}
