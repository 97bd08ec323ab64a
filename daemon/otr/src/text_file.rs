//! Files that people edit: what editors put in front of the first line, and between lines.

use std::ops::Deref;

use zeroize::Zeroizing;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The content of a text file without byte order marks, in UTF-8 where the mark says UTF-16.
pub enum TextFile<'a> {
    /// A part of the file itself.
    Borrowed(&'a [u8]),
    /// Decoded; may hold a key.
    Decoded(Zeroizing<Vec<u8>>),
}

impl<'a> TextFile<'a> {
    /// Takes any bytes. What is not well-formed UTF-16 behind such a mark becomes U+FFFD.
    #[must_use]
    pub fn new(file: &'a [u8]) -> Self {
        let decoded = match file {
            [0xff, 0xfe, rest @ ..] => decode(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => decode(rest, u16::from_be_bytes),
            _ => None,
        };
        match decoded {
            Some(text) => Self::Decoded(text),
            None => Self::Borrowed(unmarked(file)),
        }
    }
}

impl Deref for TextFile<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(text) => text,
            Self::Decoded(text) => unmarked(text),
        }
    }
}

/// Some editors add a mark each time they save.
fn unmarked(mut file: &[u8]) -> &[u8] {
    while let Some(rest) = file.strip_prefix(UTF8_MARK) {
        file = rest;
    }
    file
}

/// `None` for an odd number of bytes: that is no UTF-16.
fn decode(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Zeroizing<Vec<u8>>> {
    let (units, []) = bytes.as_chunks::<2>() else { return None };
    // Reserved at once, so that no copy of a key is left behind: a unit takes 3 bytes at most.
    let mut text = Zeroizing::new(Vec::with_capacity(3 * units.len()));
    for decoded in char::decode_utf16(units.iter().map(|bytes| unit(*bytes))) {
        let letter = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
        text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(text)
}

/// The lines of a file that are not empty. LF, CR LF and CR end a line.
pub(crate) fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr2_iter(b'\n', b'\r', file).chain([file.len()]);
    let lines = ends.scan(0, |next, end| file.get(std::mem::replace(next, end + 1)..end));
    lines.filter(|line| !line.is_empty())
}

/// A field without blanks, control characters and marks at its end.
pub(crate) fn trimmed_end(mut field: &[u8]) -> &[u8] {
    loop {
        let shorter = match field {
            [rest @ .., last] if *last <= b' ' || *last == 0x7f => rest,
            _ => match INVISIBLE.iter().find_map(|letter| field.strip_suffix(*letter)) {
                Some(rest) => rest,
                None => return field,
            },
        };
        field = shorter;
    }
}

/// The same at both ends.
pub(crate) fn trimmed(mut field: &[u8]) -> &[u8] {
    loop {
        let shorter = match field {
            [first, rest @ ..] if *first <= b' ' || *first == 0x7f => rest,
            _ => match INVISIBLE.iter().find_map(|letter| field.strip_prefix(*letter)) {
                Some(rest) => rest,
                None => return trimmed_end(field),
            },
        };
        field = shorter;
    }
}

/// No-break space, next line, ideographic space, zero-width space, non-joiner and joiner,
/// word joiner, byte order mark.
const INVISIBLE: [&[u8]; 8] = [
    b"\xc2\xa0",
    b"\xc2\x85",
    b"\xe3\x80\x80",
    b"\xe2\x80\x8b",
    b"\xe2\x80\x8c",
    b"\xe2\x80\x8d",
    b"\xe2\x81\xa0",
    UTF8_MARK,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_are_dropped() {
        let utf16 = |text: &str, mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            let units = text.encode_utf16().flat_map(bytes);
            mark.into_iter().chain(units).collect::<Vec<u8>>()
        };
        for (file, text) in [
            (b"bob\t".to_vec(), "bob\t"),
            (b"".to_vec(), ""),
            (b"\xef\xbb\xbf".to_vec(), ""),
            (b"\xef\xbb\xbf\xef\xbb\xbfbob".to_vec(), "bob"),
            (utf16("bob \u{1f512}", [0xff, 0xfe], u16::to_le_bytes), "bob \u{1f512}"),
            (utf16("\u{feff}bob", [0xfe, 0xff], u16::to_be_bytes), "bob"),
        ] {
            assert_eq!(&*TextFile::new(&file), text.as_bytes(), "{file:?}");
        }
        // No text, and a mark that is cut.
        assert_eq!(&*TextFile::new(b"\xff\xfea"), b"\xff\xfea");
        assert_eq!(&*TextFile::new(b"\xff\xfe\x00\xd8"), "\u{fffd}".as_bytes());
        assert_eq!(&*TextFile::new(b"\xef\xbb"), b"\xef\xbb");
    }

    #[test]
    fn every_editors_line_ends_end_a_line() {
        for file in ["a\nb", "a\r\nb\r\n", "a\rb\r", "\n\na\n\n\nb"] {
            let lines: Vec<_> = lines(file.as_bytes()).collect();
            assert_eq!(lines, [b"a", b"b"], "{file:?}");
        }
    }

    #[test]
    fn blanks_at_the_ends_of_a_field_do_not_count() {
        for field in ["smp", " smp", "smp \0\r", "\u{a0}smp\u{200b}\u{3000}", "\u{feff}smp\x7f"] {
            assert_eq!(trimmed(field.as_bytes()), b"smp", "{field:?}");
        }
        for blank in ["", " ", "\0", "\r", "\t \t", "\u{a0}", "\u{feff} \u{2060}", "\u{85}"] {
            assert_eq!(trimmed(blank.as_bytes()), b"", "{blank:?}");
        }
        assert_eq!(trimmed(b"two words"), b"two words");
        assert_eq!(trimmed_end(b" bob "), b" bob");
    }
}
