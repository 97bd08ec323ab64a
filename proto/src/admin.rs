//! What `otrctl` may ask on the admin socket. Who may ask what is decided in `otrd`, in one table.

use crate::account::Account;
pub use crate::account::Selector;
use crate::at_rest::AtRest;
use crate::jsonrpc::{Code, Error, Request};
use crate::moving::{Export, Forget, Import, Restore};
use crate::shim::Effect;
use crate::text::Text;
use serde::{Deserialize, Serialize};

/// Most members of a batch on the admin socket.
pub const MAX_BATCH: usize = 16;

/// Everything that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `status`: the daemon and every account that the caller may see.
    Status(Page),
    /// `accounts`: names only, those with a state directory included.
    Accounts(Page),
    /// `command`: a line for one account's `*otr`.
    Command(Command),
    /// `import`: keys and fingerprints of another program; the files are in a descriptor beside.
    Import(Import),
    /// `export`: an account's files, written into a descriptor beside.
    Export(Export),
    /// `forget-account`: the end of an account.
    Forget(Forget),
    /// `renew`: another worker in the place of an account's.
    Renew(Renew),
    /// `replace`: another otrd goes on from here; the channel to it is in a descriptor beside.
    Replace(Replace),
    /// `restore-account`: files that were set aside become the account's again.
    Restore(Restore),
    /// `secrets`: how files are to lie on disk.
    Secrets(Secrets),
    /// `secrets-of`: has an account's files lie so, and says how they do.
    SecretsOf(SecretsOf),
    /// `watch`: from now on this connection is told what changes.
    Watch(Watch),
}

/// `renew`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renew {
    /// Which account.
    pub account: Selector,
}

/// Result of `renew`: the worker has ended, and the module's next connection starts another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// The release of the worker that ended; missing where none ran, or where it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
}

/// `replace` has no parameters yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replace {}

/// Result of `replace`: what is handed over follows in the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacing {
    /// The otrd that is replaced.
    pub pid: u32,
    /// Its release.
    pub version: String,
}

/// `secrets`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// How they are to lie from now on; only asked where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_rest: Option<AtRest>,
}

/// Result of `secrets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsKept {
    /// Whether otrd was given a master secret.
    pub master: bool,
    /// Whether it was given the one before, too.
    pub old: bool,
    /// How files are to lie on disk.
    pub at_rest: AtRest,
}

/// `secrets-of`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsOf {
    /// Which account.
    pub account: Selector,
}

/// Result of `secrets-of`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsSettled {
    /// How the account's files lie on disk, copies too.
    pub at_rest: AtRest,
}

/// `watch` has no parameters yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {}

/// What a watcher is told: the notification `event`. No nick, no text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Whose.
    pub account: Account,
    /// What changed: `worker`, `restarts`, `module`, `key`, `sessions`, `blocked` or `waiting`.
    pub what: String,
    /// Before; empty where the account was not there.
    pub was: String,
    /// Now; empty where it is not there any more.
    pub now: String,
}

/// Which part of a list that is too long for one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The last account of the page before; missing for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Account>,
}

/// A line for one account's `*otr`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Which account.
    pub account: Selector,
    /// The line.
    pub text: Text,
}

impl Call {
    /// Parses a request once into what it asks.
    ///
    /// # Errors
    /// [`Code::MethodNotFound`] or [`Code::InvalidParams`].
    pub fn parse(request: &Request<'_>) -> Result<Self, Error> {
        Ok(match request.method.as_ref() {
            "status" => Self::Status(request.params()?),
            "accounts" => Self::Accounts(request.params()?),
            "command" => Self::Command(request.params()?),
            "import" => Self::Import(request.params()?),
            "export" => Self::Export(request.params()?),
            "forget-account" => Self::Forget(request.params()?),
            "renew" => Self::Renew(request.params()?),
            "replace" => Self::Replace(request.params()?),
            "restore-account" => Self::Restore(request.params()?),
            "secrets" => Self::Secrets(request.params()?),
            "secrets-of" => Self::SecretsOf(request.params()?),
            "watch" => Self::Watch(request.params()?),
            _ => return Err(Code::MethodNotFound.into()),
        })
    }
}

/// Result of `command`: what `*otr` said at once. What comes later goes to IRC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Only [`Effect::Print`] and [`Effect::Table`].
    pub output: Vec<Effect>,
}

/// Result of `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// The protocol's version.
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
    /// Which.
    #[serde(flatten)]
    pub account: Account,
    /// The worker's process id, while one runs.
    pub pid: Option<u32>,
    /// How often the worker had to be started again since the front started.
    pub restarts: u32,
    /// Seconds since this worker started.
    pub uptime: u64,
    /// The worker's release.
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
    /// Private conversations.
    pub sessions: u32,
    /// Conversations blocked until a new session.
    pub blocked: u32,
    /// Lines that wait for a session.
    pub waiting: u32,
    /// The most memory that the worker has taken, in KiB.
    #[serde(default)]
    pub memory: u64,
    /// How its files lie on disk: `plain`, `encrypted`, or `not all …`.
    #[serde(default)]
    pub at_rest: String,
    /// How the worker is confined, in words.
    pub sandbox: String,
}

/// Result of `accounts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Sorted.
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
    /// Whose they were.
    #[serde(flatten)]
    pub account: Account,
    /// The directory in which they are, beside that of the account.
    pub directory: String,
}

/// The error for a selector that names nobody, or somebody else.
pub fn no_account() -> Error {
    Code::NoAccount.into()
}
