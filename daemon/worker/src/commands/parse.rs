//! The arguments of each command.

use super::arguments::{Arguments, Wrong};
use super::line::Line;
use proto::command::{
    Command, Digits, FingerprintOf, Finish, Forget, Genkey, MaybePeer, Patterns, Peer, Policy,
    PolicyWord, Secret, Smp,
};
use proto::irc::{Nick, Text};

pub(super) fn parse_help(mut arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let word = arguments.word().map(<[u8]>::to_vec);
    arguments.end()?;
    Ok(Line::Help(word))
}

pub(super) fn parse_info(arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let peer = match arguments.rest().is_empty() {
        true => None,
        false => Some(arguments.only_nick()?),
    };
    Ok(Line::Command(Command::Info(MaybePeer { peer })))
}

/// A command about one peer.
pub(super) fn parse_peer(
    arguments: Arguments<'_>,
    command: fn(Peer) -> Command,
) -> Result<Line, Wrong> {
    Ok(Line::Command(command(Peer { peer: arguments.only_nick()? })))
}

pub(super) fn parse_finish(arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let all = arguments.rest().eq_ignore_ascii_case(b"--all");
    Ok(Line::Command(Command::Finish(match all {
        true => Finish::All { all },
        false => Finish::Peer { peer: arguments.only_nick()? },
    })))
}

pub(super) fn parse_trust(
    arguments: Arguments<'_>,
    command: fn(FingerprintOf) -> Command,
) -> Result<Line, Wrong> {
    let word = arguments.rest();
    if word.is_empty() {
        return Err(Wrong);
    }
    Ok(match (Nick::new(word).ok(), digits(word)) {
        (Some(peer), Some(fingerprint)) => Line::NickOrFingerprint { command, peer, fingerprint },
        (None, None) => Line::NoFingerprint,
        (peer, fingerprint) => Line::Command(command(FingerprintOf { peer, fingerprint })),
    })
}

pub(super) fn parse_forget(arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let word = arguments.rest();
    match digits(word) {
        _ if word.is_empty() => Err(Wrong),
        None => Ok(Line::NoFingerprint),
        Some(fingerprint) => Ok(Line::Command(Command::Forget(Forget { fingerprint, peer: None }))),
    }
}

fn digits(text: &[u8]) -> Option<Digits> {
    Digits::new(std::str::from_utf8(text).ok()?).ok()
}

pub(super) fn parse_auth(mut arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let peer = arguments.nick()?;
    let secret = Secret::new(arguments.rest()).ok_or(Wrong)?;
    Ok(Line::Command(Command::Smp(Smp { peer, secret, question: None })))
}

pub(super) fn parse_authq(mut arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let peer = arguments.nick()?;
    let (question, secret) = bracketed(arguments.rest()).ok_or(Wrong)?;
    if question.is_empty() {
        return Err(Wrong);
    }
    let (question, secret) = (Some(Text::new(question)), Secret::new(secret).ok_or(Wrong)?);
    Ok(Line::Command(Command::Smp(Smp { peer, secret, question })))
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

/// `[--remove] [pattern]`
pub(super) fn parse_patterns(
    mut arguments: Arguments<'_>,
    command: fn(Patterns) -> Command,
) -> Result<Line, Wrong> {
    let mut ahead = arguments;
    let remove = ahead.word().is_some_and(|word| word.eq_ignore_ascii_case(b"--remove"));
    if remove {
        arguments = ahead;
    }
    let pattern = match arguments.rest().is_empty() {
        true if remove => return Err(Wrong),
        true => None,
        false => Some(arguments.text()?.to_owned()),
    };
    arguments.end()?;
    Ok(Line::Command(command(Patterns { pattern, remove })))
}

pub(super) fn parse_policy(mut arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let mut next = || {
        let word = arguments.word().map(std::str::from_utf8).transpose();
        word.map_err(|_| Wrong)
    };
    let (pattern, word) = (next()?.map(str::to_owned), next()?);
    let policy = word.map(|word| PolicyWord::from_word(word).ok_or(Wrong)).transpose()?;
    arguments.end()?;
    Ok(Line::Command(Command::Policy(Policy { pattern, policy })))
}

/// `[question] secret`, both without blanks at their ends. Brackets inside a question have to
/// come in pairs.
fn bracketed(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"[")?;
    let mut open = 1;
    let end = inner.iter().position(|byte| {
        match byte {
            b'[' => open += 1,
            b']' => open -= 1,
            _ => {}
        }
        open == 0
    })?;
    let (question, rest) = inner.split_at(end);
    Some((question.trim_ascii(), rest.strip_prefix(b"]")?.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::bracketed;

    #[test]
    fn a_question_ends_at_its_own_bracket() {
        let of = |text: &'static str| {
            bracketed(text.as_bytes()).map(|(q, s)| {
                (String::from_utf8(q.to_vec()).unwrap(), String::from_utf8(s.to_vec()).unwrap())
            })
        };
        let pair = |q: &str, s: &str| Some((q.to_owned(), s.to_owned()));
        assert_eq!(
            of("[What is it (no caps)?] the old man"),
            pair("What is it (no caps)?", "the old man")
        );
        assert_eq!(of("[ a [b] c ]  d e "), pair("a [b] c", "d e"));
        assert_eq!(of("[a]]b"), pair("a", "]b"));
        assert_eq!(of("[a [b] c"), None);
        assert_eq!(of("a] b"), None);
        assert_eq!(of("[a]"), pair("a", ""));
    }
}
