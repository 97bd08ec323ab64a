//! `help`: the commands, and how each is used.

use super::messages::Message;
use super::output::Output;
use crate::commands::{COMMANDS, find};
use crate::text::wrap;

/// The most that a line of `help` takes: clients wrap longer ones.
const COLUMNS: usize = 100;

/// Says what there is, or how one command is used.
pub(super) fn say(word: Option<&[u8]>, output: &mut Output) {
    let Some(word) = word else {
        // As ZNC's own modules list theirs.
        for command in COMMANDS {
            line(output, format!("{}: {}", command.synopsis(), command.summary));
        }
        return;
    };
    let Some(command) = find(word) else { return output.report(Message::NoSuchCommand {}) };
    line(output, command.usage());
    line(output, format!("{}.", command.summary));
    let details = Some(command.details).filter(|details| !details.is_empty());
    for piece in details.into_iter().flat_map(|text| wrap::wrap(text.as_bytes(), COLUMNS)) {
        line(output, String::from_utf8_lossy(piece).into_owned());
    }
}

fn line(output: &mut Output, line: String) {
    output.report(Message::Help { line });
}
