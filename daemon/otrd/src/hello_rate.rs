//! How often the modules of one account and of one Unix user may say hello. Two modules that take the account
//! from each other without end would otherwise fill the log and keep the worker busy, and names without end the
//! one thread that looks for each on disk.

use crate::token_bucket::{Allowance, BucketsByUid, Taken, TokenBucket};
use proto::account::Account;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Hellos of one account; PROTOCOL.md has the numbers.
const OF_ACCOUNT: Allowance = Allowance { burst: 30, interval: Duration::from_secs(1) };
/// Of one uid. All networks of a large ZNC come at once, and may do so again soon.
const OF_UID: Allowance = Allowance { burst: 4096, interval: Duration::from_millis(50) };
/// Accounts of one uid that are remembered besides those that could begin a burst.
const ACCOUNTS_PER_UID: usize = 2048;

/// The hellos of all accounts. A uid can only exhaust its own part.
pub struct HelloRate {
    accounts: BTreeMap<u32, BTreeMap<Account, TokenBucket>>,
    uids: BucketsByUid,
}

impl Default for HelloRate {
    fn default() -> Self {
        Self { accounts: BTreeMap::new(), uids: BucketsByUid::new(OF_UID) }
    }
}

impl HelloRate {
    /// Counts one hello of this account; says whether it is let through.
    pub fn hello(&mut self, account: &Account, now: Instant) -> Taken {
        let known = self.accounts.entry(account.uid).or_default();
        if known.len() >= ACCOUNTS_PER_UID && !known.contains_key(account) {
            known.retain(|_, bucket| !bucket.is_full(now));
            if known.len() >= ACCOUNTS_PER_UID {
                return Taken::NoAgain;
            }
        }
        let new = || TokenBucket::new(OF_ACCOUNT, now);
        match known.entry(account.clone()).or_insert_with(new).take(now) {
            Taken::Yes => self.uids.take(account.uid, now),
            refused => refused,
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
        for _ in 0..OF_ACCOUNT.burst {
            assert_eq!(rate.hello(&net, start), Taken::Yes);
        }
        assert_eq!(rate.hello(&net, start), Taken::No);
        for _ in 0..1000 {
            assert_eq!(rate.hello(&net, start), Taken::NoAgain);
        }
        assert_eq!(rate.hello(&account(1, "other"), start), Taken::Yes);
        assert_eq!(rate.hello(&account(2, "net"), start), Taken::Yes);
        let later = start + OF_ACCOUNT.interval;
        assert_eq!(rate.hello(&net, later), Taken::Yes);
        // Still the same series: it is logged once.
        assert_eq!(rate.hello(&net, later), Taken::NoAgain);
        let much_later = later + OF_ACCOUNT.interval * OF_ACCOUNT.burst;
        assert!((0..OF_ACCOUNT.burst).all(|_| rate.hello(&net, much_later) == Taken::Yes));
        assert_eq!(rate.hello(&net, much_later), Taken::No);
    }

    #[test]
    fn accounts_without_end_exhaust_only_their_own_uid() {
        let (mut rate, start) = (HelloRate::default(), Instant::now());
        for number in 0..ACCOUNTS_PER_UID {
            assert_eq!(rate.hello(&account(1, &format!("n{number}")), start), Taken::Yes);
        }
        assert_eq!(rate.hello(&account(1, "more"), start), Taken::NoAgain);
        assert_eq!(rate.hello(&account(1, "n0"), start), Taken::Yes);
        assert_eq!(rate.hello(&account(2, "more"), start), Taken::Yes);
        let later = start + OF_ACCOUNT.interval * 2;
        assert_eq!(rate.hello(&account(1, "more"), later), Taken::Yes);
    }

    #[test]
    fn many_names_are_as_many_hellos_of_one_uid() {
        let (mut rate, start) = (HelloRate::default(), Instant::now());
        let hello = |rate: &mut HelloRate, number: u32, now| {
            rate.hello(&account(1, &format!("n{}", number % 1024)), now)
        };
        for number in 0..OF_UID.burst {
            assert_eq!(hello(&mut rate, number, start), Taken::Yes);
        }
        assert_eq!(hello(&mut rate, 0, start), Taken::No);
        assert_eq!(hello(&mut rate, 1, start), Taken::NoAgain);
        assert_eq!(rate.hello(&account(2, "n0"), start), Taken::Yes);
        let later = start + OF_UID.interval * 2;
        assert_eq!(hello(&mut rate, 2, later), Taken::Yes);
        assert_eq!(hello(&mut rate, 3, later), Taken::Yes);
        assert_eq!(hello(&mut rate, 4, later), Taken::NoAgain);
    }
}
