//! What a line to `*otr` says, and how a command is described.

use super::arguments::{Arguments, Wrong};
use proto::command::{Command, Digits, FingerprintOf};
use proto::irc::Nick;

/// One command, as it is typed.
pub struct Typed {
    /// Its name, lower case.
    pub name: &'static str,
    /// Its arguments, as usage shows them.
    pub arguments: &'static str,
    /// One line for the list.
    pub summary: &'static str,
    /// More, for `help <command>`.
    pub details: &'static str,
    pub(super) parse: fn(Arguments<'_>) -> Result<Line, Wrong>,
}

impl Typed {
    /// Its name with its arguments.
    pub fn synopsis(&self) -> String {
        format!("{} {}", self.name, self.arguments).trim_end().to_owned()
    }

    /// How it is used.
    pub fn usage(&self) -> String {
        format!("Usage: {}", self.synopsis())
    }
}

/// What a line says.
pub enum Line {
    /// What an interface can say by a typed method, too.
    Command(Command),
    /// A word that may be a nick and the beginning of a fingerprint: which of them is meant depends on
    /// who and what is known.
    NickOrFingerprint {
        /// `trust` or `distrust`.
        command: fn(FingerprintOf) -> Command,
        /// The word as a nick.
        peer: Nick,
        /// The word as a fingerprint.
        fingerprint: Digits,
    },
    /// `help`, or `help` of one word.
    Help(Option<Vec<u8>>),
    /// `listen`
    Listen,
    /// `mark`
    Mark,
    /// `status`
    Status,
    /// `version`
    Version,
    /// A fingerprint was to be named, and the word can be none.
    NoFingerprint,
    /// The arguments do not fit the command.
    Usage(&'static Typed),
    /// There is no such command.
    Unknown,
}
