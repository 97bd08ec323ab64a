//! What one peer may cause, beside what all of an account together may.

use crate::limits::{self, TokenBucket};
use std::time::Duration;

/// Each is one of the bounds in [`limits`].
pub struct Allowances {
    /// Key exchanges.
    key_exchanges: TokenBucket,
    /// Key exchanges that the peer may still begin because we asked.
    asked: u32,
    /// Key exchanges that the peer may begin as a stranger.
    unasked: TokenBucket,
    /// Steps that may still follow in the exchange that began last.
    further_steps: u32,
    /// Steps of authentications that nobody asked for.
    authentications: TokenBucket,
    /// Answers to unreadable messages.
    error_replies: TokenBucket,
    /// The user was told that such answers are left out.
    error_replies_told: bool,
    /// Complaints.
    notes: TokenBucket,
}

/// A step of a key exchange, as the peer makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A query, an offer, a commitment.
    Begins,
    /// Any other. Refused, it would leave an exchange half done: one side would be private, the other not.
    Continues,
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
            asked: 0,
            unasked: bucket(limits::UNASKED_BURST, limits::UNASKED_EVERY),
            further_steps: 0,
            authentications: bucket(limits::SMP_BURST, limits::SMP_EVERY),
            error_replies: bucket(limits::ERROR_REPLIES_BURST, limits::ERROR_REPLIES_EVERY),
            error_replies_told: false,
            notes: bucket(limits::NOTES_BURST, limits::NOTES_EVERY),
        }
    }
}

impl Allowances {
    /// Whether the peer may make this step of a key exchange. `of_strangers` takes from what all strangers of the
    /// account may begin together.
    pub fn exchange_keys(
        &mut self,
        now: Duration,
        step: Step,
        trusted: bool,
        of_strangers: impl FnOnce() -> bool,
    ) -> bool {
        let may = self.key_exchanges.has(now)
            && (trusted
                || match step {
                    Step::Begins => {
                        spend(&mut self.asked) || self.begins_unasked(now, of_strangers)
                    }
                    Step::Continues => spend(&mut self.further_steps),
                })
            && self.key_exchanges.take(now);
        if may && step == Step::Begins {
            self.further_steps = limits::EXCHANGE_STEPS;
        }
        may
    }

    fn begins_unasked(&mut self, now: Duration, of_strangers: impl FnOnce() -> bool) -> bool {
        self.unasked.has(now) && of_strangers() && self.unasked.take(now)
    }

    /// The user asks: that is not to be refused for what the peer asked before.
    pub fn user_asks(&mut self) {
        self.key_exchanges = TokenBucket::new(limits::AKE_BURST, limits::AKE_EVERY);
        self.asked = limits::ASKED_EXCHANGES;
    }

    /// A query or an offer of ours goes out, whatever caused it.
    pub fn we_ask(&mut self) {
        self.asked = self.asked.max(limits::ANSWER_EXCHANGES);
    }

    /// The query was answered or given up: what is left is for further clients of the peer's.
    pub fn asked_no_longer(&mut self) {
        self.asked = self.asked.min(limits::ANSWER_EXCHANGES);
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

/// Takes one of those that are left, if there is one.
fn spend(left: &mut u32) -> bool {
    let less = left.checked_sub(1);
    *left = less.unwrap_or(0);
    less.is_some()
}
