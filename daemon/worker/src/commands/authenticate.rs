//! The socialist millionaires' protocol: does the other end know the same secret?

use super::{Arguments, Outcome, Wrong};
use crate::engine::Engine;
use otr::SmpError;
use proto::irc::Nick;
use proto::shim::Style;

pub(super) fn auth(engine: &mut Engine, mut arguments: Arguments<'_>) -> Outcome {
    let nick = arguments.nick()?;
    let secret = arguments.rest();
    if secret.is_empty() {
        return Err(Wrong);
    }
    begin(engine, &nick, None, secret);
    Ok(())
}

pub(super) fn authq(engine: &mut Engine, mut arguments: Arguments<'_>) -> Outcome {
    let nick = arguments.nick()?;
    let (question, secret) = bracketed(arguments.rest()).ok_or(Wrong)?;
    if question.is_empty() || secret.is_empty() {
        return Err(Wrong);
    }
    begin(engine, &nick, Some(question), secret);
    Ok(())
}

pub(super) fn abort(engine: &mut Engine, arguments: Arguments<'_>) -> Outcome {
    engine.smp_abort(&arguments.only_nick()?);
    Ok(())
}

fn begin(engine: &mut Engine, nick: &Nick, question: Option<&[u8]>, secret: &[u8]) {
    match engine.smp(nick, question, secret) {
        Ok(()) => {}
        Err(SmpError::NotPrivate) => engine.say_of(
            nick,
            Style::Bad,
            "There is no private conversation to authenticate: start one first.",
        ),
        Err(error) => engine.say_of(nick, Style::Bad, format!("Not authenticated: {error}.")),
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
