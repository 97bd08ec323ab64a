//! The fingerprint of a DSA public key.

use std::fmt;

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
