//! Whom the user trusts.

use super::{Arguments, Line, Wrong};
use crate::engine::{Engine, ForgetError};
use otr::{KnownFingerprint, Trust};
use proto::command::{Command, Digits, FingerprintOf, Forget};
use proto::irc::Nick;
use proto::shim::Style;

/// What `trust` and `distrust` mean by a word: the nick of a private conversation, else (a part of)
/// a fingerprint that is known, else a nick.
pub(super) fn parse(
    engine: &Engine,
    arguments: Arguments<'_>,
    command: fn(FingerprintOf) -> Command,
) -> Result<Line, Wrong> {
    let argument = arguments.rest();
    if argument.is_empty() {
        return Err(Wrong);
    }
    let (peer, fingerprint) = (Nick::new(argument).ok(), digits(argument));
    let private = peer.as_ref().is_some_and(|peer| in_use(engine, peer).is_some());
    let known = fingerprint.as_ref().is_some_and(|digits| by_prefix(engine, digits).is_some());
    let of = match (peer, fingerprint) {
        (Some(peer), None) => FingerprintOf { peer: Some(peer), fingerprint: None },
        (Some(peer), Some(_)) if private || !known => {
            FingerprintOf { peer: Some(peer), fingerprint: None }
        }
        (_, Some(fingerprint)) => FingerprintOf { peer: None, fingerprint: Some(fingerprint) },
        (None, None) => return Ok(Line::NoFingerprint),
    };
    Ok(Line::Command(command(of)))
}

pub(super) fn parse_forget(arguments: Arguments<'_>) -> Result<Line, Wrong> {
    match digits(arguments.rest()) {
        _ if arguments.rest().is_empty() => Err(Wrong),
        None => Ok(Line::NoFingerprint),
        Some(fingerprint) => Ok(Line::Command(Command::Forget(Forget { fingerprint, peer: None }))),
    }
}

pub(super) fn trust(engine: &mut Engine, of: &FingerprintOf) {
    set(engine, of, Trust::Manual, "trusted!")
}

pub(super) fn distrust(engine: &mut Engine, of: &FingerprintOf) {
    set(engine, of, Trust::None, "not trusted.")
}

fn set(engine: &mut Engine, of: &FingerprintOf, trust: Trust, word: &str) {
    for known in pick(engine, of) {
        let nick = engine.spelled(&known.peer);
        let style = if trust.is_trusted() { Style::Good } else { Style::Warn };
        engine.say(style, format!("[{nick}] Fingerprint {} {word}", known.fingerprint));
        engine.trust_set(&known.peer, known.fingerprint, trust.clone());
    }
}

pub(super) fn forget(engine: &mut Engine, forget: &Forget) {
    let Some(mut found) = by_prefix(engine, &forget.fingerprint) else {
        return say_unknown(engine);
    };
    if !only_of(engine, &mut found, forget.peer.as_ref()) {
        return say_unknown(engine);
    }
    for known in found {
        let nick = engine.spelled(&known.peer);
        match engine.forget(&known) {
            Ok(()) => engine.say(
                Style::Plain,
                format!("[{nick}] Fingerprint {} forgotten.", known.fingerprint),
            ),
            Err(ForgetError::InUse) => engine.say(
                Style::Bad,
                format!(
                    "[{nick}] Fingerprint {} is in use: say finish {nick} first.",
                    known.fingerprint
                ),
            ),
            Err(ForgetError::Unknown) => {}
        }
    }
}

pub(super) fn own(engine: &mut Engine) {
    let (user, network) = (engine.account.user.clone(), engine.account.network.clone());
    let fingerprint = engine.own_fingerprint();
    engine.say(Style::Plain, format!("Your fingerprint as {user} on {network}: {fingerprint}."));
}

pub(super) fn say_unknown(engine: &mut Engine) {
    engine.say(Style::Bad, "No such fingerprint: info lists them.");
}

/// The records that are meant. Says why where there is none.
fn pick(engine: &mut Engine, of: &FingerprintOf) -> Vec<KnownFingerprint> {
    match (&of.peer, &of.fingerprint) {
        (peer, Some(digits)) => {
            let mut found = by_prefix(engine, digits).unwrap_or_default();
            if !only_of(engine, &mut found, peer.as_ref()) {
                say_unknown(engine);
            }
            found
        }
        (Some(nick), None) => {
            if in_use(engine, nick).is_none() {
                engine.say_of(
                    nick,
                    Style::Bad,
                    "There is no private conversation with this nick. Start one, or name a fingerprint that info lists.",
                );
            }
            in_use(engine, nick).into_iter().collect()
        }
        (None, None) => Vec::new(),
    }
}

/// Leaves only records of one peer, if one is given; whether there are any.
fn only_of(engine: &Engine, found: &mut Vec<KnownFingerprint>, nick: Option<&Nick>) -> bool {
    if let Some(nick) = nick {
        let peer = engine.peer(nick.as_bytes());
        found.retain(|known| Some(&known.peer) == peer.as_ref());
    }
    !found.is_empty()
}

/// The fingerprint in use with a nick.
fn in_use(engine: &Engine, nick: &Nick) -> Option<KnownFingerprint> {
    let peer = engine.peer(nick.as_bytes())?;
    let fingerprint = engine.conversations.get(&peer)?.private()?.fingerprint;
    engine.known.of(&peer).find(|known| known.fingerprint == fingerprint)
}

/// All records of the one fingerprint that begins so; `None` where none or several do.
fn by_prefix(engine: &Engine, digits: &Digits) -> Option<Vec<KnownFingerprint>> {
    let starts = |known: &KnownFingerprint| known.fingerprint.starts_with_hex(digits.as_str());
    let found: Vec<KnownFingerprint> = engine.known.all().filter(starts).collect();
    let first = found.first()?.fingerprint;
    found.iter().all(|known| known.fingerprint == first).then_some(found)
}

fn digits(text: &[u8]) -> Option<Digits> {
    Digits::new(std::str::from_utf8(text).ok()?).ok()
}
