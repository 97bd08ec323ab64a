//! The authentication under way with a peer.

use crate::limits;
use std::time::Duration;

/// Where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SmpState {
    /// Nowhere.
    #[default]
    Idle,
    /// We asked or answered, and wait for the peer.
    Running {
        /// Since when.
        since: Duration,
        /// The user was told that nothing comes.
        told: bool,
    },
    /// The peer asked.
    Asked {
        /// What, in the peer's words as they may be quoted.
        question: Option<String>,
    },
}

impl SmpState {
    /// The peer is to answer from now on.
    pub(super) fn running(now: Duration) -> Self {
        Self::Running { since: now, told: false }
    }

    /// When the user is told that the peer has not answered.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Running { since, told: false } => Some(*since + limits::SMP_REMINDER_AFTER),
            _ => None,
        }
    }

    /// Whether the user is to be told now: each wait is told of once.
    pub(super) fn is_silent(&mut self, now: Duration) -> bool {
        let late = self.deadline().is_some_and(|at| now >= at);
        if let Self::Running { told, .. } = self {
            *told |= late;
        }
        late
    }
}
