//! The words behind a command's name.

use proto::irc::Nick;

/// The arguments do not fit: the usage is shown.
pub(super) struct Wrong;

/// What stands behind the command's name. Bytes, for a nick or a secret need not be UTF-8.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a>(&'a [u8]);

impl<'a> Arguments<'a> {
    /// Of a line, with the command's name still in front.
    pub(super) fn of(line: &'a [u8]) -> Self {
        Self(line)
    }

    /// The next word.
    pub(super) fn word(&mut self) -> Option<&'a [u8]> {
        let rest = self.0.trim_ascii_start();
        let end = rest.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    /// All that is left, without blanks at its ends.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0.trim_ascii()
    }

    /// The next word as a nick.
    pub(super) fn nick(&mut self) -> Result<Nick, Wrong> {
        Nick::new(self.word().ok_or(Wrong)?).map_err(|_| Wrong)
    }

    /// The next word as text.
    pub(super) fn text(&mut self) -> Result<&'a str, Wrong> {
        std::str::from_utf8(self.word().ok_or(Wrong)?).map_err(|_| Wrong)
    }

    /// A nick and nothing behind it.
    pub(super) fn only_nick(mut self) -> Result<Nick, Wrong> {
        let nick = self.nick()?;
        self.end()?;
        Ok(nick)
    }

    /// Fails if there is another word.
    pub(super) fn end(self) -> Result<(), Wrong> {
        if self.rest().is_empty() { Ok(()) } else { Err(Wrong) }
    }
}
