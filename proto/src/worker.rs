//! What the front and a worker say to each other, over the SOCK_SEQPACKET pair that is the
//! worker's descriptor 0: one packet, one message, at most one descriptor beside it.
//!
//! A worker outlives its front, so the two ends may be of different releases. The protocol has a
//! version: each end serves its own and the one before ([`OLDEST`] to [`VERSION`]), and both speak
//! the lower of the two. A front says its version in [`ToWorker::Start`] and in
//! [`ToWorker::TakeUp`], a worker in [`ToFront::Here`]. Version 1 had neither of the latter two, and neither [`ToWorker::Do`] nor [`ToWorker::State`]: a
//! front takes up a worker of version 1 by [`ToWorker::Status`]. Members that are not known are
//! ignored. What each version may say stands in `vectors/control-1.json` and
//! `vectors/control-2.json`.
//!
//! The front trusts nothing a worker says beyond its own account: a worker can ask for a key
//! generation, answer questions, and call itself idle.

use crate::account::Account;
use crate::admin::import_export::{Exported, Imported, Order};
use crate::admin::{Output, WorkerStatus};
pub use crate::at_rest::AtRest;
use crate::irc::Text;
use crate::jsonrpc::{Code, Error, Id};
use crate::overview::{AccountState, StatePage};
use crate::shim::Hello;
use serde::{Deserialize, Serialize};

/// The version of this protocol.
pub const VERSION: u32 = 2;
/// The oldest version that is still served.
pub const OLDEST: u32 = 1;

/// Whether a version of the other end is served.
pub fn is_served(version: u32) -> bool {
    (OLDEST..=VERSION).contains(&version)
}

/// The version of an end that does not say which.
fn first() -> u32 {
    1
}

/// Longest packet in bytes.
pub const MAX_PACKET: usize = 160 * 1024;

/// What the admin set in `otrd.toml` for all workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerConfig {
    /// Seconds that a worker without a module stays...
    pub linger: u64,
    /// ...and with private conversations.
    pub linger_private: u64,
    /// The policy where the user set none: one of [`WorkerConfig::POLICIES`].
    pub policy: String,
    /// Patterns of nicks that answer machines, not people.
    pub services: Vec<String>,
}

impl WorkerConfig {
    /// What a policy may be.
    pub const POLICIES: [&str; 4] = ["never", "manual", "opportunistic", "required"];
}

impl Default for WorkerConfig {
    fn default() -> Self {
        let services = ["alis", "chanfix", "global", "*serv", "services", "[*]*"];
        Self {
            linger: 60,
            linger_private: 24 * 60 * 60,
            policy: "opportunistic".into(),
            services: services.map(String::from).to_vec(),
        }
    }
}

/// What became of an account when its module said hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// The network was moved or renamed, and its files came along.
    Moved {
        /// The account under which the files were kept before.
        from: Account,
        /// Files of another network, which had this name, were set aside.
        replaced: bool,
    },
    /// Files of another network, which had this name, were set aside; there are none yet.
    MadeAnew,
    /// Its own files, which had been set aside, are back.
    TakenBack,
}

/// The front to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToWorker {
    /// First of all, with the account's directory (opened O_PATH or O_RDONLY) beside it.
    Start {
        /// The account that this worker serves.
        account: Account,
        /// Under whose name the files were first written, where the account had another one: they
        /// name that user, and are encrypted under that account's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files_of: Option<Account>,
        /// Whether a kernel without Landlock is tolerated (`otrd --allow-no-landlock`).
        allow_no_landlock: bool,
        /// What the admin set.
        config: WorkerConfig,
        /// Whether files are to be encrypted on disk; [`ToWorker::Secret`] follows. Missing without a master
        /// secret.
        at_rest: Option<AtRest>,
        /// The front's version of this protocol.
        #[serde(default = "first")]
        control: u32,
    },
    /// First of all from a front that takes over a running worker; since version 2. Answer with
    /// [`ToFront::Here`]. Questions of the front before need no answer.
    TakeUp {
        /// Number of the question; the answer carries the same one.
        seq: u64,
        /// The front's version of this protocol.
        control: u32,
        /// What the admin set.
        config: WorkerConfig,
        /// Whether files are to be encrypted on disk; [`ToWorker::Secret`] follows. Missing without a master
        /// secret.
        at_rest: Option<AtRest>,
    },
    /// The reading end of a pipe is beside it, out of which come the account's key, 32 bytes, and
    /// that of the master secret before, where there is one. No key is ever in a packet.
    Secret,
    /// Encrypt or decrypt the files on disk, copies too. Answer with [`ToFront::AtRest`].
    AtRest {
        /// Number of the question; the answer carries the same one.
        seq: u64,
        /// The form that the files are to have.
        at_rest: AtRest,
    },
    /// The admin has set something else.
    Config(WorkerConfig),
    /// A module said hello; its connected socket is beside it. An older connection is told and
    /// closed. The worker answers the hello.
    Adopt {
        /// Id of the hello request; a hello sent as a notification gets no reply.
        id: Option<Id>,
        /// The hello, as the front parsed it.
        hello: Box<Hello>,
        /// Bytes that came behind it already.
        rest: Text,
        /// What became of the account, to be told to the user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arrival: Option<Arrival>,
    },
    /// The reading end of the pipe into which a key generation writes is beside it.
    KeyPipe,
    /// The generation that was asked for could not be started.
    KeyFailed {
        /// Why, in words that the user may be shown.
        why: String,
    },
    /// What the worker has: keys, conversations, memory. Answer with [`ToFront::Status`].
    Status {
        /// Number of the question; the answer carries the same one.
        seq: u64,
    },
    /// An admin typed a line for `*otr`. Answer with [`ToFront::Output`].
    Command {
        /// Number of the question; the answer carries the same one.
        seq: u64,
        /// A line for `*otr`.
        text: Text,
    },
    /// An admin called a typed method. Answer with [`ToFront::Output`].
    Do {
        /// Number of the question; the answer carries the same one.
        seq: u64,
        /// The method with its parameters.
        command: crate::command::Command,
    },
    /// An admin wants the account as data. Answer with [`ToFront::State`].
    State {
        /// Number of the question; the answer carries the same one.
        seq: u64,
        /// Which page of the account's entries.
        page: StatePage,
    },
    /// Answer with [`ToFront::Imported`]. A descriptor with the files is beside it.
    Import {
        /// Number of the question; the answer carries the same one.
        seq: u64,
        /// Which account of the files to take, and whether to replace what is known.
        order: Order,
    },
    /// Answer with [`ToFront::Exported`], once the files are in the descriptor beside it.
    Export {
        /// Number of the question; the answer carries the same one.
        seq: u64,
    },
    /// Save and end. Also meant by the end of the stream.
    Shutdown,
}

