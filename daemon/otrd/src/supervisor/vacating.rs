//! A request to an account to leave, under way.

use crate::requests::{Vacate, Vacated};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The request.
pub(super) struct Vacating {
    pub(super) how: Vacate,
    pub(super) reply: oneshot::Sender<Vacated>,
    /// The question whether a module is connected, and when it goes unanswered; nothing once the
    /// worker is to end.
    pub(super) asked: Option<(u64, Instant)>,
}
