//! With whom OTR is used, and how far.

use super::{Arguments, Line, Wrong};
use crate::engine::{Engine, Policy};
use proto::command::{self, Command, Patterns, PolicyWord};
use proto::shim::Style;

pub(super) fn ignore(engine: &mut Engine, patterns: &Patterns) {
    match (patterns.remove, patterns.pattern.as_deref()) {
        (_, None) => engine.list_patterns(
            |settings| &settings.ignore,
            "OTR is disabled for following nicks:",
            "OTR is not disabled for any nick.",
        ),
        (false, Some(pattern)) => {
            if let Some(nick) = engine.private_under(pattern, None) {
                engine.say(Style::Bad, format!("Not added: there is a private conversation with {nick}. Say finish {nick} first."));
                return;
            }
            let added = engine.add_pattern(|settings| &mut settings.ignore, pattern);
            match added {
                Ok(true) => {
                    engine.say(Style::Plain, format!("Added {pattern} to OTR ignore list."))
                }
                Ok(false) => engine
                    .say(Style::Plain, format!("{pattern} is on the OTR ignore list already.")),
                Err(why) => engine.say(Style::Bad, why),
            }
        }
        (true, Some(pattern)) => match engine
            .remove_pattern(|settings| &mut settings.ignore, pattern)
        {
            true => engine.say(Style::Plain, format!("Removed {pattern} from OTR ignore list")),
            false => engine.say(Style::Bad, format!("{pattern} is not on the OTR ignore list.")),
        },
    }
}

pub(super) fn enable(engine: &mut Engine, patterns: &Patterns) {
    match (patterns.remove, patterns.pattern.as_deref()) {
        (_, None) => engine.list_patterns(
            |settings| &settings.enable,
            "OTR is enabled, against ignore, for following nicks:",
            "There is no exception to the OTR ignore list.",
        ),
        (false, Some(pattern)) => {
            match engine.add_pattern(|settings| &mut settings.enable, pattern) {
                Ok(true) => {
                    engine.say(Style::Plain, format!("Added {pattern} to OTR enable list."))
                }
                Ok(false) => engine
                    .say(Style::Plain, format!("{pattern} is on the OTR enable list already.")),
                Err(why) => engine.say(Style::Bad, why),
            }
        }
        (true, Some(pattern)) => {
            if let Some(nick) = engine.private_under(pattern, None) {
                engine.say(Style::Bad, format!("Not removed: there is a private conversation with {nick}. Say finish {nick} first."));
                return;
            }
            match engine.remove_pattern(|settings| &mut settings.enable, pattern) {
                true => engine.say(Style::Plain, format!("Removed {pattern} from OTR enable list")),
                false => {
                    engine.say(Style::Bad, format!("{pattern} is not on the OTR enable list."))
                }
            }
        }
    }
}

pub(super) fn policy(engine: &mut Engine, policy: &command::Policy) {
    match (&policy.pattern, policy.policy) {
        (None, _) => engine.show_policies(),
        (Some(pattern), None) => engine.show_policy(pattern),
        (Some(pattern), Some(word)) => engine.set_policy(pattern, Policy::of_word(word)),
    }
}

pub(super) fn parse_policy(mut arguments: Arguments<'_>) -> Result<Line, Wrong> {
    let mut next = || {
        let word = arguments.word().map(std::str::from_utf8).transpose();
        word.map_err(|_| Wrong)
    };
    let (pattern, word) = (next()?.map(str::to_owned), next()?);
    let policy = word.map(|word| PolicyWord::from_word(word).ok_or(Wrong)).transpose()?;
    arguments.end()?;
    Ok(Line::Command(Command::Policy(command::Policy { pattern, policy })))
}

/// `[--remove] [pattern]`
pub(super) fn parse(mut arguments: Arguments<'_>) -> Result<Patterns, Wrong> {
    let mut ahead = arguments;
    let remove = ahead.word().is_some_and(|word| word.eq_ignore_ascii_case(b"--remove"));
    if remove {
        arguments = ahead;
    }
    if arguments.rest().is_empty() {
        return if remove { Err(Wrong) } else { Ok(Patterns::default()) };
    }
    let pattern = Some(arguments.text()?.to_owned());
    arguments.end()?;
    Ok(Patterns { pattern, remove })
}