/// What a worker tells the log of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogTopic {
    /// The encryption of the account's files was changed.
    AtRest,
    /// The key's file cannot be used.
    Key,
    /// Anything else that an admin should look at.
    Trouble,
}

impl ToWorker {
    /// The packet that says it.
    ///
    /// # Errors
    /// As of `serde_json`; no message of this type has one.
    pub fn encode(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// What a packet says.
    ///
    /// # Errors
    /// Where it is no JSON, or says what this release does not know.
    pub fn decode(packet: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(packet)
    }
}

/// A worker to the front.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToFront {
    /// First of all to a front of version 2 or newer, and the answer to [`ToWorker::TakeUp`].
    Here(Here),
    /// Confined and loaded; connections may come.
    Ready,
    /// For the log. Never a nick, never a text.
    Log {
        /// What it is about.
        about: LogTopic,
        /// The line for the log.
        text: String,
    },
    /// This worker cannot go on; said before it ends.
    Failed {
        /// Why, for the log. Never a secret.
        why: String,
    },
    /// The account's files are encrypted, and there is no key for them: said before it ends.
    Locked {
        /// Why, and what to do, for people.
        why: String,
    },
    /// Start a key generation (see [`ToWorker::KeyPipe`]); one at a time.
    Keygen,
    /// Nobody needs the generated key any more: end it.
    CancelKeygen,
    /// Nobody is connected and nothing has to be kept in memory. The front answers with
    /// [`ToWorker::Shutdown`] unless it handed over a connection meanwhile.
    Idle,
    /// The worker's own numbers. Answer to [`ToWorker::Status`].
    Status {
        /// Number of the question that this answers.
        seq: u64,
        /// What the worker has, in numbers and words.
        status: WorkerStatus,
    },
    /// What `*otr` printed. Answer to [`ToWorker::Command`] and [`ToWorker::Do`].
    Output {
        /// Number of the question that this answers.
        seq: u64,
        /// The printed lines, or why there are none.
        outcome: Result<Output, CommandFailed>,
    },
    /// One page of the account as data. Answer to [`ToWorker::State`].
    State {
        /// Number of the question that this answers.
        seq: u64,
        /// The page that was asked for.
        state: Box<AccountState>,
    },
    /// Answer to [`ToWorker::AtRest`].
    AtRest {
        /// Number of the question that this answers.
        seq: u64,
        /// Whether files are encrypted now, or in words what could not be changed.
        outcome: Result<AtRest, Refused>,
    },
    /// Answer to [`ToWorker::Import`].
    Imported {
        /// Number of the question that this answers.
        seq: u64,
        /// What came of it.
        outcome: Result<Imported, Refused>,
    },
    /// Answer to [`ToWorker::Export`].
    Exported {
        /// Number of the question that this answers.
        seq: u64,
        /// What came of it.
        outcome: Result<Exported, Refused>,
    },
}

impl ToFront {
    /// The packet that says it.
    ///
    /// # Errors
    /// As of `serde_json`; no message of this type has one.
    pub fn encode(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    /// What a packet says.
    ///
    /// # Errors
    /// Where it is no JSON, or says what this release does not know.
    pub fn decode(packet: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(packet)
    }
}

/// A worker introduces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    /// As asked; 0 after [`ToWorker::Start`].
    pub seq: u64,
    /// Its version of this protocol.
    pub control: u32,
    /// Version of the program that it runs.
    pub version: String,
    /// Whose keys it has.
    pub account: Account,
    /// It waits for a key, and no generation runs that it knows of.
    pub keygen: bool,
}

/// Why a command had no output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFailed {
    /// The reason, in words for people.
    pub why: String,
}

impl From<CommandFailed> for Error {
    fn from(failed: CommandFailed) -> Self {
        Error::new(Code::Internal, failed.why)
    }
}

/// Why nothing was moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The reason, in words for people.
    pub why: String,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Error::new(Code::Refused, refused.why)
    }
}
