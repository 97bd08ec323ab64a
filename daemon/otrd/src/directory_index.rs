//! Which network each uid's account directories belong to, known without reading them all again: a bouncer whose
//! thousand networks come for the first time, or under another name, asks a thousand times.
//!
//! The directories belong to otrd, which holds the lock on them. What was moved by hand while it runs
//! is looked at on disk before it counts; a directory that was moved in under another name is not
//! found by its identity until otrd is started again.

use proto::account::Account;
use proto::shim::Identity;
use std::collections::BTreeMap;

/// The directories of one uid.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DirectoryIndex {
    by_identity: BTreeMap<Identity, Account>,
}

impl DirectoryIndex {
    /// Of these accounts, each with the identity that its directory has.
    pub fn of(accounts: impl Iterator<Item = (Account, Option<Identity>)>) -> Self {
        let mut known = Self::default();
        for (account, identity) in accounts {
            if let Some(identity) = identity {
                // Of two copies, the first one.
                known.by_identity.entry(identity).or_insert(account);
            }
        }
        known
    }

    /// The account that has an identity, as far as is known.
    pub fn find(&self, identity: &Identity) -> Option<&Account> {
        self.by_identity.get(identity)
    }

    /// An account has this identity from now on.
    pub fn insert(&mut self, account: &Account, identity: &Identity) {
        self.remove(account);
        self.by_identity.insert(identity.clone(), account.clone());
    }

    /// An account's directory has another name now, or is gone.
    pub fn remove(&mut self, account: &Account) {
        self.by_identity.retain(|_, other| other != account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::account::Name;

    #[test]
    fn an_account_has_one_identity_at_a_time() {
        let name = |name: &str| Name::new(name).unwrap();
        let account = |network| Account { uid: 1, user: name("alice"), network: name(network) };
        let identity =
            |digit: char| Identity::new(digit.to_string().repeat(Identity::LENGTH)).unwrap();
        let (one, two) = (account("one"), account("two"));
        let copies = [(one.clone(), Some(identity('1'))), (two.clone(), Some(identity('1')))];
        let mut known = DirectoryIndex::of(copies.into_iter().chain([(account("three"), None)]));
        assert_eq!(known.find(&identity('1')), Some(&one));
        known.insert(&one, &identity('2'));
        assert_eq!(known.find(&identity('1')), None);
        known.insert(&two, &identity('2'));
        assert_eq!(known.find(&identity('2')), Some(&two));
        known.remove(&two);
        assert_eq!(known, DirectoryIndex::default());
    }
}
