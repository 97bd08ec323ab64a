//! What a user can tell `*otr` to do, as a value. A line of text and the parameters of a typed
//! method both become one; nothing behind this knows which it was.

use crate::irc::{Nick, Text};
use crate::jsonrpc::{Error, Request};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use zeroize::Zeroizing;

/// The typed methods: what each is called on the wire, and the parameters that it takes.
macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident($params:ty) $method:literal,)+) => {
        /// A command of `*otr`.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Command {
            $($(#[$doc])* $name($params),)+
        }

        impl Command {
            /// The typed methods, in the order of PROTOCOL.md.
            pub const METHODS: &[&str] = &[$($method),+];

            /// Reads a typed method; `None` where the method is another one.
            pub fn parse(request: &Request<'_>) -> Option<Result<Self, Error>> {
                Some(match request.method.as_ref() {
                    $($method => request.params().map(Self::$name),)+
                    _ => return None,
                })
            }

            /// The method's name on the wire.
            pub fn method(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $method,)+
                }
            }

            /// The parameters only; the method's name is in [`Command::method`].
            pub(crate) fn serialize_params<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(params) => params.serialize(out),)+
                }
            }
        }
    };
}

commands! {
    /// Asks for a private conversation.
    Start(Peer) "start",
    /// Makes new session keys.
    Refresh(Peer) "refresh",
    /// Ends a private conversation, or all of them.
    Finish(Finish) "finish",
    /// The fingerprint is the peer's.
    Trust(FingerprintOf) "trust",
    /// Nobody says that it is.
    Distrust(FingerprintOf) "distrust",
    /// The fingerprint is not known any more.
    Forget(Forget) "forget",
    /// Authenticates by a shared secret, or answers a peer that does.
    Smp(Smp) "smp",
    /// Ends an authentication.
    SmpAbort(Peer) "smp_abort",
    /// Makes a private key of our own.
    Genkey(Genkey) "genkey",
    /// Shows or sets how far OTR is used.
    Policy(Policy) "policy",
    /// Shows or sets the nicks without OTR.
    Ignore(Patterns) "ignore",
    /// Shows or sets exceptions to `ignore`.
    Enable(Patterns) "enable",
    /// Shows known fingerprints and private conversations.
    Info(MaybePeer) "info",
    /// Shows our own fingerprint.
    Fingerprint(Nothing) "fingerprint",
}

/// Parameters that name one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The peer's nick.
    pub peer: Nick,
}

/// One peer, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaybePeer {
    /// The peer's nick; absent for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Nick>,
}

/// Parameters of a method that takes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// Parameters of `finish`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireFinish")]
pub enum Finish {
    /// Finish the conversation with one peer.
    #[serde(untagged)]
    Peer {
        /// The peer's nick.
        peer: Nick,
    },
    /// Finish all conversations.
    #[serde(untagged)]
    All {
        /// Always `true`: it is what tells this form from the other.
        all: bool,
    },
}

#[derive(Deserialize)]
struct WireFinish {
    #[serde(default)]
    peer: Option<Nick>,
    #[serde(default)]
    all: bool,
}

impl TryFrom<WireFinish> for Finish {
    type Error = Missing;

    fn try_from(wire: WireFinish) -> Result<Self, Missing> {
        match wire {
            WireFinish { peer: None, all: true } => Ok(Self::All { all: true }),
            WireFinish { peer: Some(peer), all: false } => Ok(Self::Peer { peer }),
            WireFinish { peer: Some(_), all: true } => Err(Missing::OneTooMany),
            WireFinish { peer: None, all: false } => Err(Missing::Member("peer")),
        }
    }
}

/// Why members do not fit together. The words are those of serde, by which the member is found
/// that is named in the error.
#[derive(Debug)]
pub enum Missing {
    /// This one is not there.
    Member(&'static str),
    /// Two that exclude each other.
    OneTooMany,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) => write!(f, "missing field `{name}`"),
            Self::OneTooMany => f.write_str("members that exclude each other"),
        }
    }
}

/// `trust`, `distrust`: with `peer` alone the fingerprint in use with the peer, with `fingerprint`
/// alone that one of whoever has it, with both that one of this peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireFingerprintOf")]
pub struct FingerprintOf {
    /// The peer; without it whoever has the fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Nick>,
    /// Beginning of a fingerprint; without it the one in use with the peer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Digits>,
}

#[derive(Deserialize)]
struct WireFingerprintOf {
    #[serde(default)]
    peer: Option<Nick>,
    #[serde(default)]
    fingerprint: Option<Digits>,
}

impl TryFrom<WireFingerprintOf> for FingerprintOf {
    type Error = Missing;

