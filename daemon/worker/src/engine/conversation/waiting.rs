//! Typed lines that wait for a private conversation.

use crate::engine::action::Outgoing;
use crate::limits;
use proto::irc::Nick;
use std::collections::VecDeque;
use std::time::Duration;

/// Those to one peer, in order.
#[derive(Default)]
pub struct WaitingLines(VecDeque<Waiting>);

struct Waiting {
    out: Outgoing,
    since: Duration,
}

impl Waiting {
    fn deadline(&self) -> Duration {
        self.since + limits::QUERY_TIMEOUT
    }
}

impl WaitingLines {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.len() >= limits::WAITING_PER_PEER
    }

    /// When the first of them has waited for too long.
    pub fn deadline(&self) -> Option<Duration> {
        self.0.front().map(Waiting::deadline)
    }

    /// One more. It comes back where there are too many.
    pub fn push(&mut self, out: Outgoing, now: Duration) -> Option<Outgoing> {
        if self.is_full() {
            return Some(out);
        }
        self.0.push_back(Waiting { out, since: now });
        None
    }

    /// All of them: none waits any more.
    pub fn take(&mut self) -> Vec<Outgoing> {
        self.0.drain(..).map(|waiting| waiting.out).collect()
    }

    /// Those that have waited for too long.
    pub fn take_expired(&mut self, now: Duration) -> Vec<Outgoing> {
        let expired = self.0.iter().take_while(|waiting| now >= waiting.deadline()).count();
        self.0.drain(..expired).map(|waiting| waiting.out).collect()
    }

    /// The peer goes by another nick.
    pub fn readdress(&mut self, to: &Nick) {
        for waiting in &mut self.0 {
            waiting.out.message.to = to.clone();
        }
    }

    /// The module that asked for them is not there any more, and its requests' ids mean nothing to another
    /// one.
    pub fn forget_requests(&mut self) {
        for waiting in &mut self.0 {
            waiting.out.request = None;
        }
    }
}
