//! What the user is told of a conversation that became private.

use super::Output;
use crate::engine::messages::Message;
use crate::text::sanitize::quote;
use otr::{Fingerprint, Trust, Version};
use proto::irc::Nick;

impl Output {
    /// What the user is told when a conversation becomes private.
    pub(in crate::engine) fn announce(
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
            self.report_of(nick, Message::PrivateTrusted { version: version.into() });
        } else {
            self.report_of(nick, Message::Private { version: version.into() });
            self.report_of(
                nick,
                Message::NotAuthenticated { name, fingerprint: fingerprint.to_string() },
            );
        }
        self.warn_of_surroundings(nick);
    }

    pub(in crate::engine) fn announce_change(&mut self, nick: &Nick, fingerprint: &Fingerprint) {
        let name = quote(nick.as_bytes());
        self.report_of(nick, Message::KeyChanged {});
        self.report_of(
            nick,
            Message::NewFingerprint { fingerprint: fingerprint.to_string(), name },
        );
    }

    /// What else could give the conversation away.
    fn warn_of_surroundings(&mut self, nick: &Nick) {
        let network = self.module().network().clone();
        let prefix = network.status_prefix;
        for logger in network.loggers {
            let (level, module) = logger.split_once('/').unwrap_or(("network", &logger));
            let (level, module) = (quote(level.as_bytes()), quote(module.as_bytes()));
            self.report_of(nick, Message::Logger { module, prefix: prefix.clone(), level });
        }
        if network.insecure_clients > 0 {
            self.report_of(nick, Message::ClientWithoutTls {});
        }
        if !network.admin {
            self.report_of(nick, Message::NotYourBouncer {});
        }
    }
}
