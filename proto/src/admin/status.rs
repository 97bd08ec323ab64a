//! How the daemon and its accounts are, and what changes.

use crate::account::Account;
use serde::{Deserialize, Serialize};

/// Which part of a list that is too long for one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The last account of the page before; missing for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Account>,
}

/// Result of `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the daemon, such as `0.1.0`.
    pub version: String,
    /// Version of the protocol that it speaks.
    pub protocol: u32,
    /// The front's process id.
    pub pid: u32,
    /// Seconds since the front started.
    pub uptime: u64,
    /// Connections that have not said hello yet.
    pub pending: u32,
    /// Accounts with a worker, sorted.
    pub accounts: Vec<AccountStatus>,
    /// Whether more follow: ask again with [`Page::after`] the last of these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// One account in [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// The account: uid, ZNC user and network.
    #[serde(flatten)]
    pub account: Account,
    /// The worker's process id, while one runs.
    pub pid: Option<u32>,
    /// How often the worker had to be started again since the front started.
    pub restarts: u32,
    /// Seconds since this worker started.
    pub uptime: u64,
    /// Version of the program that the worker runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The worker was started by an earlier front and taken over from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_up: bool,
    /// Why the worker of an earlier front could not be taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_taken_up: Option<String>,
    /// Why its files cannot be opened, and what to do: no worker runs then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<String>,
    /// What the worker said; nothing where it did not answer in time.
    pub worker: Option<WorkerStatus>,
}

/// What a worker says of itself. No nick, no text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// Whether a ZNC module is connected.
    pub connected: bool,
    /// Versions of the module and of ZNC, as they said.
    pub shim: String,
    /// ZNC's version, as the module said.
    pub znc: String,
    /// Whether there is a private key: `none`, `generating`, `ready` or `damaged`.
    pub key: String,
    /// Number of private conversations.
    pub sessions: u32,
    /// Conversations blocked until a new session.
    pub blocked: u32,
    /// Lines that wait for a session.
    pub waiting: u32,
    /// The memory that the worker takes for itself now, in KiB: without programs and libraries, which all share.
    #[serde(default)]
    pub memory: u64,
    /// Whether its files are encrypted on disk: `plain`, `encrypted`, or `not all …`.
    #[serde(default)]
    pub at_rest: String,
    /// How the worker is confined, in words.
    pub sandbox: String,
}

/// Result of `accounts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Accounts, sorted; one page of them.
    pub accounts: Vec<Account>,
    /// Whether more follow: ask again with [`Page::after`] the last of these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// Files that were set aside, sorted; on the last page, the first [`MAX_FORMER`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Former>,
}

/// The most of [`Accounts::former`].
pub const MAX_FORMER: usize = 100;

/// An account's files that were set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// The account that the files belonged to.
    #[serde(flatten)]
    pub account: Account,
    /// The directory in which they are, beside that of the account.
    pub directory: String,
}

/// What a watcher is told: the notification `event`. No nick, no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The account that it is about.
    pub account: Account,
    /// What changed: `worker`, `restarts`, `module`, `key`, `sessions`, `blocked` or `waiting`.
    pub what: String,
    /// Before; `None` where there was nothing, as before the snapshot.
    #[serde(deserialize_with = "Option::deserialize")] // not to be left out
    pub was: Option<EventValue>,
    /// Now; `None` where there is nothing any more.
    #[serde(deserialize_with = "Option::deserialize")]
    pub now: Option<EventValue>,
}

/// What [`Event`] tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EventValue {
    /// Of `worker` (a process id), `restarts`, `sessions`, `blocked` and `waiting`.
    Number(u64),
    /// Of `module` (its version, or `connected`) and `key` (as in [`WorkerStatus::key`]).
    Word(String),
}
