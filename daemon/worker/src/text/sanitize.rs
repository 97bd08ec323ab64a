//! What a peer wrote, made fit to be shown.

use std::borrow::Cow;

/// Longest quotation of a peer in a line of `*otr`, in bytes.
pub const MAX_QUOTE: usize = 200;

/// A peer's words as `*otr` may quote them: one line, no control or formatting bytes, no
/// direction overrides, at most [`MAX_QUOTE`] bytes; bytes that are not UTF-8 are replaced.
pub fn quote(words: &[u8]) -> String {
    let mut out = String::new();
    let clean = String::from_utf8_lossy(words);
    for c in clean.chars().map(|c| if c.is_whitespace() { ' ' } else { c }) {
        if c.is_control() || is_invisible(c) {
            continue;
        }
        if out.len() + c.len_utf8() > MAX_QUOTE {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out.trim().to_owned()
}

/// Characters that change how their neighbours are shown without being seen themselves.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A decrypted text as one IRC text: line breaks become blanks, so that a peer cannot compose a
/// second line, and NUL and CTCP's \x01 are taken out.
pub fn single_line(text: &[u8]) -> Cow<'_, [u8]> {
    // All bytes are looked at, for so the compiler takes many at once.
    let goes = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0 | 1);
    if !text.iter().fold(false, |any, byte| any | goes(byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut broke = false;
    for &byte in text {
        match byte {
            b'\r' | b'\n' => broke = true,
            0 | 1 => {}
            _ => {
                if std::mem::take(&mut broke) && !out.is_empty() {
                    out.push(b' ');
                }
                out.push(byte);
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_one_plain_short_line() {
        assert_eq!(quote(b"what\r\nis\x02 \x0304red\x03\0 ?\x1b"), "what  is 04red ?");
        assert_eq!(quote("a\u{202e}b\u{200b}c".as_bytes()), "abc");
        assert_eq!(quote(b"\xff\xfe").chars().count(), 2);
        assert!(quote(&[b'x'; 70_000]).len() <= MAX_QUOTE + '…'.len_utf8());
    }

    #[test]
    fn decrypted_text_stays_one_line() {
        assert_eq!(&*single_line(b"one\r\ntwo\n\nthree\n"), b"one two three");
        assert_eq!(&*single_line(b"\nPRIVMSG #c :x"), b"PRIVMSG #c :x");
        assert_eq!(&*single_line(b"\x01VERSION\x01\0"), b"VERSION");
    }
}
