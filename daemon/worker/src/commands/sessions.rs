//! Beginning and ending private conversations, and the key they need.

use super::{Arguments, Line, Wrong};
use crate::engine::Engine;
use crate::engine::messages::Message;
use proto::command::{Command, Finish, Genkey};
use proto::irc::Nick;

pub(super) fn parse_finish(arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let all = arguments.rest().eq_ignore_ascii_case(b"--all");
    Ok(Line::Command(Command::Finish(match all {
        true => Finish::All { all },
        false => Finish::Peer { peer: arguments.only_nick()? },
    })))
}

pub(super) fn finish_all(engine: &mut Engine) {
    if engine.finish_all() == 0 {
        engine.report(Message::NothingPrivate {});
    }
    engine.open_everybody();
}

pub(super) fn finish(engine: &mut Engine, nick: &Nick) {
    engine.open(nick);
    match engine.peer(nick.as_bytes()).filter(|peer| engine.conversations.get(peer).is_some()) {
        Some(peer) => engine.finish(&peer),
        None => engine.report_of(nick, Message::NothingPrivate {}),
    }
}

pub(super) fn parse_genkey(mut arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let overwrite = match arguments.word() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"--overwrite") => true,
        Some(_) => return Err(Wrong),
    };
    arguments.end()?;
    Ok(Line::Command(Command::Genkey(Genkey { overwrite })))
}
