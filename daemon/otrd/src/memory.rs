//! The memory of the workers of one Unix user, which is bounded as a whole. Where there is too much,
//! the ZNC user with the most makes room, by the worker with the most: whoever floods loses their own.

use proto::account::{Account, Name};
use std::collections::BTreeMap;

/// KiB that every worker takes: not counted.
const BASE: u64 = 1024;

/// What each worker takes, as it said last.
#[derive(Default)]
pub struct Memory {
    /// KiB above [`BASE`].
    taken: BTreeMap<Account, u64>,
}

impl Memory {
    /// A worker said so, in KiB.
    pub fn heard(&mut self, account: &Account, kib: u64) {
        match kib.saturating_sub(BASE) {
            0 => drop(self.taken.remove(account)),
            above => drop(self.taken.insert(account.clone(), above)),
        }
    }

    /// A worker has ended.
    pub fn ended(&mut self, account: &Account) {
        self.taken.remove(account);
    }

    /// The account whose worker has to end, where those of a uid have taken more KiB than they may.
    pub fn too_much(&self, uid: u32, most: u64) -> Option<&Account> {
        let mut of_users: BTreeMap<&Name, u64> = BTreeMap::new();
        let ours = || self.taken.iter().filter(|(account, _)| account.uid == uid);
        for (account, kib) in ours() {
            let of_user = of_users.entry(&account.user).or_default();
            *of_user = of_user.saturating_add(*kib);
        }
        if of_users.values().fold(0, |all: u64, kib| all.saturating_add(*kib)) <= most {
            return None;
        }
        let (user, _) = of_users.into_iter().max_by_key(|(_, kib)| *kib)?;
        let largest = ours().filter(|(account, _)| account.user == *user);
        largest.max_by_key(|(_, kib)| **kib).map(|(account, _)| account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(uid: u32, user: &str, network: usize) -> Account {
        let name = |name: &str| Name::new(name).unwrap();
        Account { uid, user: name(user), network: name(&format!("n{network}")) }
    }

    #[test]
    fn who_floods_makes_room_and_nobody_else() {
        let mut memory = Memory::default();
        let most = 100 * 1024;
        // One large account of somebody else, and of another uid; then a crowd of small ones.
        memory.heard(&account(1, "alice", 0), BASE + 40 * 1024);
        memory.heard(&account(2, "dave", 0), BASE + 90 * 1024);
        memory.heard(&account(1, "mallory", 0), BASE);
        for number in 1..=30 {
            memory.heard(&account(1, "mallory", number), BASE + 2 * 1024);
        }
        assert_eq!(memory.too_much(1, most), None);
        memory.heard(&account(1, "mallory", 7), BASE + 9 * 1024);
        assert_eq!(memory.too_much(1, most), Some(&account(1, "mallory", 7)));
        assert_eq!(memory.too_much(2, most), None);
        memory.ended(&account(1, "mallory", 7));
        assert_eq!(memory.too_much(1, most), None);
    }
}
