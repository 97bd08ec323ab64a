//! A conversation that became private: with whose key, and what the user is told of it.

use super::messages::Message;
use super::{Engine, Private, known_keys};
use crate::store::StoredFile;
use otr::{Fingerprint, Peer, Version};

impl Engine {
    pub(super) fn went_private(
        &mut self,
        peer: &Peer,
        instance: u32,
        fingerprint: Fingerprint,
        version: Version,
    ) {
        self.conversations.exchange_done(peer, instance);
        let trust = self.known.trust(peer, fingerprint).unwrap_or_default();
        let other = known_keys::is_other(&self.known, peer, fingerprint);
        let wall = self.now.wall;
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let session = Private::new(fingerprint, instance, version, wall);
        let held = conversation.becomes_private(session, trust.is_trusted(), other);
        let nick = conversation.nick().clone();
        self.key_dates.uses(fingerprint, wall);
        self.persistence.changed(StoredFile::Conversations);
        self.output.announce(&nick, &fingerprint, version, &trust, held);
        self.release(peer);
    }

    pub(super) fn refreshed(&mut self, peer: &Peer, instance: u32, fingerprint: Fingerprint) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        if !conversation.private().is_some_and(|p| p.is_with(fingerprint, instance)) {
            let session = self
                .conversations
                .sessions(&self.otr, peer)
                .into_iter()
                .find(|s| s.instance == instance);
            let version = session.map_or(Version::V3, |s| s.version);
            return self.went_private(peer, instance, fingerprint, version);
        }
        self.conversations.exchange_done(peer, instance);
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        conversation.keys_renewed();
        let nick = conversation.nick().clone();
        self.output.report_of(&nick, Message::KeysNew {});
        self.release(peer);
    }
}
