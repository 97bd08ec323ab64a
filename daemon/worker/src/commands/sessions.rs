//! Beginning and ending private conversations, and the key they need.

use super::{Arguments, Outcome, Wrong};
use crate::engine::Engine;
use proto::shim::Style;

pub(super) fn start(engine: &mut Engine, arguments: Arguments<'_>) -> Outcome {
    engine.start(&arguments.only_nick()?);
    Ok(())
}

pub(super) fn refresh(engine: &mut Engine, arguments: Arguments<'_>) -> Outcome {
    engine.refresh(&arguments.only_nick()?);
    Ok(())
}

pub(super) fn finish(engine: &mut Engine, arguments: Arguments<'_>) -> Outcome {
    if arguments.rest().eq_ignore_ascii_case(b"--all") {
        if engine.finish_all() == 0 {
            engine.say(Style::Plain, "There is no private conversation.");
        }
        engine.open_everybody();
        return Ok(());
    }
    let nick = arguments.only_nick()?;
    engine.open(&nick);
    match engine.peer(nick.as_bytes()).filter(|peer| engine.conversations.get(peer).is_some()) {
        Some(peer) => engine.finish(&peer),
        None => engine.say_of(&nick, Style::Plain, "There is no private conversation."),
    }
    Ok(())
}

pub(super) fn genkey(engine: &mut Engine, mut arguments: Arguments<'_>) -> Outcome {
    let overwrite = match arguments.word() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"--overwrite") => true,
        Some(_) => return Err(Wrong),
    };
    arguments.end()?;
    engine.genkey(overwrite);
    Ok(())
}
