//! `help`, and commands that only the module can answer.

use super::Engine;
use super::messages::Message;
use crate::commands::{COMMANDS, find};
use crate::text::wrap;

/// The most that a line of `help` takes: clients wrap longer ones.
const COLUMNS: usize = 100;

impl Engine {
    pub(super) fn help(&mut self, word: Option<&[u8]>) {
        let Some(word) = word else {
            // As ZNC's own modules list theirs.
            for command in COMMANDS {
                self.help_line(format!("{}: {}", command.synopsis(), command.summary));
            }
            return;
        };
        let Some(command) = find(word) else { return self.no_such_command() };
        self.help_line(command.usage());
        self.help_line(format!("{}.", command.summary));
        let details = Some(command.details).filter(|details| !details.is_empty());
        for line in details.into_iter().flat_map(|text| wrap::wrap(text.as_bytes(), COLUMNS)) {
            self.help_line(String::from_utf8_lossy(line).into_owned());
        }
    }

    fn help_line(&mut self, line: String) {
        self.output.report(Message::Help { line });
    }

    pub(super) fn no_such_command(&mut self) {
        self.output.report(Message::NoSuchCommand {});
    }

    /// The module answers it for the client that said it. It comes here from elsewhere only.
    pub(super) fn listen(&mut self) {
        self.output.report(Message::OnlyClientsListen {});
    }

    /// The module answers it, which puts the mark there.
    pub(super) fn mark(&mut self) {
        self.output.report(Message::OnlyTheModuleMarks {});
    }
}
