//! How a conversation stands, as data: what a client shows where one types.

use crate::irc::{Nick, Text};
use serde::{Deserialize, Serialize};

/// What a module may ask for in `hello`, and a daemon has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// Effects [`Effect::State`](super::Effect::State) after each change.
    State,
    /// A word of a later version.
    #[serde(other)]
    Unknown,
}

impl Want {
    /// What this version has.
    pub const ALL: [Self; 1] = [Self::State];
}

/// Bounds of a connection, in bytes but for `batch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// A line in either direction, LF included.
    pub line: u64,
    /// A decrypted text: more is not shown.
    pub text: u64,
    /// Requests in a batch.
    pub batch: u64,
    /// Lines that the daemon keeps for an instance which has not said `ack`. With more than these
    /// it reads nothing until the module says so.
    pub outbox: u64,
}

/// How the conversation with one peer stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The peer's nick.
    pub peer: Nick,
    /// Where what is typed goes.
    pub state: State,
    /// What is known of the peer's key.
    pub trust: Trust,
    /// That key: 40 upper-case hexadecimal digits. Absent where no conversation is private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The policy that holds for the peer: `never`, `manual`, `opportunistic` or `required`.
    pub policy: String,
    /// Typed lines that wait.
    pub waiting: u64,
    /// An authentication under way.
    pub smp: Smp,
    /// What the peer asks, where it put a question: the peer's words, without control and
    /// formatting characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Text>,
}

/// Where what is typed for a peer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Out in clear, where the policy allows it.
    Clear,
    /// A private conversation was asked for: it waits for that.
    Asking,
    /// Out encrypted. With [`Trust::Changed`] it waits until the key is trusted.
    Private,
    /// Nowhere: the peer ended the private conversation.
    Finished,
    /// Nowhere: the private conversation was lost, or goes on with another nick.
    Interrupted,
}

/// What is known of the key of a private conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Nothing, or there is none.
    #[default]
    None,
    /// The user said that it is the peer's.
    Manual,
    /// A shared secret proved it.
    Secret,
    /// It is not the one known of this nick, and nobody said that it is the peer's.
    Changed,
}

/// How far an authentication with the peer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Smp {
    /// No authentication is under way.
    #[default]
    None,
    /// The peer asks, and the user has not answered.
    Asked,
    /// The user asked or answered, and the peer's answer is awaited.
    Answering,
}

/// What protected a text on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Nothing protected it.
    Clear,
    /// Encryption, with a key that nobody vouches for.
    Unverified,
    /// Encryption, with a key that the user trusts.
    Verified,
    /// Encryption, with another key than the one known of this nick.
    Changed,
}
