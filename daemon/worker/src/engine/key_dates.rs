//! When keys were made and used, for people who look: nothing is decided by it.
//!
//! libotr's files have no room for dates; they stand in `conversations.json`.

use crate::limits;
use otr::Fingerprint;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// When a peer's key was used, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Used {
    /// When a conversation first became private with it.
    pub(super) first: u64,
    /// When one last did.
    pub(super) last: u64,
}

/// The dates of an account's keys: our own, and at most [`limits::KEY_DATES`] of peers.
#[derive(Default)]
pub(super) struct KeyDates {
    own: Option<(Fingerprint, u64)>,
    used: HashMap<Fingerprint, Used>,
}

/// As it stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own: Option<(String, u64)>,
    /// Fingerprint in hexadecimal digits, first and last use in seconds since 1970.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    used: Vec<(String, u64, u64)>,
}

impl Written {
    pub(super) fn is_empty(&self) -> bool {
        self.own.is_none() && self.used.is_empty()
    }
}

impl KeyDates {
    /// Takes over what is in the file, as far as it can be read.
    pub(super) fn read(written: &Written) -> Self {
        let own = written.own.as_ref();
        let own = own.and_then(|(hex, made)| Some((Fingerprint::from_hex(hex)?, *made)));
        let used = written.used.iter().take(limits::KEY_DATES).filter_map(|(hex, first, last)| {
            Some((Fingerprint::from_hex(hex)?, Used { first: *first, last: *last }))
        });
        Self { own, used: used.collect() }
    }

    /// The dates in the form that is stored.
    pub(super) fn written(&self) -> Written {
        let mut used: Vec<_> =
            self.used.iter().map(|(key, used)| (key.to_hex(), used.first, used.last)).collect();
        used.sort_unstable();
        Written { own: self.own.map(|(key, made)| (key.to_hex(), made)), used }
    }

    /// Our own key was made now.
    pub(super) fn made(&mut self, own: Fingerprint, now: u64) {
        self.own = Some((own, now));
    }

    /// When our own key was made, if that was here.
    pub(super) fn made_at(&self, own: Fingerprint) -> Option<u64> {
        self.own.filter(|(fingerprint, _)| *fingerprint == own).map(|(_, made)| made)
    }

    /// A conversation became private with this key. Of too many the one that was not used for the
    /// longest time is dropped.
    pub(super) fn uses(&mut self, key: Fingerprint, now: u64) {
        if !self.used.contains_key(&key) && self.used.len() >= limits::KEY_DATES {
            let oldest = self.used.iter().min_by_key(|(_, used)| used.last).map(|(key, _)| *key);
            oldest.map(|oldest| self.used.remove(&oldest));
        }
        self.used.entry(key).or_insert(Used { first: now, last: now }).last = now;
    }

    /// When a peer's key was used, if that was here.
    pub(super) fn used(&self, key: Fingerprint) -> Option<Used> {
        self.used.get(&key).copied()
    }

    /// The user does not want to know this key any more.
    pub(super) fn forget(&mut self, key: Fingerprint) {
        self.used.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key(number: u16) -> Fingerprint {
        let mut bytes = [0; 20];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        Fingerprint::from_bytes(bytes)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut dates = KeyDates::default();
        assert!(dates.written().is_empty());
        dates.made(key(1), 5);
        dates.uses(key(2), 6);
        dates.uses(key(2), 8);
        let json = serde_json::to_string(&dates.written()).unwrap();
        let again = KeyDates::read(&serde_json::from_str(&json).unwrap());
        assert_eq!(again.made_at(key(1)), Some(5));
        assert_eq!(again.made_at(key(2)), None);
        assert_eq!(again.used(key(2)), Some(Used { first: 6, last: 8 }));
        assert_eq!(again.used(key(3)), None);
    }

    #[test]
    fn of_too_many_the_one_that_was_not_used_the_longest_is_dropped() {
        let mut dates = KeyDates::default();
        let most = u16::try_from(limits::KEY_DATES).unwrap();
        for number in 0..most {
            dates.uses(key(number), number.into());
        }
        dates.uses(key(0), 60_000);
        dates.uses(key(most), 60_001);
        assert_eq!(dates.used(key(1)), None);
        assert!([0, 2, most].map(key).iter().all(|key| dates.used(*key).is_some()));
        assert_eq!(dates.used.len(), limits::KEY_DATES);
    }
}
