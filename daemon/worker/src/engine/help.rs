//! `help`, and commands that only the module can answer.

use super::Engine;
use crate::commands::{COMMANDS, find};
use crate::text::wrap;
use proto::shim::Style;

/// The most that a line of `help` takes: clients wrap longer ones.
const COLUMNS: usize = 100;

impl Engine {
    pub(super) fn help(&mut self, word: Option<&[u8]>) {
        let Some(word) = word else {
            // As ZNC's own modules list theirs.
            for command in COMMANDS {
                self.say(Style::Plain, format!("{}: {}", command.synopsis(), command.summary));
            }
            return;
        };
        let Some(command) = find(word) else { return self.no_such_command() };
        self.say(Style::Plain, command.usage());
        self.say(Style::Plain, format!("{}.", command.summary));
        let details = Some(command.details).filter(|details| !details.is_empty());
        for line in details.into_iter().flat_map(|text| wrap::wrap(text.as_bytes(), COLUMNS)) {
            self.say(Style::Plain, String::from_utf8_lossy(line));
        }
    }

    pub(super) fn no_such_command(&mut self) {
        self.say(Style::Bad, "No such command. Say help for the list of commands.");
    }

    /// The module answers it for the client that said it. It comes here from elsewhere only.
    pub(super) fn listen(&mut self) {
        self.say(
            Style::Bad,
            "Only a client of ZNC can listen, and its otr module sees to it: update the module.",
        );
    }

    /// The module answers it, which puts the mark there.
    pub(super) fn mark(&mut self) {
        self.say(
            Style::Bad,
            "Only ZNC's otr module can mark text: say it to *otr there, or update the module.",
        );
    }
}
