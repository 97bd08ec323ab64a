//! The report of `otrctl doctor`, and how it is printed.

use crate::render::{clean, colours, paint};
use proto::shim::Style;
use serde::Serialize;

/// The result of `otrctl doctor`.
#[derive(Serialize)]
pub struct Report {
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Check {
    /// Name of the check, such as `kernel`.
    pub name: &'static str,
    /// Outcome of the check.
    pub state: State,
    /// What the check found, in words for people.
    pub says: String,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works; something could be better, or could not be looked at.
    Warn,
    /// Something does not work or is not safe.
    Fail,
}

impl Check {
    pub fn ok(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, state: State::Ok, says: says.into(), hint: None }
    }

    pub fn warn(name: &'static str, says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, state: State::Warn, says: says.into(), hint: Some(hint.into()) }
    }

    pub fn fail(name: &'static str, says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, state: State::Fail, says: says.into(), hint: Some(hint.into()) }
    }
}

/// Whether everything is as it should be.
pub fn shown(report: &Report) -> String {
    let colour = colours();
    let mut out = String::new();
    for Check { name, state, says, hint } in &report.checks {
        let (word, style) = match state {
            State::Ok => ("ok  ", Style::Good),
            State::Warn => ("warn", Style::Warn),
            State::Fail => ("FAIL", Style::Bad),
        };
        let (on, off) = if colour { paint(style) } else { ("", "") };
        out.push_str(&format!("{on}{word}{off}  {name}: {}\n", clean(says)));
        if let Some(hint) = hint {
            out.push_str(&format!("      {}\n", clean(hint)));
        }
    }
    out
}
