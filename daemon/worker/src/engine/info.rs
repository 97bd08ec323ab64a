//! `info`, `status`, `version`, `fingerprint`: conversations and fingerprints, the state of the daemon.

use super::action::Now;
use super::conversation::{Conversation, Phase};
use super::messages::{Message, Phrase};
use super::output::Output;
use super::own_key::{self, KeyState, OwnKey};
use super::peers::Peers;
use crate::text::date;
use crate::text::sanitize::quote;
use otr::{KnownFingerprint, Otr, Trust, Version};
use proto::account::Account;
use proto::irc::{Nick, Text};
use std::collections::BTreeMap;

/// The parts that are asked, and where the answer goes.
pub(super) struct Info<'a> {
    pub(super) account: &'a Account,
    pub(super) otr: &'a Otr,
    pub(super) own_key: &'a OwnKey,
    pub(super) peers: Peers<'a>,
    pub(super) at_rest: &'static str,
    pub(super) now: Now,
    pub(super) output: &'a mut Output,
}

impl Info<'_> {
    /// `info [nick]`
    pub(super) fn about(&mut self, nick: Option<&Nick>) {
        let only = nick.and_then(|nick| self.peers.conversations().peer(nick.as_bytes()));
        let rows = self.rows(only.as_ref());
        if rows.is_empty() {
            match nick {
                Some(nick) => self.output.report_of(nick, Message::NothingKnown {}),
                None => self.output.report(Message::NoFingerprints {}),
            }
        } else {
            self.output.table(&["Peer", "State", "Fingerprint", "Act", "Trust"], rows);
        }
        if let Some(peer) = &only {
            self.details(peer);
        }
        let fingerprint = own_key::fingerprint_or_why(self.otr);
        self.output.report(Message::OwnFingerprint { fingerprint });
    }

    /// The table, as the older module shows it: a peer's name and state in its first row only, the key in use first.
    fn rows(&self, only: Option<&otr::Peer>) -> Vec<Vec<Text>> {
        let mut peers: BTreeMap<otr::Peer, Vec<KnownFingerprint>> = BTreeMap::new();
        for known in self.peers.known().all() {
            peers.entry(known.peer.clone()).or_default().push(known);
        }
        for (peer, conversation) in self.peers.conversations().iter() {
            if !conversation.is_clear() {
                peers.entry(peer.clone()).or_default();
            }
        }
        let mut rows = Vec::new();
        for (peer, mut fingerprints) in peers {
            if only.is_some_and(|only| *only != peer) {
                continue;
            }
            let conversation = self.peers.conversations().get(&peer);
            let active = conversation.and_then(|c| c.private()).map(|p| p.fingerprint);
            fingerprints.sort_by_key(|k| (Some(k.fingerprint) != active, k.fingerprint));
            let mut name = self.peers.conversations().spelled(&peer);
            let mut state = conversation.map_or("plaintext", |c| c.state_word());
            if fingerprints.is_empty() {
                rows.push([name.as_str(), state, "", "", ""].map(Text::from).to_vec());
            }
            for known in fingerprints {
                let act = if Some(known.fingerprint) == active { " * " } else { "" };
                let fingerprint = known.fingerprint.to_string();
                let cells = [name.as_str(), state, fingerprint.as_str(), act, trust(&known.trust)];
                rows.push(cells.map(Text::from).to_vec());
                name.clear();
                state = "";
            }
        }
        rows
    }

    /// What only `info nick` says.
    fn details(&mut self, peer: &otr::Peer) {
        let (policy, rule) = self.peers.policy_and_rule(peer);
        self.output
            .report(Message::PolicyIs { policy: policy.word().into(), rule: rule.to_string() });
        let Some(conversation) = self.peers.conversations().get(peer) else { return };
        let mut lines = Vec::new();
        match conversation.phase() {
            Phase::Private(private) => {
                let version = match private.version {
                    Version::V2 => "OTRv2",
                    Version::V3 => "OTRv3",
                };
                let for_seconds = self.now.wall.saturating_sub(private.since);
                let since = date::minute(private.since);
                let (version, duration) = (version.to_owned(), duration(for_seconds));
                lines.push(Message::PrivateSince { version, since, duration });
                if private.held {
                    lines.push(Message::HeldForTrust {});
                }
                for session in self.peers.conversations().sessions(self.otr, peer) {
                    let theirs = format!("{:08x}", session.instance);
                    let ours = format!("{:08x}", session.our_instance);
                    lines.push(match session.instance == private.instance {
                        true => Message::InstanceTagsInUse { theirs, ours },
                        false => Message::InstanceTags { theirs, ours },
                    });
                }
            }
            Phase::Clear => {}
            phase => {
                let why = phase.why_blocked(conversation.nick(), policy).text();
                lines.push(Message::BlockedBecause { why });
            }
        }
        if conversation.is_asking() {
            lines.push(Message::AskedFor {});
        }
        if !conversation.waiting().is_empty() {
            lines.push(Message::LinesWait { lines: conversation.waiting().len().to_string() });
        }
        for line in lines {
            self.output.report(line);
        }
    }

    /// `status`
    pub(super) fn status(&mut self) {
        let (user, network) = (self.account.user.to_string(), self.account.network.to_string());
        self.version();
        self.output.report(Message::AccountIs { user, network });
        let key = match self.own_key.state() {
            KeyState::None => Phrase::NoKeyYet {}.text(),
            KeyState::Generating { since, .. } => {
                let seconds = self.now.mono.saturating_sub(*since).as_secs().to_string();
                Phrase::KeyBeingMade { seconds }.text()
            }
            KeyState::Ready => own_key::fingerprint_or_why(self.otr),
            KeyState::Damaged(why) => why.clone(),
        };
        self.output.report(Message::KeyIs { key });
        self.output.report(Message::FilesOnDisk { how: self.at_rest.to_owned() });
        let all = self.peers.conversations();
        let private = all.count(Conversation::is_private).to_string();
        let blocked = all.count(Conversation::is_interrupted).to_string();
        self.output.report(Message::HowMany { private, blocked });
        let mut waiting: Vec<(Nick, usize)> = self
            .peers
            .conversations()
            .values()
            .filter(|c| !c.waiting().is_empty())
            .map(|c| (c.nick().clone(), c.waiting().len()))
            .collect();
        waiting.sort();
        if waiting.is_empty() {
            self.output.report(Message::NothingWaits {});
        }
        for (nick, lines) in waiting {
            self.output.report_of(&nick, Message::LinesWait { lines: lines.to_string() });
        }
    }

    /// `version`
    pub(super) fn version(&mut self) {
        let daemon = env!("CARGO_PKG_VERSION");
        let (module, znc) = match self.output.module().hello() {
            Some(module) => (quote(module.shim.as_bytes()), quote(module.znc.as_bytes())),
            None => (Phrase::ModuleNotConnected {}.into(), Phrase::ZncUnknown {}.into()),
        };
        self.output.report(Message::Versions {
            daemon: daemon.to_owned(),
            module,
            znc,
            libotr: otr::libotr_version().to_string(),
            libgcrypt: otr::libgcrypt_version().to_string(),
        });
    }

    /// `fingerprint`
    pub(super) fn own_fingerprint(&mut self) {
        let (user, network) = (self.account.user.to_string(), self.account.network.to_string());
        let fingerprint = own_key::fingerprint_or_why(self.otr);
        self.output.report(Message::OwnFingerprintOf { user, network, fingerprint });
    }
}

fn trust(trust: &Trust) -> &'static str {
    match trust {
        Trust::None => "not trusted",
        Trust::SharedSecret => "shared secret",
        Trust::Manual | Trust::Other(_) => "manual",
    }
}

/// Seconds for people, in a sentence: rounded down to what matters, which humantime's
/// `1day 2h 3m 4s` is not.
fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}
