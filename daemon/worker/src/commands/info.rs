//! What `*otr` shows: help, conversations and fingerprints, the state of the daemon.

use super::{Arguments, COMMANDS, Line, Wrong, find, usage};
use crate::engine::{Engine, KeyState, Phase};
use crate::text::sanitize::quote;
use crate::text::{date, wrap};
use otr::{KnownFingerprint, Trust, Version};
use proto::command::{Command, MaybePeer};
use proto::irc::{Nick, Text};
use proto::shim::{Effect, Style};
use std::collections::BTreeMap;

/// The most that a line of `help` takes: clients wrap longer ones.
const COLUMNS: usize = 100;

pub(super) fn parse_help(mut arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let word = arguments.word().map(<[u8]>::to_vec);
    arguments.end()?;
    Ok(Line::Help(word))
}

pub(super) fn help(engine: &mut Engine, word: Option<&[u8]>) {
    let Some(word) = word else {
        // As ZNC's own modules list theirs.
        for command in COMMANDS {
            engine.say(Style::Plain, format!("{}: {}", command.synopsis(), command.summary));
        }
        return;
    };
    match find(word) {
        None => engine.say(Style::Bad, "No such command. Say help for the list of commands."),
        Some(command) => {
            engine.say(Style::Plain, usage(command));
            engine.say(Style::Plain, format!("{}.", command.summary));
            let details = Some(command.details).filter(|details| !details.is_empty());
            for line in details.into_iter().flat_map(|text| wrap::wrap(text.as_bytes(), COLUMNS)) {
                engine.say(Style::Plain, String::from_utf8_lossy(line));
            }
        }
    }
}

/// The module answers it for the client that said it. It comes here from elsewhere only.
pub(super) fn listen(engine: &mut Engine) {
    engine.say(
        Style::Bad,
        "Only a client of ZNC can listen, and its otr module sees to it: update the module.",
    );
}

/// The module answers it, which puts the mark there.
pub(super) fn mark(engine: &mut Engine) {
    engine.say(
        Style::Bad,
        "Only ZNC's otr module can mark text: say it to *otr there, or update the module.",
    );
}

pub(super) fn parse_info(arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let peer = match arguments.rest().is_empty() {
        true => None,
        false => Some(arguments.only_nick()?),
    };
    Ok(Line::Command(Command::Info(MaybePeer { peer })))
}

pub(super) fn info(engine: &mut Engine, nick: Option<&Nick>) {
    let only = nick.and_then(|nick| engine.peer(nick.as_bytes()));
    let rows = rows(engine, only.as_ref());
    if rows.is_empty() {
        match nick {
            Some(nick) => engine.say_of(
                nick,
                Style::Plain,
                "No fingerprint is known, and nothing is private.",
            ),
            None => engine.say(
                Style::Plain,
                "No fingerprints are known yet. Type ?OTR? in a query to begin.",
            ),
        }
    } else {
        engine.table(&["Peer", "State", "Fingerprint", "Act", "Trust"], rows);
    }
    if let Some(peer) = &only {
        details(engine, peer);
    }
    let fingerprint = engine.own_fingerprint();
    engine.say(Style::Plain, format!("Your fingerprint: {fingerprint}."));
}

