//! What one peer may cause, beside what all of an account together may.

use crate::limits::{self, TokenBucket};
use std::time::Duration;

/// Each is one of the bounds in [`limits`].
pub struct Allowances {
    /// Key exchanges.
    key_exchanges: TokenBucket,
    /// Steps that are left of what a query of ours may lead to.
    asked_steps: u32,
    /// Steps of authentications that nobody asked for.
    authentications: TokenBucket,
    /// Answers to unreadable messages.
    error_replies: TokenBucket,
    /// The user was told that such answers are left out.
    error_replies_told: bool,
    /// Complaints.
    notes: TokenBucket,
}

/// Whether a message that cannot be read is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorReply {
    /// It is.
    Sent,
    /// It is not, and the user is told that such answers are left out.
    FirstLeftOut,
    /// It is not.
    LeftOut,
}

impl Default for Allowances {
    fn default() -> Self {
        let bucket = TokenBucket::new;
        Self {
            key_exchanges: bucket(limits::AKE_BURST, limits::AKE_EVERY),
            asked_steps: 0,
            authentications: bucket(limits::SMP_BURST, limits::SMP_EVERY),
            error_replies: bucket(limits::ERROR_REPLIES_BURST, limits::ERROR_REPLIES_EVERY),
            error_replies_told: false,
            notes: bucket(limits::NOTES_BURST, limits::NOTES_EVERY),
        }
    }
}

impl Allowances {
    /// One step of a key exchange.
    pub fn exchange_keys(&mut self, now: Duration) -> bool {
        self.key_exchanges.take(now)
    }

    /// We ask ourselves: that is not to be refused for what the peer asked before.
    pub fn we_ask(&mut self) {
        self.key_exchanges = TokenBucket::new(limits::AKE_BURST, limits::AKE_EVERY);
        self.asked_steps = limits::ASKED_STEPS;
    }

    /// Whether a step of a key exchange may be one that a query of ours led to.
    pub fn was_asked(&mut self) -> bool {
        let left = self.asked_steps.checked_sub(1);
        self.asked_steps = left.unwrap_or(0);
        left.is_some()
    }

    /// Whether one more step of an authentication may come.
    pub fn may_authenticate(&mut self, now: Duration) -> bool {
        self.authentications.has(now)
    }

    /// One came.
    pub fn authenticated(&mut self, now: Duration) {
        self.authentications.take(now);
    }

    /// A message could not be read. `of_all` takes from what all peers together may cause.
    pub fn error_reply(&mut self, now: Duration, of_all: impl FnOnce() -> bool) -> ErrorReply {
        if self.error_replies.has(now) && of_all() {
            self.error_replies.take(now);
            self.error_replies_told = false;
            return ErrorReply::Sent;
        }
        match std::mem::replace(&mut self.error_replies_told, true) {
            false => ErrorReply::FirstLeftOut,
            true => ErrorReply::LeftOut,
        }
    }

    /// One word to the user about this peer.
    pub fn note(&mut self, now: Duration) -> bool {
        self.notes.take(now)
    }
}