    fn try_from(wire: WireFingerprintOf) -> Result<Self, Missing> {
        match wire {
            WireFingerprintOf { peer: None, fingerprint: None } => Err(Missing::Member("peer")),
            WireFingerprintOf { peer, fingerprint } => Ok(Self { peer, fingerprint }),
        }
    }
}

/// Parameters of `forget`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forget {
    /// The beginning of the fingerprint to forget, 8 to 40 digits.
    pub fingerprint: Digits,
    /// Whose; of whoever has it where this is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Nick>,
}

/// The beginning of a fingerprint, or all of it: 8 to 40 hexadecimal digits. Blanks between them
/// are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Digits(String);

/// Not the beginning of a fingerprint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a fingerprint: send 8 to 40 hexadecimal digits")]
pub struct BadDigits;

impl Digits {
    /// Fewest digits that name a fingerprint.
    pub const FEWEST: usize = 8;
    /// Digits of a whole fingerprint.
    pub const ALL: usize = 40;

    /// Checks that these are 8 to 40 hexadecimal digits, blanks apart.
    pub fn new(text: &str) -> Result<Self, BadDigits> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let fits = (Self::FEWEST..=Self::ALL).contains(&digits.len());
        match fits && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => Ok(Self(digits)),
            false => Err(BadDigits),
        }
    }

    /// The digits, without blanks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Digits::new(&String::deserialize(input)?).map_err(de::Error::custom)
    }
}

/// Parameters of `smp`: start an authentication, or answer one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smp {
    /// The peer's nick.
    pub peer: Nick,
    /// The secret that both sides know.
    pub secret: Secret,
    /// What the peer is asked. Without it a request of the peer's is answered, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "not_empty")]
    pub question: Option<Text>,
}

fn not_empty<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Text>, D::Error> {
    let question = Option::<Text>::deserialize(input)?;
    match question.as_ref().is_some_and(|text| text.as_bytes().is_empty()) {
        true => Err(de::Error::custom("an empty question")),
        false => Ok(question),
    }
}

/// A shared secret: at least one byte. It is wiped when it is let go of, and `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes bytes; `None` where there are none.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = Zeroizing::new(bytes.into());
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// The secret as bytes, as it is handed to libotr.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        Text::serialize_bytes(&self.0, out)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let bytes = Text::deserialize(input)?.into_bytes();
        Secret::new(bytes).ok_or_else(|| de::Error::custom("an empty secret"))
    }
}

/// Parameters of `genkey`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genkey {
    /// In place of one that is there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overwrite: bool,
}

/// `policy`: sets one with both members, shows one or all of them without `policy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WirePolicy")]
pub struct Policy {
    /// Nicks, with `*` and `?`; `known` for those with a trusted fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The policy to set for the pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyWord>,
}

#[derive(Deserialize)]
struct WirePolicy {
    #[serde(default)]
    pattern: Option<String>,
    #[serde(default)]
    policy: Option<PolicyWord>,
}

impl TryFrom<WirePolicy> for Policy {
    type Error = Missing;

    fn try_from(wire: WirePolicy) -> Result<Self, Missing> {
        match wire {
            WirePolicy { pattern: None, policy: Some(_) } => Err(Missing::Member("pattern")),
            WirePolicy { pattern, policy } => Ok(Self { pattern, policy }),
        }
    }
}

/// How far OTR is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyWord {
    /// OTR is not used: texts go out and come in as they are.
    Never,
    /// When one side asks for it.
    Manual,
    /// Also where whitespace offers it.
    Opportunistic,
    /// Nothing goes out in clear.
    Required,
    /// No rule for these nicks.
    Default,
}

impl PolicyWord {
    /// The word a user types, in whatever case.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [
            ("never", Self::Never),
            ("manual", Self::Manual),
            ("opportunistic", Self::Opportunistic),
            ("required", Self::Required),
            ("default", Self::Default),
        ];
        all.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, word)| word)
    }
}

/// `ignore`, `enable`: adds a pattern, takes one out, or lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WirePatterns")]
pub struct Patterns {
    /// Nicks, with `*` and `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Take it out of the list.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove: bool,
}

#[derive(Deserialize)]
struct WirePatterns {
    #[serde(default)]
    pattern: Option<String>,
    #[serde(default)]
    remove: bool,
}

impl TryFrom<WirePatterns> for Patterns {
    type Error = Missing;

    fn try_from(wire: WirePatterns) -> Result<Self, Missing> {
        match wire {
            WirePatterns { pattern: None, remove: true } => Err(Missing::Member("pattern")),
            WirePatterns { pattern, remove } => Ok(Self { pattern, remove }),
        }
    }
}
