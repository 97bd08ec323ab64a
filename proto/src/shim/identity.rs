//! What tells one network of a ZNC user from all others, whatever they are called.

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A random number of 128 bits that the module keeps in its registry: [`Identity::LENGTH`]
/// lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Identity(String);

/// Not an identity.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an identity: send 32 lower-case hexadecimal digits")]
pub struct BadIdentity;

impl Identity {
    /// Its length in bytes.
    pub const LENGTH: usize = 32;

    /// Checks that an identity is 32 lower-case hexadecimal digits.
    pub fn new(identity: impl Into<String>) -> Result<Self, BadIdentity> {
        let identity = identity.into();
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match identity.len() == Self::LENGTH && identity.bytes().all(is_digit) {
            true => Ok(Self(identity)),
            false => Err(BadIdentity),
        }
    }

    /// The identity's hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whoever reads a log cannot say it for another network.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Identity::new(String::deserialize(input)?).map_err(de::Error::custom)
    }
}
