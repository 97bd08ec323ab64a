//! Which nicks are one: ISUPPORT CASEMAPPING (<https://modern.ircdocs.horse/#casemapping-parameter>).

/// A server's rule for comparing nicks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Casemap {
    /// `A-Z` are equal to `a-z`, and nothing else is.
    Ascii,
    /// Also `[]\~` with `{}|^`: what IRC uses until the server says otherwise.
    #[default]
    Rfc1459,
    /// As rfc1459 without `~^`.
    Rfc1459Strict,
    /// Unicode (RFC 8265 UsernameCaseMapped); what is not UTF-8 falls back to ASCII.
    Rfc7613,
}

impl Casemap {
    /// Reads the token's value. An unknown one is taken as `rfc1459`, the widest of the old ones:
    /// it is safer to take two nicks for one person's than to miss that they are.
    pub fn parse(value: &str) -> Self {
        match value.to_ascii_lowercase().as_str() {
            "ascii" => Self::Ascii,
            "rfc1459-strict" | "strict-rfc1459" => Self::Rfc1459Strict,
            "rfc7613" | "precis" => Self::Rfc7613,
            _ => Self::Rfc1459,
        }
    }

    /// The one spelling that stands for all spellings of a nick.
    pub fn fold(self, nick: &[u8]) -> Vec<u8> {
        if self == Self::Rfc7613
            && let Ok(text) = std::str::from_utf8(nick)
        {
            return text.to_lowercase().into_bytes();
        }
        // With room for the NUL that libotr wants behind it.
        let mut folded = Vec::with_capacity(nick.len() + 1);
        folded.extend(nick.iter().map(|&byte| self.fold_byte(byte)));
        folded
    }

    /// Whether it is that spelling.
    pub fn is_folded(self, nick: &[u8]) -> bool {
        match self {
            Self::Rfc7613 => self.fold(nick) == nick,
            _ => nick.iter().all(|&byte| self.fold_byte(byte) == byte),
        }
    }

    fn fold_byte(self, byte: u8) -> u8 {
        match (self, byte) {
            (Self::Rfc1459 | Self::Rfc1459Strict, b'[') => b'{',
            (Self::Rfc1459 | Self::Rfc1459Strict, b']') => b'}',
            (Self::Rfc1459 | Self::Rfc1459Strict, b'\\') => b'|',
            (Self::Rfc1459, b'~') => b'^',
            _ => byte.to_ascii_lowercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mapping_takes_its_own_letters_for_one() {
        let same = |map: &str, a: &str, b: &str| {
            let map = Casemap::parse(map);
            for nick in [a, b].map(str::as_bytes) {
                assert_eq!(map.is_folded(nick), map.fold(nick) == nick);
                assert!(map.is_folded(&map.fold(nick)));
            }
            map.fold(a.as_bytes()) == map.fold(b.as_bytes())
        };
        assert!(same("ascii", "Bob", "bOB") && !same("ascii", "b[", "b{"));
        assert!(same("rfc1459", "B[]\\~", "b{}|^"));
        assert!(same("rfc1459-strict", "B[]\\", "b{}|") && !same("strict-rfc1459", "b~", "b^"));
        assert!(same("rfc7613", "ÄRGER", "ärger") && !same("rfc7613", "b[", "b{"));
        assert!(same("something new", "b[", "b{"));
    }

    #[test]
    fn bytes_that_are_no_text_fold_too() {
        assert_eq!(Casemap::Rfc7613.fold(b"\xffBob"), b"\xffbob");
    }
}
