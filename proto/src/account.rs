//! Whose keys: a Unix user, one of their ZNC users, and one of that user's IRC networks.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A ZNC user's or a network's name: 1 to [`Name::MAX`] bytes of UTF-8 without control
/// characters, blanks, `/`, `\` or `..`, and not starting with a dot.
///
/// ZNC itself is narrower. What is refused here could climb out of a state directory, or end a
/// line of libotr's files.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Name(String);

/// What is percent-encoded in a file name.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// An account name that otrd will not keep.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an account name: use 1 to 64 bytes without blanks, '/', '\\' or '..'")]
pub struct BadName;

impl Name {
    /// Longest name in bytes.
    pub const MAX: usize = 64;

    /// Checks a name: 1 to 64 bytes, without blanks, slashes, a dot in front, or `..`.
    pub fn new(name: impl Into<String>) -> Result<Self, BadName> {
        let name = name.into();
        let fits = (1..=Self::MAX).contains(&name.len());
        let bad = |c: char| c.is_control() || c.is_whitespace() || c == '/' || c == '\\';
        if !fits || name.starts_with('.') || name.contains("..") || name.contains(bad) {
            return Err(BadName);
        }
        Ok(Self(name))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a file name: everything but ASCII letters, digits, `-`, `_` and inner dots is
    /// percent-encoded (RFC 3986 section 2.1), so that two names never share a directory.
    pub fn file_name(&self) -> String {
        utf8_percent_encode(&self.0, &ENCODED).to_string()
    }

    /// Undoes [`Name::file_name`]; `None` for a file that no account made.
    pub fn from_file_name(file: &str) -> Option<Self> {
        let name = Self::new(percent_decode_str(file).decode_utf8().ok()?).ok()?;
        (name.file_name() == file).then_some(name)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Name::new(String::deserialize(input)?).map_err(de::Error::custom)
    }
}

/// One set of keys. The uid is never taken from the wire: it is the connecting process's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Account {
    /// Unix user id of the ZNC that connected (SO_PEERCRED).
    pub uid: u32,
    /// The ZNC user's name.
    pub user: Name,
    /// The IRC network of that user.
    pub network: Name,
}

impl Account {
    /// The account's directory within the state directory. No two accounts share one.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.uid, self.user.file_name(), self.network.file_name())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.uid, self.user, self.network)
    }
}

/// Names an account. Root may name any uid, others only their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// Whose; the caller's own where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The ZNC user's name.
    pub user: Name,
    /// The network's name in ZNC.
    pub network: Name,
}
