//! What goes into a step and what comes out.

use crate::commands::{self, Line};
use crate::store::StoredFile;
use proto::admin::import_export::{Imported, Order};
use proto::shim::{
    Call, Effect, Hello, IncomingMessage, Network, NickChange, OutgoingMessage, Presence,
};
use proto::worker::{Arrival, WorkerConfig};
use std::time::Duration;
use zeroize::Zeroizing;

/// The time of a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Never goes back; from any beginning.
    pub mono: Duration,
    /// Seconds since 1970, UTC; may jump.
    pub wall: u64,
}

/// What the event loop tells the engine; one step handles one of them.
pub enum Event {
    /// A module connected. Whichever was there before will not come back.
    Hello(Hello),
    /// The instance that was there before is connected again, and nothing is lost.
    Again(Hello),
    /// It left. One that said which instance it is may come back.
    Gone,
    /// It has given back to the user what waits here.
    Returned,
    /// This worker ends: what waits comes back.
    End,
    /// The network, as the module sees it: whether it is connected, its limits and rules.
    Network(Network),
    /// The user typed something for a person.
    Out(Outgoing),
    /// A person sent something.
    In(IncomingMessage),
    /// A person goes by another nick.
    Nick(NickChange),
    /// A person left IRC.
    Quit(Presence),
    /// A person came to a channel of ours.
    Join(Presence),
    /// The user or an admin asks for something. What is printed before the step ends is the answer.
    Command(Line),
    /// The key generation that was asked for is done: the contents of a key file.
    KeyMade(Zeroizing<Vec<u8>>),
    /// The key generation that was asked for failed: why, in words.
    KeyFailed(String),
    /// A file could not be saved.
    NotSaved(StoredFile, String),
    /// What [`Action::KeepDamaged`] came to: the new name, or why there is none.
    DamagedKept(StoredFile, Result<String, String>),
    /// What became of the account when its module came: told at the next hello.
    Arrived(Arrival),
    /// What the admin set.
    Config(WorkerConfig),
    /// Whether the files are encrypted on disk, in words.
    AtRest(&'static str),
    /// Keys and fingerprints of another program, as a [`proto::bundle`].
    Import(Zeroizing<Vec<u8>>, Order),
    /// Nothing but time passed: timeouts are looked at.
    Tick,
}

/// What the user typed for a person.
#[derive(Clone)]
pub struct Outgoing {
    /// As the module says it.
    pub message: OutgoingMessage,
    /// The id of the request, by which an instance of the module that keeps the text knows it again.
    pub request: Option<u64>,
}

impl Event {
    /// Of a module's call, and of the id of its request where the module is an instance. The event
    /// loop answers some calls by itself; in these, only time passes.
    pub fn of(call: Call, request: Option<u64>) -> Self {
        match call {
            Call::Network(network) => Self::Network(network),
            Call::Out(message) => Self::Out(Outgoing { message, request }),
            Call::In(message) => Self::In(message),
            Call::Command(line) => Self::Command(commands::parse(line.text.as_bytes())),
            Call::Typed(command) => Self::Command(Line::Command(command)),
            Call::Nick(change) => Self::Nick(change),
            Call::Quit(presence) => Self::Quit(presence),
            Call::Join(presence) => Self::Join(presence),
            Call::State(_) | Call::Ack(_) | Call::Bye(_) => Self::Tick,
        }
    }
}

/// Something to be done.
pub enum Action {
    /// The module has to.
    Effect(Effect),
    /// Write a file of the account with these contents.
    Save(StoredFile, Zeroizing<Vec<u8>>),
    /// Write a file, once a copy of what it was is kept under another name, with this suffix.
    Replace(StoredFile, String, Zeroizing<Vec<u8>>),
    /// Give a damaged file another name, and say by [`Event::DamagedKept`] which.
    KeepDamaged(StoredFile),
    /// Answer [`Event::Import`]: what it came to, or why nothing was taken.
    Imported(Result<Imported, String>),
    /// Ask the front for a key generation.
    Keygen,
    /// Nobody needs it any more.
    CancelKeygen,
}
