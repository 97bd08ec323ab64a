//! With whom OTR is used, and how far.

use super::{Arguments, Outcome, Wrong};
use crate::engine::{Engine, Policy};
use proto::shim::Style;

pub(super) fn ignore(engine: &mut Engine, arguments: Arguments<'_>) -> Outcome {
    let (remove, pattern) = parse(arguments)?;
    match (remove, pattern) {
        (false, None) => engine.list_patterns(
            |settings| &settings.ignore,
            "OTR is disabled for following nicks:",
            "OTR is not disabled for any nick.",
        ),
        (true, None) => return Err(Wrong),
        (false, Some(pattern)) => {
            if let Some(nick) = engine.private_under(pattern, None) {
                engine.say(Style::Bad, format!("Not added: there is a private conversation with {nick}. Say finish {nick} first."));
                return Ok(());
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
    Ok(())
}

pub(super) fn enable(engine: &mut Engine, arguments: Arguments<'_>) -> Outcome {
    let (remove, pattern) = parse(arguments)?;
    match (remove, pattern) {
        (false, None) => engine.list_patterns(
            |settings| &settings.enable,
            "OTR is enabled, against ignore, for following nicks:",
            "There is no exception to the OTR ignore list.",
        ),
        (true, None) => return Err(Wrong),
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
                return Ok(());
            }
            match engine.remove_pattern(|settings| &mut settings.enable, pattern) {
                true => engine.say(Style::Plain, format!("Removed {pattern} from OTR enable list")),
                false => {
                    engine.say(Style::Bad, format!("{pattern} is not on the OTR enable list."))
                }
            }
        }
    }
    Ok(())
}

pub(super) fn policy(engine: &mut Engine, mut arguments: Arguments<'_>) -> Outcome {
    let Some(pattern) = arguments.word() else {
        engine.show_policies();
        return Ok(());
    };
    let pattern = std::str::from_utf8(pattern).map_err(|_| Wrong)?;
    let Some(word) = arguments.word() else {
        engine.show_policy(pattern);
        return Ok(());
    };
    arguments.end()?;
    let word = std::str::from_utf8(word).map_err(|_| Wrong)?;
    let policy = match word.eq_ignore_ascii_case("default") {
        true => None,
        false => Some(Policy::parse(word).ok_or(Wrong)?),
    };
    engine.set_policy(pattern, policy);
    Ok(())
}

/// `[--remove] [pattern]`
fn parse(mut arguments: Arguments<'_>) -> Result<(bool, Option<&str>), Wrong> {
    let mut ahead = arguments;
    let remove = ahead.word().is_some_and(|word| word.eq_ignore_ascii_case(b"--remove"));
    if remove {
        arguments = ahead;
    }
    if arguments.rest().is_empty() {
        return Ok((remove, None));
    }
    let pattern = arguments.text()?;
    arguments.end()?;
    Ok((remove, Some(pattern)))
}
