//! What makes a supervisor act.

use crate::keygen::KeyEvent;
use crate::requests::AccountRequest;
use crate::turns::Turn;
use proto::worker::ToFront;

/// One thing that happened.
pub(super) enum Event {
    Request(AccountRequest),
    FromWorker(ToFront),
    Lost(String),
    /// How, in words.
    Ended(String),
    Key(KeyEvent),
    /// It is this account's turn to start a worker.
    Turn(Turn),
    /// The admin has set something else.
    Config,
    Time,
    /// The front stops, or serves again.
    Phase,
}
