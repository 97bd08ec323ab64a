//! What others want of an account, and who waits for it.

use crate::former_accounts::Former;
use crate::module_connection::ModuleConnection;
use crate::state_dir;
use proto::account::Account;
use proto::admin::import_export::{Exported, Forgotten, Imported, Order};
use proto::admin::{AccountStatus, Output, Renewed};
use proto::command::Command;
use proto::irc::Text;
use proto::jsonrpc::{Code, Error};
use proto::overview::{AccountState, StatePage};
use proto::worker::AtRest;
use std::os::fd::OwnedFd;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// What others want of an account.
pub enum AccountRequest {
    /// A module is here.
    Hello(Box<ModuleConnection>),
    /// Something that only its worker knows.
    Forward { request: WorkerRequest, reply: Reply<WorkerResponse> },
    /// Answer with the account's status.
    Status { reply: oneshot::Sender<AccountStatus> },
    /// Ends the worker, so that the next one is of the installed release.
    Renew { reply: Reply<Renewed> },
    /// Ends the worker, then does this to the account's directory.
    End { how: Ending, reply: Reply<Forgotten> },
    /// The account's name is another network's now.
    Vacate { how: Vacate, reply: oneshot::Sender<Vacated> },
}

/// What an admin does to an account.
pub enum Ending {
    /// Its files are set aside, or removed.
    Forget { remove: bool },
    /// A directory that was set aside takes its place.
    Restore(Former),
}

/// What becomes of an account whose name is another network's, if no module is connected.
pub enum Vacate {
    /// Nothing yet: only ask whether a module is connected.
    Look,
    /// Its files are set aside.
    SetAside,
    /// Its files are those of this account.
    Move(Account),
}

/// Where its files are now, if they were set aside.
pub type Vacated = Result<Option<String>, Occupied>;

/// Why an account stays.
pub enum Occupied {
    /// A module is connected.
    Connected,
    /// Nobody knows: the worker does not answer, or something else is under way.
    Busy,
    /// It cannot be moved or set aside.
    Failed(state_dir::Error),
}

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What a worker is asked for an admin.
pub enum WorkerRequest {
    /// A line for `*otr`.
    Command(Text),
    /// The same by a typed method.
    Do(Command),
    /// The account as data.
    State(StatePage),
    /// Keys and fingerprints of another program, in a descriptor.
    Import { order: Order, files: OwnedFd },
    /// Ours, into a descriptor.
    Export { files: OwnedFd },
    /// To convert its files on disk to this.
    AtRest(AtRest),
}

/// What a worker answers to a [`WorkerRequest`].
pub enum WorkerResponse {
    Output(Output),
    State(Box<AccountState>),
    Imported(Imported),
    Exported(Exported),
    AtRest(AtRest),
}

/// Who waits for a worker to be ready.
pub enum Waiting {
    Hello(Box<ModuleConnection>),
    Forward { request: WorkerRequest, reply: Reply<WorkerResponse> },
}

impl Waiting {
    /// Says that there is no answer, and why.
    pub fn refuse(self, error: Error) {
        match self {
            Waiting::Hello(connection) => connection.refuse(error),
            // Who asked may be gone.
            Waiting::Forward { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

/// A request under way, with the time after which it goes unanswered.
pub enum PendingRequest {
    Status { until: Instant, reply: oneshot::Sender<AccountStatus>, status: Box<AccountStatus> },
    Forwarded { until: Instant, reply: Reply<WorkerResponse> },
}

impl PendingRequest {
    pub fn until(&self) -> Instant {
        match self {
            PendingRequest::Status { until, .. } | PendingRequest::Forwarded { until, .. } => {
                *until
            }
        }
    }

    pub fn give_up(self) {
        match self {
            PendingRequest::Status { reply, status, .. } => drop(reply.send(*status)),
            PendingRequest::Forwarded { reply, .. } => drop(reply.send(Err(no_answer()))),
        }
    }
}

pub fn no_answer() -> Error {
    Error::new(Code::Busy, "the worker does not answer: try again, or see otrctl status")
}