/// The table of the seed: a peer's name and state in its first row only, the key in use first.
fn rows(engine: &Engine, only: Option<&otr::Peer>) -> Vec<Vec<Text>> {
    let mut peers: BTreeMap<otr::Peer, Vec<KnownFingerprint>> = BTreeMap::new();
    for known in engine.known.all() {
        peers.entry(known.peer.clone()).or_default().push(known);
    }
    for (peer, conversation) in engine.conversations.iter() {
        if conversation.phase != Phase::Clear {
            peers.entry(peer.clone()).or_default();
        }
    }
    let mut rows = Vec::new();
    for (peer, mut fingerprints) in peers {
        if only.is_some_and(|only| *only != peer) {
            continue;
        }
        let conversation = engine.conversations.get(&peer);
        let active = conversation.and_then(|c| c.private()).map(|p| p.fingerprint);
        fingerprints.sort_by_key(|k| (Some(k.fingerprint) != active, k.fingerprint));
        let mut name = engine.spelled(&peer);
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

fn trust(trust: &Trust) -> &'static str {
    match trust {
        Trust::None => "not trusted",
        Trust::SharedSecret => "shared secret",
        Trust::Manual | Trust::Other(_) => "manual",
    }
}

/// What only `info nick` says.
fn details(engine: &mut Engine, peer: &otr::Peer) {
    let (policy, rule) = engine.policy_and_rule(peer);
    engine.say(Style::Plain, format!("Policy: {} ({rule}).", policy.word()));
    let Some(conversation) = engine.conversations.get(peer) else { return };
    let mut lines = Vec::new();
    match &conversation.phase {
        Phase::Private(private) => {
            let version = match private.version {
                Version::V2 => "OTRv2",
                Version::V3 => "OTRv3",
            };
            let for_seconds = engine.now.wall.saturating_sub(private.since);
            lines.push(format!(
                "Private with {version} since {}, for {}.",
                date::minute(private.since),
                duration(for_seconds)
            ));
            if private.held {
                lines.push("The key has changed: nothing goes out until you trust it.".into());
            }
            for session in engine.sessions(peer) {
                let used = if session.instance == private.instance { ", in use" } else { "" };
                let (theirs, ours) = (session.instance, session.our_instance);
                lines.push(format!("Instance tags: theirs {theirs:08x}, yours {ours:08x}{used}."));
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
        engine.say(Style::Plain, line);
    }
}

pub(super) fn status(engine: &mut Engine) {
    let (user, network) = (engine.account.user.clone(), engine.account.network.clone());
    version(engine);
    engine.say(Style::Plain, format!("Account: {user} on {network}."));
    let key = match &engine.key {
        KeyState::None => "none yet; it is made the first time one is needed".to_owned(),
        KeyState::Generating { since, .. } => {
            format!("being made for {} s", engine.now.mono.saturating_sub(*since).as_secs())
        }
        KeyState::Ready => engine.own_fingerprint(),
        KeyState::Damaged(why) => why.clone(),
    };
    engine.say(Style::Plain, format!("Key: {key}."));
    engine.say(Style::Plain, format!("Files on disk: {}.", engine.at_rest));
    let status = engine.status();
    engine.say(
        Style::Plain,
        format!("Private conversations: {}, blocked: {}.", status.sessions, status.blocked),
    );
    let mut waiting: Vec<(String, usize)> = engine
        .conversations
        .values()
        .filter(|c| !c.waiting.is_empty())
        .map(|c| (quote(c.nick.as_bytes()), c.waiting.len()))
        .collect();
    waiting.sort();
    match waiting.is_empty() {
        true => engine.say(Style::Plain, "Nothing waits."),
        false => {
            for (nick, lines) in waiting {
                engine.say(Style::Plain, format!("[{nick}] Lines that wait: {lines}."));
            }
        }
    }
}

pub(super) fn version(engine: &mut Engine) {
    let daemon = env!("CARGO_PKG_VERSION");
    let (shim, znc) = match &engine.module {
        Some(module) => (quote(module.shim.as_bytes()), quote(module.znc.as_bytes())),
        None => ("not connected".into(), "unknown".into()),
    };
    let libotr = otr::libotr_version();
    engine.say(Style::Plain, format!("otrd {daemon}, module {shim}, ZNC {znc}, libotr {libotr}."));
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

impl Engine {
    fn table(&mut self, columns: &[&str], rows: Vec<Vec<Text>>) {
        let columns = columns.iter().map(|head| (*head).to_owned()).collect();
        self.effect(Effect::Table { columns, rows });
    }
}
