//! A token bucket: a burst, refilled one token at a time at a fixed interval.

use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// What a bucket holds, and how fast it fills again.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Tokens of a full bucket.
    pub burst: u32,
    /// After which one is added.
    pub interval: Duration,
}

/// One bucket, full at first.
pub struct TokenBucket {
    allowance: Allowance,
    tokens: u32,
    last_refill: Instant,
    refused: bool,
}

/// What became of somebody who took from a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// There was a token, and it is taken.
    Yes,
    /// It is empty: the first refusal since it was full.
    No,
    /// It is empty: a further refusal.
    NoAgain,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(allowance: Allowance, now: Instant) -> Self {
        Self { allowance, tokens: allowance.burst, last_refill: now, refused: false }
    }

    /// Whether nothing was taken lately.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens == self.allowance.burst
    }

    /// Takes one token, where there is one.
    pub fn take(&mut self, now: Instant) -> Taken {
        self.refill(now);
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                Taken::Yes
            }
            None if std::mem::replace(&mut self.refused, true) => Taken::NoAgain,
            None => Taken::No,
        }
    }

    fn refill(&mut self, now: Instant) {
        let Allowance { burst, interval } = self.allowance;
        let passed = now.saturating_duration_since(self.last_refill);
        let whole = passed.as_nanos() / interval.as_nanos().max(1);
        let whole = u32::try_from(whole).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(whole).min(burst);
        if self.tokens == burst {
            (self.last_refill, self.refused) = (now, false);
        } else {
            self.last_refill += interval * whole;
        }
    }
}

/// A bucket for each Unix user.
pub struct BucketsByUid {
    allowance: Allowance,
    buckets: BTreeMap<u32, TokenBucket>,
}

impl BucketsByUid {
    /// Full buckets for every uid.
    pub fn new(allowance: Allowance) -> Self {
        Self { allowance, buckets: BTreeMap::new() }
    }

    /// Takes one token of a uid.
    pub fn take(&mut self, uid: u32, now: Instant) -> Taken {
        let new = || TokenBucket::new(self.allowance, now);
        self.buckets.entry(uid).or_insert_with(new).take(now)
    }
}
