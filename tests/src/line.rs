//! One line of IRC.

use std::fmt::{self, Display};

/// A line as it came, and its parts. Text on IRC is bytes: the parts that tests compare are kept
/// as such, and shown lossily.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The whole line without its end.
    pub raw: Vec<u8>,
    /// Message tags, without the `@`.
    pub tags: String,
    /// `nick!user@host` or a server's name.
    pub source: String,
    /// `PRIVMSG`, `001` and so on.
    pub command: String,
    /// The parameters.
    pub params: Vec<Vec<u8>>,
}

impl Line {
    /// Takes a line apart.
    pub fn parse(raw: &[u8]) -> Self {
        let mut rest = raw;
        let mut tags = String::new();
        let mut source = String::new();
        if let Some(after) = rest.strip_prefix(b"@") {
            tags = lossy(word(after));
            rest = skip_word(after);
        }
        if let Some(after) = rest.strip_prefix(b":") {
            source = lossy(word(after));
            rest = skip_word(after);
        }
        let command = lossy(word(rest));
        rest = skip_word(rest);
        let mut params = Vec::new();
        while !rest.is_empty() {
            if let Some(last) = rest.strip_prefix(b":") {
                params.push(last.to_vec());
                break;
            }
            params.push(word(rest).to_vec());
            rest = skip_word(rest);
        }
        Self { raw: raw.to_vec(), tags, source, command, params }
    }

    /// The nick of the source.
    pub fn nick(&self) -> &str {
        self.source.split('!').next().unwrap_or_default()
    }

    /// The first parameter: a target.
    pub fn target(&self) -> String {
        self.params.first().map(|param| lossy(param)).unwrap_or_default()
    }

    /// The last parameter, as it came.
    pub fn bytes(&self) -> &[u8] {
        self.params.last().map(Vec::as_slice).unwrap_or_default()
    }

    /// The last parameter.
    pub fn text(&self) -> String {
        lossy(self.bytes())
    }

    /// The last parameter without bold, colours and the like.
    pub fn plain_text(&self) -> String {
        let mut plain = String::new();
        let text = self.text();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\x02' | '\x0f' | '\x16' | '\x1d' | '\x1f' => {}
                '\x03' => {
                    for _ in 0..2 {
                        letters.next_if(char::is_ascii_digit);
                    }
                }
                other => plain.push(other),
            }
        }
        plain
    }

    /// What a `/me` says.
    pub fn action(&self) -> Option<String> {
        let inner = self.bytes().strip_prefix(b"\x01ACTION ")?;
        Some(lossy(inner.strip_suffix(b"\x01").unwrap_or(inner)))
    }

    /// Is it a message of this kind from this nick?
    pub fn is(&self, command: &str, nick: &str) -> bool {
        self.command == command && self.nick().eq_ignore_ascii_case(nick)
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&lossy(&self.raw))
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn word(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == b' ').next().unwrap_or_default()
}

fn skip_word(bytes: &[u8]) -> &[u8] {
    let rest = bytes.get(word(bytes).len()..).unwrap_or_default();
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    rest.get(blanks..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart() {
        let line = Line::parse(b"@time=1;a=b :bob!~b@host PRIVMSG alice :hello \xff there ");
        assert_eq!(line.tags, "time=1;a=b");
        assert_eq!(line.nick(), "bob");
        assert_eq!(line.target(), "alice");
        assert_eq!(line.bytes(), b"hello \xff there ");
    }

    #[test]
    fn formatting_can_be_taken_off() {
        let line = Line::parse(b":*otr!znc@znc.in PRIVMSG alice :\x0304[bob] \x02no\x0f 7");
        assert_eq!(line.plain_text(), "[bob] no 7");
    }

    #[test]
    fn an_action_is_known() {
        let line = Line::parse(b":bob!b@h PRIVMSG alice :\x01ACTION waves\x01");
        assert_eq!(line.action().as_deref(), Some("waves"));
        assert_eq!(Line::parse(b":bob!b@h PRIVMSG alice hi").action(), None);
    }
}
