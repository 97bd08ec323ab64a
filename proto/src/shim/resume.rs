//! How a connection begins and ends, and how one goes on where another broke.

use super::guard::{ClosedNicks, Rule};
use super::identity::Identity;
use super::standing::{Limits, Want};
use crate::account::Name;
use crate::irc::Nick;
use serde::{Deserialize, Serialize};

/// First line of a connection: whose conversations these are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol version that the module speaks, see [`crate::VERSION`].
    pub version: u32,
    /// The ZNC user's name.
    pub user: Name,
    /// The network that the module is loaded on.
    pub network: Name,
    /// The module's own version, for people.
    #[serde(default)]
    pub shim: String,
    /// ZNC's version, for people.
    #[serde(default)]
    pub znc: String,
    /// Random id of this load of the module. With it nothing is lost where a connection breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// How many lines of the worker this instance has taken, on all of its connections.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ack: u64,
    /// What was typed and not yet sent when the connection broke was given back to the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub returned: bool,
    /// Which network this is, whatever it and its user are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The identity is new: the module has lost the former one, and the names decide once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_name: bool,
    /// Whom the module holds closed. One that says it understands `open` and `rules`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<ClosedNicks>,
    /// What the module asks for besides. Words that are not known are passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub want: Vec<Want>,
}

impl Hello {
    /// Whether the module asks for it.
    pub fn wants(&self, want: Want) -> bool {
        self.want.contains(&want)
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The random id of one load of the module: 1 to [`Instance::MAX`] visible ASCII characters, made at random.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Instance(String);

/// Not an instance.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an instance: send 1 to 64 visible ASCII characters")]
pub struct BadInstance;

impl Instance {
    /// Longest instance in bytes.
    pub const MAX: usize = 64;

    /// Checks an instance's name.
    pub fn new(name: impl Into<String>) -> Result<Self, BadInstance> {
        let name = name.into();
        let fits = (1..=Self::MAX).contains(&name.len());
        match fits && name.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(name)),
            false => Err(BadInstance),
        }
    }
}

impl<'de> Deserialize<'de> for Instance {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Instance::new(String::deserialize(input)?).map_err(serde::de::Error::custom)
    }
}

/// The reply to `hello`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloReply {
    /// The version that both sides now speak.
    pub version: u32,
    /// The daemon's own version, for people.
    pub daemon: String,
    /// Peers to which nothing may go in clear until the user says otherwise, besides those whom
    /// the module holds closed itself.
    pub protect: Vec<Nick>,
    /// Peers to which nothing may go in clear for now. Replaces what the module believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Nick>,
    /// Nothing may go in clear to anybody until the user says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everybody: bool,
    /// What a policy says of the lines that other modules write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// The last request of this instance that was decided. All that was said since `ack` follows,
    /// replies among it; what was asked later is to be asked again. Absent: nothing goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_processed: Option<u64>,
    /// What a module may `want`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<Want>,
    /// Bounds of this connection. Absent in older daemons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// The end of a connection, said by whoever ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// Why, for programs. Absent in older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<ByeReason>,
    /// Of the daemon: whether the module may connect again by itself. Absent: it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconnect: Option<bool>,
    /// Why the connection ends, in words for people.
    #[serde(default)]
    pub reason: String,
    /// Of a module that will not come back: as in [`Hello`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<u64>,
    /// Of a module that will not come back: what was typed and not sent went back to the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub returned: bool,
}

/// Why a connection ends: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByeReason {
    /// The daemon or its worker ends. The next one takes what this one did not answer.
    Ends,
    /// Another connection of the same account took its place.
    TakenOver,
    /// The module is unloaded.
    Unloaded,
    /// A word of a later version: what `reconnect` says holds.
    #[serde(other)]
    Unknown,
}

impl Bye {
    /// What a daemon says to a module.
    pub fn to_module(why: ByeReason) -> Self {
        let (reconnect, reason) = match why {
            ByeReason::TakenOver => (false, "another connection took this account over"),
            ByeReason::Ends | ByeReason::Unloaded | ByeReason::Unknown => (true, "otrd ends"),
        };
        let reason = reason.into();
        Self { why: Some(why), reconnect: Some(reconnect), reason, ack: None, returned: false }
    }
}

/// How far a module has come: what it has seen need not be kept for it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// How many lines of the worker it has taken, as in [`Hello::ack`].
    pub ack: u64,
}
