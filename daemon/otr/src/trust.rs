//! The trust in a fingerprint, and the words for it in libotr's file and in those of other programs.

use crate::text_file::trimmed;

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
