//! Whom the user trusts.

use super::{Arguments, Outcome, Wrong};
use crate::engine::Engine;
use otr::{ForgetError, KnownFingerprint, Trust};
use proto::irc::Nick;
use proto::shim::Style;

/// Digits that a fingerprint may be cut short to.
const SHORTEST_PREFIX: usize = 8;

pub(super) fn trust(engine: &mut Engine, arguments: Arguments<'_>) -> Outcome {
    set(engine, arguments, Trust::Manual, "trusted!")
}

pub(super) fn distrust(engine: &mut Engine, arguments: Arguments<'_>) -> Outcome {
    set(engine, arguments, Trust::None, "not trusted.")
}

fn set(engine: &mut Engine, arguments: Arguments<'_>, trust: Trust, word: &str) -> Outcome {
    for known in pick(engine, arguments)? {
        let nick = engine.spelled(&known.peer);
        let style = if trust.is_trusted() { Style::Good } else { Style::Warn };
        engine.say(style, format!("[{nick}] Fingerprint {} {word}", known.fingerprint));
        engine.trust_set(&known.peer, known.fingerprint, trust.clone());
    }
    Ok(())
}

pub(super) fn forget(engine: &mut Engine, arguments: Arguments<'_>) -> Outcome {
    if arguments.rest().is_empty() {
        return Err(Wrong);
    }
    let Some(found) = by_prefix(engine, arguments.rest()) else {
        engine.say(Style::Bad, "No such fingerprint: info lists them.");
        return Ok(());
    };
    for known in found {
        let nick = engine.spelled(&known.peer);
        match engine.forget(&known) {
            Ok(()) => engine.say(
                Style::Plain,
                format!("[{nick}] Fingerprint {} forgotten.", known.fingerprint),
            ),
            Err(ForgetError::Active) => engine.say(
                Style::Bad,
                format!(
                    "[{nick}] Fingerprint {} is in use: say finish {nick} first.",
                    known.fingerprint
                ),
            ),
            Err(ForgetError::Unknown) => {}
        }
    }
    Ok(())
}

pub(super) fn own(engine: &mut Engine, arguments: Arguments<'_>) -> Outcome {
    arguments.end()?;
    let (user, network) = (engine.account.user.clone(), engine.account.network.clone());
    let fingerprint = engine.own_fingerprint();
    engine.say(Style::Plain, format!("Your fingerprint as {user} on {network}: {fingerprint}."));
    Ok(())
}

/// The fingerprints that an argument means: the one in use with a nick, or all that a (part of a)
/// fingerprint names. Says why where there is none.
fn pick(engine: &mut Engine, arguments: Arguments<'_>) -> Result<Vec<KnownFingerprint>, Wrong> {
    let argument = arguments.rest();
    if argument.is_empty() {
        return Err(Wrong);
    }
    let nick = Nick::new(argument).ok();
    let conversation = nick.as_ref().and_then(|nick| {
        let peer = engine.peer(nick.as_bytes())?;
        let private = engine.conversations.get(&peer)?.private()?.clone();
        Some((peer, private.fingerprint))
    });
    if let Some((peer, fingerprint)) = conversation {
        let found = engine.otr.known_of(&peer).into_iter().find(|k| k.fingerprint == fingerprint);
        return Ok(found.into_iter().collect());
    }
    match (by_prefix(engine, argument), nick) {
        (Some(found), _) => return Ok(found),
        (None, Some(nick)) => engine.say_of(
            &nick,
            Style::Bad,
            "There is no private conversation with this nick. Start one, or name a fingerprint that info lists.",
        ),
        (None, None) => engine.say(Style::Bad, "No such fingerprint: info lists them."),
    }
    Ok(Vec::new())
}

/// All records of the one fingerprint that begins so; `None` where none or several do.
fn by_prefix(engine: &Engine, text: &[u8]) -> Option<Vec<KnownFingerprint>> {
    let digits: String =
        std::str::from_utf8(text).ok()?.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() < SHORTEST_PREFIX || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let mut found = engine.otr.known();
    found.retain(|known| known.fingerprint.starts_with_hex(&digits));
    let first = found.first()?.fingerprint;
    found.iter().all(|known| known.fingerprint == first).then_some(found)
}
