//! A conversation that became private: with whose key, and what the user is told of it.

use super::messages::Message;
use super::{Engine, Private, known_keys};
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::{Fingerprint, Peer, Trust, Version};
use proto::irc::Nick;

impl Engine {
    pub(super) fn went_private(
        &mut self,
        peer: &Peer,
        instance: u32,
        fingerprint: Fingerprint,
        version: Version,
    ) {
        self.exchange_done(peer, instance);
        let trust = self.known.trust(peer, fingerprint).unwrap_or_default();
        let other = known_keys::is_other(&self.known, peer, fingerprint);
        let wall = self.now.wall;
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let session = Private::new(fingerprint, instance, version, wall);
        let held = conversation.becomes_private(session, trust.is_trusted(), other);
        let nick = conversation.nick().clone();
        self.key_dates.uses(fingerprint, wall);
        self.persistence.changed(StoredFile::Conversations);
        self.announce(&nick, &fingerprint, version, &trust, held);
        self.release(peer);
    }

    /// What the user is told when a conversation becomes private.
    fn announce(
        &mut self,
        nick: &Nick,
        fingerprint: &Fingerprint,
        version: Version,
        trust: &Trust,
        held: bool,
    ) {
        let name = quote(nick.as_bytes());
        if held {
            return self.announce_change(nick, fingerprint);
        }
        let version = match version {
            Version::V2 => "OTRv2",
            Version::V3 => "OTRv3",
        };
        if trust.is_trusted() {
            self.output.report_of(nick, Message::PrivateTrusted { version: version.into() });
        } else {
            self.output.report_of(nick, Message::Private { version: version.into() });
            self.output.report_of(
                nick,
                Message::NotAuthenticated { name, fingerprint: fingerprint.to_string() },
            );
        }
        self.warn_of_surroundings(nick);
    }

    pub(super) fn announce_change(&mut self, nick: &Nick, fingerprint: &Fingerprint) {
        let name = quote(nick.as_bytes());
        self.output.report_of(nick, Message::KeyChanged {});
        self.output.report_of(
            nick,
            Message::NewFingerprint { fingerprint: fingerprint.to_string(), name },
        );
    }

    /// What else could give the conversation away.
    fn warn_of_surroundings(&mut self, nick: &Nick) {
        let network = self.output.module().network().clone();
        let prefix = network.status_prefix;
        for logger in network.loggers {
            let (level, module) = logger.split_once('/').unwrap_or(("network", &logger));
            let (level, module) = (quote(level.as_bytes()), quote(module.as_bytes()));
            self.output.report_of(nick, Message::Logger { module, prefix: prefix.clone(), level });
        }
        if network.insecure_clients > 0 {
            self.output.report_of(nick, Message::ClientWithoutTls {});
        }
        if !network.admin {
            self.output.report_of(nick, Message::NotYourBouncer {});
        }
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
        self.exchange_done(peer, instance);
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        conversation.keys_renewed();
        let nick = conversation.nick().clone();
        self.output.report_of(&nick, Message::KeysNew {});
        self.release(peer);
    }
}
