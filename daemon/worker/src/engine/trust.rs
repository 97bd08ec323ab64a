//! Whose keys are trusted: `trust`, `distrust`.

use super::key_search::NotMeant;
use super::messages::Message;
use super::{Engine, known_keys};
use crate::store::StoredFile;
use otr::{Fingerprint, Peer, Trust};
use proto::command::FingerprintOf;

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
