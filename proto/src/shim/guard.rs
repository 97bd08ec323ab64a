//! What the module's guard and the daemon tell each other of whom nothing goes to in clear.

use crate::irc::Nick;
use serde::{Deserialize, Serialize};

/// Whom the module holds closed, by hash: it keeps no nick on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedNicks {
    /// Written in front of each folded nick before it is hashed.
    pub salt: String,
    /// The first 16 bytes of each SHA-256, in hexadecimal digits.
    pub hashes: Vec<String>,
    /// There were too many to keep: everybody is closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everybody: bool,
    /// By the last rules that the module heard, something was required.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
}

/// Nicks that a module may hold closed, beyond which it closes everybody.
pub const MAX_CLOSED: usize = 1024;

/// What a policy says of the lines that other modules write: the first rule that fits a nick
/// decides, and without any they pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Nicks, with `*` and `?`.
    pub pattern: Nick,
    /// Nothing goes out in clear.
    pub required: bool,
}

/// One spelling for all that any CASEMAPPING takes for the same nick: A-Z, `[]\~` and `{}|^`,
/// full-width forms, and the two other characters that stand for an ASCII one.
pub fn fold(nick: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(nick.len());
    let mut rest = nick;
    while let Some((&first, others)) = rest.split_first() {
        let (byte, left) = match rest {
            [0xef, 0xbc, third @ 0x81..=0xbf, left @ ..] => (third - 0x81 + 0x21, left),
            [0xef, 0xbd, third @ 0x80..=0x9e, left @ ..] => (third - 0x80 + 0x60, left),
            [0xe2, 0x84, 0xaa, left @ ..] => (b'k', left),
            [0xe1, 0xbf, 0xaf, left @ ..] => (b'`', left),
            _ => (first, others),
        };
        folded.push(match byte {
            b'[' => b'{',
            b']' => b'}',
            b'\\' => b'|',
            b'~' => b'^',
            byte => byte.to_ascii_lowercase(),
        });
        rest = left;
    }
    folded
}
