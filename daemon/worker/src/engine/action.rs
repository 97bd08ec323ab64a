//! What goes into a step and what comes out.

use crate::store::StoredFile;
use proto::command::Command;
use proto::irc::Text;
use proto::shim::{Call, Effect, Hello};
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

/// Something that happened.
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
    /// It asks.
    Call(Call),
    /// An admin asks; what is printed before the step ends is the answer.
    Command(Text),
    /// An admin asks by a typed method; the answer is the same.
    Do(Command),
    /// The key generation that was asked for is done: the contents of a key file.
    KeyMade(Zeroizing<Vec<u8>>),
    /// Or it failed.
    KeyFailed(String),
    /// A file could not be saved.
    NotSaved(StoredFile, String),
    /// Time passed.
    Tick,
}

/// Something to be done.
pub enum Action {
    /// The module has to.
    Effect(Effect),
    /// Write a file.
    Save(StoredFile, Zeroizing<Vec<u8>>),
    /// Keep a copy of a file under another name, with this suffix.
    SetAside(StoredFile, String),
    /// Generate a key.
    Keygen,
    /// Nobody needs it any more.
    CancelKeygen,
}
