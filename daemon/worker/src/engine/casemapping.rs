//! The server's rule for comparing nicks: how often it may be another one.

use crate::limits::{self, TokenBucket};
use std::time::Duration;

/// What the server said of its rule, and what of that is still to take effect.
pub(super) struct Casemapping {
    allowance: TokenBucket,
    /// A rule over the allowance, and when it takes effect.
    later: Option<(Duration, String)>,
}

impl Default for Casemapping {
    fn default() -> Self {
        let allowance = TokenBucket::new(limits::CASEMAPPINGS_BURST, limits::CASEMAPPINGS_EVERY);
        Self { allowance, later: None }
    }
}

impl Casemapping {
    /// The server says how it compares nicks. Whether that takes effect now, if it `is_news`. Changes over
    /// the allowance take effect later; until then the module keeps closed every name that any rule takes
    /// for a closed one.
    pub(super) fn hear(&mut self, word: &str, is_news: bool, now: Duration) -> bool {
        self.later = None;
        if !is_news {
            return false;
        }
        let takes_effect = self.allowance.take(now);
        if !takes_effect {
            self.later = Some((now + limits::CASEMAPPINGS_EVERY, word.to_owned()));
        }
        takes_effect
    }

    /// When [`Casemapping::take_due`] gives something.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.later.as_ref().map(|(at, _)| *at)
    }

    /// What was put off for long enough, to be heard again.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<String> {
        self.later.take_if(|(at, _)| *at <= now).map(|(_, word)| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_over_the_allowance_take_effect_later() {
        let mut rule = Casemapping::default();
        let mut heard = 0;
        while rule.hear("ascii", true, Duration::ZERO) {
            heard += 1;
        }
        assert!(heard > 0);
        let due = limits::CASEMAPPINGS_EVERY;
        assert_eq!(rule.next_deadline(), Some(due));
        assert_eq!(rule.take_due(Duration::ZERO), None);
        assert_eq!(rule.take_due(due).as_deref(), Some("ascii"));
        assert!(rule.hear("ascii", true, due));
        assert_eq!(rule.next_deadline(), None);
    }

    #[test]
    fn the_rule_that_is_in_effect_is_no_change_and_takes_back_another() {
        let mut rule = Casemapping::default();
        while rule.hear("ascii", true, Duration::ZERO) {}
        assert!(!rule.hear("rfc1459", false, Duration::ZERO));
        assert_eq!(rule.next_deadline(), None);
    }
}
