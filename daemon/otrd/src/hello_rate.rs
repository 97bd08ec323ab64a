//! How often the modules of one account may say hello. Two modules that take the account from each
//! other without end would otherwise fill the log and keep the worker busy.

use proto::account::Account;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Hellos of one account at once; PROTOCOL.md has the number.
const BURST: u32 = 30;
/// Then one more each.
const REFILL_INTERVAL: Duration = Duration::from_secs(1);
/// Accounts of one uid that are remembered besides those that could begin a burst.
const ACCOUNTS_PER_UID: usize = 8192;

/// What becomes of a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is served.
    Served,
    /// It is refused, the first of a series: to be logged.
    Refused,
    /// It is refused like the one before.
    RefusedAgain,
}

/// The hellos of all accounts. A uid can only exhaust its own part.
#[derive(Default)]
pub struct HelloRate {
    accounts: BTreeMap<u32, BTreeMap<Account, TokenBucket>>,
}

impl HelloRate {
    /// Counts one hello.
    pub fn hello(&mut self, account: &Account, now: Instant) -> Verdict {
        let known = self.accounts.entry(account.uid).or_default();
        if known.len() >= ACCOUNTS_PER_UID && !known.contains_key(account) {
            known.retain(|_, bucket| !bucket.is_full(now));
            if known.len() >= ACCOUNTS_PER_UID {
                return Verdict::RefusedAgain;
            }
        }
        known.entry(account.clone()).or_insert_with(|| TokenBucket::new(now)).take(now)
    }
}

struct TokenBucket {
    tokens: u32,
    last_refill: Instant,
    refused: bool,
}

impl TokenBucket {
    fn new(now: Instant) -> Self {
        Self { tokens: BURST, last_refill: now, refused: false }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.last_refill).as_secs();
        let whole = u32::try_from(passed / REFILL_INTERVAL.as_secs().max(1)).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(whole).min(BURST);
        match self.tokens {
            BURST => (self.last_refill, self.refused) = (now, false),
            _ => self.last_refill += REFILL_INTERVAL * whole,
        }
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens == BURST
    }

    fn take(&mut self, now: Instant) -> Verdict {
        self.refill(now);
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                Verdict::Served
            }
            None if std::mem::replace(&mut self.refused, true) => Verdict::RefusedAgain,
            None => Verdict::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(uid: u32, network: &str) -> Account {
        let name = |name: &str| proto::account::Name::new(name).unwrap();
        Account { uid, user: name("alice"), network: name(network) }
    }

    #[test]
    fn one_account_says_so_many_hellos_and_then_one_per_second() {
        let (mut rate, start) = (HelloRate::default(), Instant::now());
        let net = account(1, "net");
        for _ in 0..BURST {
            assert_eq!(rate.hello(&net, start), Verdict::Served);
        }
        assert_eq!(rate.hello(&net, start), Verdict::Refused);
        for _ in 0..1000 {
            assert_eq!(rate.hello(&net, start), Verdict::RefusedAgain);
        }
        assert_eq!(rate.hello(&account(1, "other"), start), Verdict::Served);
        assert_eq!(rate.hello(&account(2, "net"), start), Verdict::Served);
        let later = start + REFILL_INTERVAL;
        assert_eq!(rate.hello(&net, later), Verdict::Served);
        // Still the same series: it is logged once.
        assert_eq!(rate.hello(&net, later), Verdict::RefusedAgain);
        let much_later = later + REFILL_INTERVAL * BURST;
        assert!((0..BURST).all(|_| rate.hello(&net, much_later) == Verdict::Served));
        assert_eq!(rate.hello(&net, much_later), Verdict::Refused);
    }

    #[test]
    fn accounts_without_end_exhaust_only_their_own_uid() {
        let (mut rate, start) = (HelloRate::default(), Instant::now());
        for number in 0..ACCOUNTS_PER_UID {
            assert_eq!(rate.hello(&account(1, &format!("n{number}")), start), Verdict::Served);
        }
        assert_eq!(rate.hello(&account(1, "more"), start), Verdict::RefusedAgain);
        assert_eq!(rate.hello(&account(1, "n0"), start), Verdict::Served);
        assert_eq!(rate.hello(&account(2, "more"), start), Verdict::Served);
        let later = start + REFILL_INTERVAL * 2;
        assert_eq!(rate.hello(&account(1, "more"), later), Verdict::Served);
    }
}
