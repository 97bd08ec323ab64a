//! The names that libotr is given, and the two values that it knows people by.

use std::ffi::{CStr, CString};
use std::fmt;

use crate::text_file::trimmed;

/// Longest name of a peer or an account, in bytes. With two of them a line of
/// libotr's fingerprint file stays well under the 1000 bytes that it can read.
pub const MAX_NAME: usize = 200;

/// Why a name cannot be used with libotr's files.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// The name has no bytes.
    #[error("the name is empty: give a nick")]
    Empty,
    /// The name has more than [`MAX_NAME`] bytes.
    #[error("the name is longer than {MAX_NAME} bytes: use a shorter one")]
    TooLong,
    /// NUL, tab, CR or LF: each would end a field or a line of libotr's files.
    #[error("the name contains a tab, a line end or NUL: use one without")]
    Separator,
}

/// The validated name of a peer: 1 to [`MAX_NAME`] bytes without NUL, tab, CR
/// or LF. Compared byte by byte: the caller folds case before.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Peer(CString);

impl Peer {
    /// Checks `name` and keeps it.
    ///
    /// # Errors
    /// [`NameError`] if libotr's files could not hold the name.
    pub fn new(name: &[u8]) -> Result<Peer, NameError> {
        let mut copy = Vec::with_capacity(name.len() + 1);
        copy.extend_from_slice(name);
        Peer::from_vec(copy)
    }

    /// The same without a copy, where there is room for a NUL behind it.
    ///
    /// # Errors
    /// As [`Peer::new`].
    pub fn from_vec(name: Vec<u8>) -> Result<Peer, NameError> {
        Peer::check(&name)?;
        CString::new(name).map(Peer).map_err(|_| NameError::Separator)
    }

    /// Whether this can be a peer's name.
    pub(crate) fn check(name: &[u8]) -> Result<(), NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > MAX_NAME {
            return Err(NameError::TooLong);
        }
        if name.iter().any(|byte| matches!(byte, 0 | b'\t' | b'\r' | b'\n')) {
            return Err(NameError::Separator);
        }
        Ok(())
    }

    /// The name, without the final NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The name as libotr wants it.
    pub(crate) fn as_c(&self) -> &CStr {
        &self.0
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.0.as_bytes().escape_ascii())
    }
}

/// SHA-1 of a DSA public key: how OTR names a key (OTR spec, "fingerprint").
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint([u8; 20]);

impl Fingerprint {
    /// From its 20 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 20]) -> Fingerprint {
        Fingerprint(bytes)
    }

    /// Its 20 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// 40 lower-case digits, as in libotr's fingerprint file.
    #[must_use]
    pub fn to_hex(&self) -> String {
        let digit = |value: u8| char::from_digit(value.into(), 16);
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).flatten().collect()
    }

    /// 40 hexadecimal digits in either case; spaces are ignored. `None` for
    /// anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Fingerprint> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
        Fingerprint::from_digits(digits.as_slice().try_into().ok()?)
    }

    /// 40 hexadecimal digits in either case, and nothing else.
    pub(crate) fn from_digits(digits: &[u8; 40]) -> Option<Fingerprint> {
        // All at once and without a branch each: a long history has many.
        let digits = digits.map(|byte| match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => u8::MAX,
        });
        let (pairs, _) = digits.as_chunks::<2>();
        let mut bytes = [0; 20];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = high << 4 | low;
        }
        (digits.iter().fold(0, |all, digit| all | digit) < 16).then_some(Fingerprint(bytes))
    }

    /// Whether `prefix` (hexadecimal in either case, spaces ignored) begins
    /// this fingerprint. An empty prefix begins none.
    #[must_use]
    pub fn starts_with_hex(&self, prefix: &str) -> bool {
        let wanted: String =
            prefix.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_lowercase()).collect();
        !wanted.is_empty() && self.to_hex().starts_with(&wanted)
    }
}

/// As OTR programs print it: `A305FE90 2B4A8038 03BF89F7 5BBD5595 4B9D209A`.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let space = if i > 0 && i % 4 == 0 { " " } else { "" };
            write!(f, "{space}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// A version of the OTR protocol that we speak. Version 1 is broken and 4 has
/// no library.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// No instance tags.
    V2,
    /// With instance tags.
    V3,
}

/// How a fingerprint came to be trusted: the last field of libotr's file.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum Trust {
    /// Not trusted: the field is empty.
    #[default]
    None,
    /// `manual`: the user compared fingerprints.
    Manual,
    /// `smp`: a shared secret was checked.
    SharedSecret,
    /// Another program's word for `manual`, one of [`OTHER_WORDS`]. It is kept as it was.
    Other(&'static str),
}

/// Words of other programs for a fingerprint that the user compared: Pidgin, Adium, Kopete, Gajim and
/// weechat's script; BitlBee, unless its user names another; mcabber; profanity; Centerim. irssi and
/// HexChat write our own.
const OTHER_WORDS: [&str; 5] = ["verified", "affirmed", "trust", "trusted", "yes"];
/// Words that say no: Centerim's, and that of bots built on potr.
const NO_WORDS: [&str; 2] = ["no", "untrusted"];

impl Trust {
    /// From the field of libotr's file, without regard to case and to blanks at its ends. `None`
    /// for a word that no program is known to write.
    #[must_use]
    pub fn parse(field: &[u8]) -> Option<Trust> {
        let word = trimmed(field);
        let is = |known: &&str| word.eq_ignore_ascii_case(known.as_bytes());
        Some(match word {
            b"" => Trust::None,
            // An empty field, and one more behind it.
            _ if field.first() == Some(&b'\t') => return None,
            _ if is(&"manual") => Trust::Manual,
            _ if is(&"smp") => Trust::SharedSecret,
            _ if NO_WORDS.iter().any(is) => Trust::None,
            _ => Trust::Other(OTHER_WORDS.into_iter().find(is)?),
        })
    }

    /// The same, with an unknown word as no trust.
    #[must_use]
    pub fn from_field(field: &[u8]) -> Trust {
        Trust::parse(field).unwrap_or_default()
    }

    /// The field of libotr's file.
    #[must_use]
    pub fn as_field(&self) -> &'static [u8] {
        match self {
            Trust::None => b"",
            Trust::Manual => b"manual",
            Trust::SharedSecret => b"smp",
            Trust::Other(word) => word.as_bytes(),
        }
    }

    /// Whether the user or a shared secret says whose the key is.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        *self != Trust::None
    }

    /// The stronger of two: a shared secret, then the user's word, then nothing. Of two words for
    /// the same, this one.
    #[must_use]
    pub fn strongest(self, other: Trust) -> Trust {
        let rank = |trust: &Trust| match trust {
            Trust::None => 0,
            Trust::Manual | Trust::Other(_) => 1,
            Trust::SharedSecret => 2,
        };
        if rank(&other) > rank(&self) { other } else { self }
    }
}
