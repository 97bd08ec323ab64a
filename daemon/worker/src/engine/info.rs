//! `info`, `status`, `version`: conversations and fingerprints, the state of the daemon.

use super::{Engine, KeyState, Phase};
use crate::text::date;
use crate::text::sanitize::quote;
use otr::{KnownFingerprint, Trust, Version};
use proto::irc::{Nick, Text};
use proto::shim::{Effect, Style};
use std::collections::BTreeMap;

impl Engine {
    pub(super) fn info(&mut self, nick: Option<&Nick>) {
        let only = nick.and_then(|nick| self.peer(nick.as_bytes()));
        let rows = self.rows(only.as_ref());
        if rows.is_empty() {
            match nick {
                Some(nick) => self.say_of(
                    nick,
                    Style::Plain,
                    "No fingerprint is known, and nothing is private.",
                ),
                None => self.say(
                    Style::Plain,
                    "No fingerprints are known yet. Type ?OTR? in a query to begin.",
                ),
            }
        } else {
            self.table(&["Peer", "State", "Fingerprint", "Act", "Trust"], rows);
        }
        if let Some(peer) = &only {
            self.details(peer);
        }
        let fingerprint = self.own_fingerprint();
        self.say(Style::Plain, format!("Your fingerprint: {fingerprint}."));
    }

    /// The table, as the older module shows it: a peer's name and state in its first row only, the key in use first.
    fn rows(&self, only: Option<&otr::Peer>) -> Vec<Vec<Text>> {
        let mut peers: BTreeMap<otr::Peer, Vec<KnownFingerprint>> = BTreeMap::new();
        for known in self.known.all() {
            peers.entry(known.peer.clone()).or_default().push(known);
        }
        for (peer, conversation) in self.conversations.iter() {
            if conversation.phase != Phase::Clear {
                peers.entry(peer.clone()).or_default();
            }
        }
        let mut rows = Vec::new();
        for (peer, mut fingerprints) in peers {
            if only.is_some_and(|only| *only != peer) {
                continue;
            }
            let conversation = self.conversations.get(&peer);
            let active = conversation.and_then(|c| c.private()).map(|p| p.fingerprint);
            fingerprints.sort_by_key(|k| (Some(k.fingerprint) != active, k.fingerprint));
            let mut name = self.conversations.spelled(&peer);
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
        let (policy, rule) = self.policy_and_rule(peer);
        self.say(Style::Plain, format!("Policy: {} ({rule}).", policy.word()));
        let Some(conversation) = self.conversations.get(peer) else { return };
        let mut lines = Vec::new();
        match &conversation.phase {
            Phase::Private(private) => {
                let version = match private.version {
                    Version::V2 => "OTRv2",
                    Version::V3 => "OTRv3",
                };
                let for_seconds = self.now.wall.saturating_sub(private.since);
                lines.push(format!(
                    "Private with {version} since {}, for {}.",
                    date::minute(private.since),
                    duration(for_seconds)
                ));
                if private.held {
                    lines.push("The key has changed: nothing goes out until you trust it.".into());
                }
                for session in self.sessions(peer) {
                    let used = if session.instance == private.instance { ", in use" } else { "" };
                    let (theirs, ours) = (session.instance, session.our_instance);
                    lines.push(format!(
                        "Instance tags: theirs {theirs:08x}, yours {ours:08x}{used}."
                    ));
                }
            }
            Phase::Clear => {}
            phase => {
                let why = Engine::why_blocked(&conversation.nick, phase, policy).text();
                lines.push(format!("Blocked: {why}."))
            }
        }
        if conversation.asked.is_some() {
            lines.push("A private conversation has been asked for.".into());
        }
        if !conversation.waiting.is_empty() {
            lines.push(format!("Lines that wait: {}.", conversation.waiting.len()));
        }
        for line in lines {
            self.say(Style::Plain, line);
        }
    }

    pub(super) fn say_status(&mut self) {
        let (user, network) = (self.account.user.clone(), self.account.network.clone());
        self.say_version();
        self.say(Style::Plain, format!("Account: {user} on {network}."));
        let key = match self.own_key.state() {
            KeyState::None => "none yet; it is made the first time one is needed".to_owned(),
            KeyState::Generating { since, .. } => {
                format!("being made for {} s", self.now.mono.saturating_sub(*since).as_secs())
            }
            KeyState::Ready => self.own_fingerprint(),
            KeyState::Damaged(why) => why.clone(),
        };
        self.say(Style::Plain, format!("Key: {key}."));
        self.say(Style::Plain, format!("Files on disk: {}.", self.at_rest));
        let status = self.status();
        self.say(
            Style::Plain,
            format!("Private conversations: {}, blocked: {}.", status.sessions, status.blocked),
        );
        let mut waiting: Vec<(String, usize)> = self
            .conversations
            .values()
            .filter(|c| !c.waiting.is_empty())
            .map(|c| (quote(c.nick.as_bytes()), c.waiting.len()))
            .collect();
        waiting.sort();
        match waiting.is_empty() {
            true => self.say(Style::Plain, "Nothing waits."),
            false => {
                for (nick, lines) in waiting {
                    self.say(Style::Plain, format!("[{nick}] Lines that wait: {lines}."));
                }
            }
        }
    }

    pub(super) fn say_version(&mut self) {
        let daemon = env!("CARGO_PKG_VERSION");
        let (shim, znc) = match &self.module.hello {
            Some(module) => (quote(module.shim.as_bytes()), quote(module.znc.as_bytes())),
            None => ("not connected".into(), "unknown".into()),
        };
        let libotr = otr::libotr_version();
        self.say(
            Style::Plain,
            format!("otrd {daemon}, module {shim}, ZNC {znc}, libotr {libotr}."),
        );
    }

    pub(super) fn table(&mut self, columns: &[&str], rows: Vec<Vec<Text>>) {
        let columns = columns.iter().map(|head| (*head).to_owned()).collect();
        self.effect(Effect::Table { columns, rows });
    }
}

fn trust(trust: &Trust) -> &'static str {
    match trust {
        Trust::None => "not trusted",
        Trust::SharedSecret => "shared secret",
        Trust::Manual | Trust::Other(_) => "manual",
    }
}

/// Seconds for people.
fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}
