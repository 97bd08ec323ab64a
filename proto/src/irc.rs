//! IRC text and nicks: bytes, which JSON can only carry as strings where they are UTF-8.

use crate::wiped::WipedBytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes of one IRC text, at most one protocol line long.
///
/// On the wire a JSON string where the bytes are UTF-8 without NUL, otherwise `{"b64": "…"}`
/// (RFC 4648 section 4, padded). `Debug` shows the length only: text never reaches a log. Wiped
/// when it is dropped.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(WipedBytes);

impl Text {
    /// Wraps bytes as they came from IRC.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into().into())
    }

    /// The bytes as IRC carries them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Writes bytes as a text.
    pub(crate) fn serialize_bytes<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) if !has_nul(text) => out.serialize_str(text),
            _ => {
                let mut map = out.serialize_map(Some(1))?;
                map.serialize_entry("b64", &BASE64.encode(bytes))?;
                map.end()
            }
        }
    }

    /// Gives the bytes away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_vec()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec().into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

fn has_nul(text: &str) -> bool {
    memchr::memchr(0, text.as_bytes()).is_some()
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        Self::serialize_bytes(&self.0, out)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string without NUL, or an object with one member b64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        if has_nul(text) {
            return Err(E::custom("text with NUL must be sent as b64"));
        }
        Ok(Text::from(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        let mut bytes = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "b64" || bytes.is_some() {
                return Err(de::Error::custom("text is one member b64 and nothing else"));
            }
            let encoded: String = map.next_value()?;
            bytes = Some(BASE64.decode(encoded).map_err(|_| de::Error::custom("b64 is damaged"))?);
        }
        bytes.map(Text::new).ok_or_else(|| de::Error::custom("b64 is missing"))
    }
}

/// A nick as IRC carries it: 1 to [`Nick::MAX`] bytes, none of which could end or split an IRC
/// line, a parameter, or a line of libotr's own files.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Nick(Text);

/// A nick that no IRC server could have sent.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a nick: send 1 to 128 bytes without blanks, control bytes, '!' or ','")]
pub struct BadNick;

impl Nick {
    /// Longest nick in bytes; servers' NICKLEN is below 64 nearly everywhere.
    pub const MAX: usize = 128;

    /// Checks the bytes of a nick.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, BadNick> {
        let bytes = bytes.into();
        let fits = (1..=Self::MAX).contains(&bytes.len());
        let clean = bytes.iter().all(|&b| b > b' ' && b != 0x7f && !b"!,".contains(&b));
        if fits && clean && bytes.first() != Some(&b':') {
            Ok(Self(Text::new(bytes)))
        } else {
            Err(BadNick)
        }
    }

    /// The nick's bytes, as they go into a line.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The nick for people to read; bytes that are not UTF-8 are replaced.
    pub fn display(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }
}

impl fmt::Debug for Nick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nick({})", self.as_bytes().escape_ascii())
    }
}

impl<'de> Deserialize<'de> for Nick {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Nick::new(Text::deserialize(input)?.into_bytes()).map_err(de::Error::custom)
    }
}

/// `nick!user@host` as it stands before an IRC command. Only the nick has to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    nick: Nick,
    whole: Text,
}

impl Source {
    /// Longest mask in bytes: the most that fits before a command in a line of 512.
    pub const MAX: usize = 480;

    /// Checks a mask's bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, BadNick> {
        let whole = bytes.into();
        if whole.len() > Self::MAX || whole.iter().any(|&b| b <= b' ' || b == 0x7f) {
            return Err(BadNick);
        }
        let end = whole.iter().position(|&b| b == b'!').unwrap_or(whole.len());
        let nick = Nick::new(whole.get(..end).unwrap_or_default())?;
        Ok(Self { nick, whole: Text::new(whole) })
    }

    /// The part before `!`.
    pub fn nick(&self) -> &Nick {
        &self.nick
    }

    /// The whole source: `nick!user@host`, or a server's name.
    pub fn as_bytes(&self) -> &[u8] {
        self.whole.as_bytes()
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        self.whole.serialize(out)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Source::new(Text::deserialize(input)?.into_bytes()).map_err(de::Error::custom)
    }
}
