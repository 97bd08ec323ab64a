//! Answers for people: plain tables, colour only on a terminal and only where it is wanted.

use crate::failure::Failure;
use crate::terminal;
use proto::admin::Output;
use proto::jsonrpc::one_line;
use proto::shim::{Effect, Style};
use serde::Serialize;
use std::fmt::Write;
use std::io::IsTerminal;

/// The result as JSON, or as `people` writes it for a person.
pub fn render<T: Serialize>(
    json: bool,
    result: &T,
    people: impl FnOnce(&T) -> String,
) -> Result<String, Failure> {
    if !json {
        return Ok(people(result));
    }
    let text = serde_json::to_string(result);
    let text = text.map_err(|error| Failure::Internal(format!("cannot write JSON: {error}")))?;
    Ok(terminal::json(&text) + "\n")
}

/// What `*otr` said, as text for the terminal.
pub fn output(output: &Output) -> String {
    let colour = colours();
    let mut out = String::new();
    for effect in &output.output {
        match effect {
            Effect::Print { text, style, .. } => {
                let (on, off) = if colour { paint(*style) } else { ("", "") };
                // Writing to a string does not fail.
                let _ = writeln!(out, "{on}{}{off}", one_line(text));
            }
            Effect::Table { columns, rows } => {
                let cells = |row: &Vec<_>| row.iter().map(one_line).collect();
                out.push_str(&table(columns, rows.iter().map(cells).collect()));
            }
            _ => {}
        }
    }
    out
}

/// Whether a command was not done, or not all of it.
pub fn is_refused(output: &Output) -> bool {
    let refuses = |effect: &Effect| matches!(effect, Effect::Print { style: Style::Bad, .. });
    output.output.iter().any(refuses)
}

/// Whether there are colours: <https://no-color.org>
pub fn colours() -> bool {
    std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// What turns a colour on and off again.
pub fn paint(style: Style) -> (&'static str, &'static str) {
    match style {
        Style::Plain => ("", ""),
        Style::Good => ("\x1b[32m", "\x1b[0m"),
        Style::Warn => ("\x1b[33m", "\x1b[0m"),
        Style::Bad => ("\x1b[31m", "\x1b[0m"),
    }
}

/// Columns two blanks apart. A short row stays short.
pub fn table(heads: &[String], rows: Vec<Vec<String>>) -> String {
    let lines = || std::iter::once(heads).chain(rows.iter().map(Vec::as_slice));
    let mut widths: Vec<usize> = Vec::new();
    for line in lines() {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(clean(cell).chars().count());
        }
    }
    let mut out = String::new();
    for line in lines() {
        let cells: Vec<_> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{:<width$}", clean(cell)))
            .collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// Nothing that moves a cursor.
pub fn clean(text: &str) -> String {
    terminal::word(text)
}

/// A time in seconds, in its two largest units. That keeps the columns of a table narrow, which
/// humantime's `10days 10h 3m 20s` would not; and its months of 30.44 days are no uptime.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::irc::Text;
    use proto::shim::About;

    #[test]
    fn a_table_is_aligned_and_moves_no_cursor() {
        let row = |cells: [&str; 2]| cells.map(Text::from).to_vec();
        let columns = vec!["Peer".into(), "State".into()];
        let rows = vec![row(["bob", "encrypted"]), row(["a\x1b[2Jmallory", "plain\r\n"])];
        let shown = output(&Output { output: vec![Effect::Table { columns, rows }] });
        assert_eq!(shown, "Peer         State\nbob          encrypted\na[2Jmallory  plain\n");
    }

    #[test]
    fn effects_that_are_none_of_an_admins_are_not_shown() {
        let print = Effect::Print {
            text: "hello".into(),
            style: Style::Good,
            repeat: false,
            about: About::default(),
        };
        let shown = output(&Output { output: vec![Effect::Pass, print] });
        assert_eq!(shown, "hello\n");
    }

    #[test]
    fn times_are_short() {
        let shown = [0, 59, 60, 3599, 3600, 86399, 86400, 900_000].map(duration);
        assert_eq!(shown, ["0s", "59s", "1m00s", "59m59s", "1h00m", "23h59m", "1d00h", "10d10h"]);
    }
}
