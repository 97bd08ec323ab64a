//! When the next worker may start.

use std::time::Duration;
use tokio::time::Instant;

/// A worker that lived so long did not fail at its start.
const LONG_LIFE: Duration = Duration::from_secs(10);

/// When a worker may start that follows one which died young.
pub(super) struct Backoff {
    pub(super) next: Instant,
    delay: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LAST: Duration = Duration::from_secs(30);

    /// Whether the next one may start now.
    pub(super) fn is_over(&self) -> bool {
        self.next <= Instant::now()
    }

    pub(super) fn died(&mut self, lived: Duration) {
        self.delay = match lived < LONG_LIFE {
            true => (self.delay * 2).clamp(Self::FIRST, Self::LAST),
            false => Duration::ZERO,
        };
        self.next = Instant::now() + self.delay;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: Instant::now(), delay: Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_dies_young_waits_longer_each_time() {
        let mut backoff = Backoff::default();
        let delays: Vec<u128> = (0..11)
            .map(|_| {
                backoff.died(Duration::from_secs(1));
                backoff.delay.as_millis()
            })
            .collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
        backoff.died(Duration::from_secs(60));
        assert_eq!(backoff.delay, Duration::ZERO);
    }
}
