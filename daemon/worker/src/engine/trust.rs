//! Whose keys are known and trusted: `trust`, `distrust`, `forget`.

use super::conversations::Conversations;
use super::key_dates::KeyDates;
use super::key_search::{KeySearch, NotMeant};
use super::messages::Message;
use super::output::Output;
use super::persistence::Persistence;
use super::{Engine, known_keys};
use crate::store::StoredFile;
use otr::{Fingerprint, FingerprintStore, KnownFingerprint, Otr, Peer, Trust};
use proto::command::{FingerprintOf, Forget};

/// Why a fingerprint was not forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ForgetError {
    /// A private conversation uses it.
    InUse,
    /// It is not known of this peer.
    Unknown,
}

/// What the user wants to know no more, and what has to know of it.
pub(super) struct Forgetting<'a> {
    pub(super) otr: &'a Otr,
    pub(super) known: &'a mut FingerprintStore,
    pub(super) key_dates: &'a mut KeyDates,
    pub(super) conversations: &'a Conversations,
    pub(super) persistence: &'a mut Persistence,
    pub(super) output: &'a mut Output,
}

impl Engine {
    /// `trust`, `distrust`
    pub(super) fn set_trust(
        &mut self,
        of: &FingerprintOf,
        trust: &Trust,
        says: fn(String) -> Message,
    ) {
        let meant = match self.key_search().pick(of) {
            Ok(meant) => meant,
            Err(NotMeant::Unknown) => return self.output.report(Message::NoSuchFingerprint {}),
            Err(NotMeant::NoConversation(nick)) => {
                return self.output.report_of(&nick, Message::NoConversation {});
            }
        };
        for known in meant {
            self.conversations.report_of_peer(
                &known.peer,
                says(known.fingerprint.to_string()),
                &mut self.output,
            );
            self.trust_set(&known.peer, known.fingerprint, trust.clone());
        }
    }

    /// Stores trust, and lets a conversation go on that waited for it.
    pub(super) fn trust_set(&mut self, peer: &Peer, fingerprint: Fingerprint, trust: Trust) {
        let trusted = trust.is_trusted();
        let known = self.known.trust(peer, fingerprint).is_some();
        // One that came when there was no room for it is known by the user's word.
        if !known && !self.conversations.use_key(&self.otr, peer, fingerprint) {
            return;
        }
        self.known.put(peer, fingerprint, trust);
        self.persistence.changed(StoredFile::Fingerprints);
        let other = known_keys::is_other(&self.known, peer, fingerprint);
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let Some(newly_held) = conversation.key_judged(fingerprint, trusted, other) else { return };
        if newly_held {
            let nick = conversation.nick().clone();
            self.output.announce_change(&nick, &fingerprint);
        }
        self.release(peer);
    }
}

impl Forgetting<'_> {
    /// `forget`
    pub(super) fn run(&mut self, forget: &Forget) {
        let search = KeySearch::new(self.known, self.conversations);
        let Some(found) = search.of_digits(&forget.fingerprint, forget.peer.as_ref()) else {
            return self.output.report(Message::NoSuchFingerprint {});
        };
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

    /// The user does not want to know it any more.
    fn forget(&mut self, known: &KnownFingerprint) -> Result<(), ForgetError> {
        if self.conversations.use_key(self.otr, &known.peer, known.fingerprint) {
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
}
