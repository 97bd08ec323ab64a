//! What may reach a terminal: names of files and accounts come from others, and what is in them must
//! neither move the cursor, nor look like a line of ours, nor turn the letters around.

use std::io::{self, Write};
use std::path::Path;

/// What otrctl itself puts around a line, and nothing else that begins with ESC.
pub const COLOURS: [&str; 4] = ["\x1b[0m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];

/// Writes to standard output.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(safe(text).as_bytes())?;
    out.flush()
}

/// All of otrctl's output, errors and questions pass here.
pub fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = COLOURS.iter().find(|colour| rest.starts_with(**colour));
        let taken = colour.map_or(c.len_utf8(), |colour| colour.len());
        match colour {
            Some(colour) => out.push_str(colour),
            None if c == '\n' => out.push(c),
            None => out.push(visible(c)),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

/// A file's name, on one line.
pub fn name(path: &Path) -> String {
    word(&path.to_string_lossy())
}

/// A word that somebody else chose, on one line.
pub fn word(word: &str) -> String {
    word.chars().map(visible).collect()
}

/// JSON for a terminal: what [`safe`] would change stands there as an escape, which means the same.
pub fn json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match visible(c) == c {
            true => out.push(c),
            false => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out
}

fn visible(c: char) -> char {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    if c.is_control() || turns || breaks { char::REPLACEMENT_CHARACTER } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_colours_pass() {
        let text = "\x1b[31mFAIL\x1b[0m a\u{1b}]0;x\u{7}b\r\u{9b}31mc\td\u{202e}e\u{7f}\nf\x1b[2J";
        let shown = safe(text);
        assert_eq!(
            shown,
            "\x1b[31mFAIL\x1b[0m a\u{fffd}]0;x\u{fffd}b\u{fffd}\u{fffd}31mc\u{fffd}d\u{fffd}e\u{fffd}\nf\u{fffd}[2J"
        );
        assert_eq!(name(Path::new("a\n\x1b[31mb")), "a\u{fffd}\u{fffd}[31mb");
    }

    #[test]
    fn json_says_the_same_as_before() {
        let value = "a\u{9b}31m\u{202e}\u{7f}\u{1b}b\n";
        let text = json(&serde_json::to_string(value).unwrap());
        assert_eq!(safe(&text), text);
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
    }
}
