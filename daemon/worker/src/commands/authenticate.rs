//! The socialist millionaires' protocol: does the other end know the same secret?

use super::{Arguments, Line, Wrong};
use crate::engine::Engine;
use crate::engine::messages::Message;
use otr::SmpError;
use proto::command::{Command, Secret, Smp};
use proto::irc::Text;

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

pub(super) fn begin(engine: &mut Engine, smp: &Smp) {
    let Smp { peer, secret, question } = smp;
    match engine.smp(peer, question.as_ref().map(Text::as_bytes), secret.as_bytes()) {
        Ok(()) => {}
        Err(SmpError::NotPrivate) => engine.report_of(peer, Message::AuthNotPrivate {}),
        Err(error) => engine.report_of(peer, Message::AuthError { reason: error.to_string() }),
    }
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
