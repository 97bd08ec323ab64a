//! Whether a front is still there. The end of the control socket says when the last one has gone
//! for good; while systemd keeps the other end for a front that does not come back, only silence
//! does.

use crate::limits::FRONT_SILENCE;
use std::time::Duration;

/// What is known of the front.
pub(super) struct Presence {
    /// Its version of the control protocol.
    version: u32,
    heard: Duration,
    /// When to look next.
    look: Duration,
}

impl Presence {
    pub(super) fn new(version: u32, now: Duration) -> Self {
        Self { version, heard: now, look: now + FRONT_SILENCE }
    }

    /// Notes that the front sent a packet.
    pub(super) fn heard(&mut self, now: Duration) {
        self.heard = now;
        self.look = now + FRONT_SILENCE;
    }

    /// Another front has taken this worker over.
    pub(super) fn taken_up(&mut self, version: u32) {
        self.version = version;
    }

    /// When [`Presence::is_over`] has to be asked; fronts of version 1 may be silent for ever.
    pub(super) fn look(&self) -> Option<Duration> {
        (self.version > 1).then_some(self.look)
    }

    /// Whether the front has been silent for longer than this worker stays without one.
    pub(super) fn is_over(&mut self, now: Duration, stay: Option<Duration>) -> bool {
        if self.look().is_none_or(|look| now < look) {
            return false;
        }
        let end = self.heard + stay.unwrap_or_default().max(FRONT_SILENCE);
        self.look = end;
        now >= end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_without_a_front_ends_after_its_linger_time() {
        let seconds = Duration::from_secs;
        let day = Some(seconds(86_400));
        let mut presence = Presence::new(2, seconds(10));
        assert_eq!(presence.look(), Some(seconds(10) + FRONT_SILENCE));
        presence.heard(seconds(100));
        let silent = seconds(100) + FRONT_SILENCE;
        assert!(!presence.is_over(silent - seconds(1), Some(seconds(60))));
        // Private conversations keep it longer.
        assert!(!presence.is_over(silent, day));
        assert_eq!(presence.look(), Some(seconds(86_500)));
        assert!(!presence.is_over(seconds(86_499), day));
        assert!(presence.is_over(seconds(86_500), day));
        // A key that nobody will make keeps nobody.
        presence.heard(seconds(100));
        assert!(presence.is_over(silent, None));
        assert!(Presence::new(1, seconds(0)).look().is_none());
    }
}
