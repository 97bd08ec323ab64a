//! Where account directories go whose account was ended, or whose name another network has now, and how
//! they come back.

use crate::identities::failed;
use crate::identity_file::{Content, DAMAGED, FILE, NEXT, Record, is_empty, read, write};
use crate::state_dir::{DIRECTORY, Error, StateDir, enter, entries, lock, of_user, there};
use nix::dir::{Dir, Entry};
use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use proto::account::{Account, Name};
use proto::shim::Identity;
use std::os::fd::{AsFd, OwnedFd};

/// An account's directory that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Former {
    /// The account that the files belong to.
    pub account: Account,
    /// Its name now, beside the account's directory.
    pub directory: String,
}

/// Why a directory was set aside, as its name says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// An admin ended the account.
    Forgotten,
    /// Another network has the account's name now.
    Replaced,
}

impl Aside {
    const ALL: [Aside; 2] = [Aside::Forgotten, Aside::Replaced];

    fn suffix(self) -> &'static str {
        match self {
            Aside::Forgotten => ".forgotten",
            Aside::Replaced => ".replaced",
        }
    }
}

impl StateDir {
    /// The directory of this account that was set aside for another network, and that has this
    /// identity.
    pub fn replaced(
        &self,
        account: &Account,
        identity: &Identity,
    ) -> Result<Option<Former>, Error> {
        let errno = |errno| Error::Failed { name: account.path(), errno };
        for directory in self.all_replaced(account)? {
            let aside = self.enter_user(account).and_then(|user| enter(&user, &directory));
            let content = read(&aside.map_err(errno)?).map_err(|error| failed(account, error))?;
            if matches!(content, Content::Record(record) if record.identity.as_ref() == Some(identity))
            {
                return Ok(Some(Former { account: account.clone(), directory }));
            }
        }
        Ok(None)
    }

    /// The directories of this account that were set aside for another network, sorted.
    pub(crate) fn all_replaced(&self, account: &Account) -> Result<Vec<String>, Error> {
        let errno = |errno| Error::Failed { name: account.path(), errno };
        let Some(user) = there(self.enter_user(account)).map_err(errno)? else {
            return Ok(Vec::new());
        };
        let former = entries_aside(&user).map_err(errno)?.into_iter();
        let mut replaced: Vec<String> = former
            .filter(|(network, directory)| {
                *network == account.network && directory.contains(Aside::Replaced.suffix())
            })
            .map(|(_, directory)| directory)
            .collect();
        replaced.sort();
        Ok(replaced)
    }

    /// The directories of a uid's accounts that were set aside, sorted.
    pub fn former(&self, uid: u32) -> Result<Vec<Former>, Error> {
        let mut all = Vec::new();
        for (user, networks) in self.users_of(uid)? {
            let aside = entries_aside(networks).map_err(of_user(uid, &user))?.into_iter();
            all.extend(aside.map(|(network, directory)| Former {
                account: Account { uid, user: user.clone(), network },
                directory,
            }));
        }
        all.sort();
        Ok(all)
    }

    /// Ends an account: gives its directory another name beside, which is told, or removes it.
    /// Its worker has ended.
    pub fn forget(&self, account: &Account, remove: bool) -> Result<Option<String>, Error> {
        let Some(aside) = self.set_aside(account, Aside::Forgotten)? else { return Ok(None) };
        if !remove {
            return Ok(Some(aside));
        }
        let failed = |errno| Error::Failed { name: aside.clone(), errno };
        let uid = enter(self.base(), &account.uid.to_string()).map_err(failed)?;
        let user = self.enter_user(account).map_err(failed)?;
        empty(enter(&user, &aside).map_err(failed)?).map_err(failed)?;
        unlinkat(&user, aside.as_str(), UnlinkatFlags::RemoveDir).map_err(failed)?;
        fsync(&user).map_err(failed)?;
        // Where these were the last ones; otherwise they are not empty.
        let _ = unlinkat(&uid, account.user.file_name().as_str(), UnlinkatFlags::RemoveDir);
        let _ = unlinkat(self.base(), account.uid.to_string().as_str(), UnlinkatFlags::RemoveDir);
        Ok(None)
    }

    /// Gives an account's directory another name beside it, which is told. One without files
    /// is removed. Its worker has ended.
    pub fn set_aside(&self, account: &Account, why: Aside) -> Result<Option<String>, Error> {
        let network = account.network.file_name();
        let failed = |errno| Error::Failed { name: network.clone(), errno };
        let lock = self.account(account)?;
        let user = self.enter_user(account).map_err(failed)?;
        if why == Aside::Replaced && is_empty(&*lock).map_err(failed)? {
            for file in [FILE, NEXT, DAMAGED] {
                let _ = unlinkat(&*lock, file, UnlinkatFlags::NoRemoveDir);
            }
            unlinkat(&user, network.as_str(), UnlinkatFlags::RemoveDir).map_err(failed)?;
            fsync(&user).map_err(failed)?;
            self.update_known(account.uid, |known| known.remove(account));
            return Ok(None);
        }
        let most = self.most_accounts();
        if why == Aside::Replaced && self.former(account.uid)?.len() >= most {
            return Err(Error::TooManyFormer(account.uid, most));
        }
        // A dot in front: no account has such a name.
        let first = format!(".{network}{}", why.suffix());
        let mut aside = first.clone();
        for number in 1.. {
            match enter(&user, &aside) {
                Err(Errno::ENOENT) => break,
                Ok(_) | Err(Errno::ENOTDIR) => aside = format!("{first}.{number}"),
                Err(errno) => return Err(failed(errno)),
            }
        }
        renameat(&user, network.as_str(), &user, aside.as_str()).map_err(failed)?;
        self.update_known(account.uid, |known| known.remove(account));
        fsync(&user).map_err(failed)?;
        Ok(Some(aside))
    }

    /// Gives a directory that was set aside its account's name again, which nobody has.
    pub fn take_back(&self, former: &Former) -> Result<(), Error> {
        let account = &former.account;
        let network = account.network.file_name();
        let failed = |errno| Error::Failed { name: former.directory.clone(), errno };
        if self.has(account)? {
            return Err(failed(Errno::EEXIST));
        }
        let user = self.enter_user(account).map_err(failed)?;
        let _lock = lock(enter(&user, &former.directory).map_err(failed)?).map_err(failed)?;
        renameat(&user, former.directory.as_str(), &user, network.as_str()).map_err(failed)?;
        self.count_one_more(account.uid);
        match self.record(account).map(|record| record.and_then(|record| record.identity)) {
            Ok(Some(identity)) => {
                self.update_known(account.uid, |known| known.insert(account, &identity))
            }
            Ok(None) => {}
            Err(_) => self.read_again(account.uid),
        }
        fsync(&user).map_err(failed)
    }

    /// Takes a directory back for whichever network has the account's name now; what is there is
    /// set aside, and its name is told. The account's worker has ended.
    pub fn restore(&self, former: &Former) -> Result<Option<String>, Error> {
        let account = &former.account;
        let errno = |errno| Error::Failed { name: former.directory.clone(), errno };
        let user = self.enter_user(account).map_err(errno)?;
        let directory = enter(&user, &former.directory).map_err(errno)?;
        let record = match read(&directory).map_err(|error| failed(account, error))? {
            Content::Record(record) => Record { identity: None, ..record },
            Content::Nothing | Content::Damaged => Record::default(),
        };
        let aside = match self.has(account)? {
            true => self.set_aside(account, Aside::Replaced)?,
            false => None,
        };
        write(&directory, &record).map_err(|error| failed(account, error))?;
        self.take_back(former)?;
        Ok(aside)
    }
}

/// Removes the files in a directory of ours.
fn empty(directory: OwnedFd) -> Result<(), Errno> {
    let mut open = Dir::openat(&directory, ".", DIRECTORY, Mode::empty())?;
    let entries = open.iter().collect::<Result<Vec<_>, Errno>>()?;
    for name in entries.iter().map(Entry::file_name) {
        if !matches!(name.to_bytes(), b"." | b"..") {
            unlinkat(&directory, name, UnlinkatFlags::NoRemoveDir)?;
        }
    }
    Ok(())
}

/// The directories that were set aside in that of a ZNC user, each with its network before it.
fn entries_aside(user: impl AsFd) -> Result<Vec<(Name, String)>, Errno> {
    let all = entries(user, true)?.into_iter();
    let aside = all.filter_map(|directory| Some((network_of(&directory)?, directory)));
    Ok(aside.collect())
}

/// The network whose directory was given this name.
fn network_of(directory: &str) -> Option<Name> {
    let name = directory.strip_prefix('.')?;
    Aside::ALL.into_iter().find_map(|why| {
        let (network, number) = name.rsplit_once(why.suffix())?;
        let numbered = number.strip_prefix('.').is_some_and(|digits| digits.parse::<u32>().is_ok());
        (number.is_empty() || numbered).then(|| Name::from_file_name(network)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identities::tests::{account, identity, key};

    #[test]
    fn what_is_in_the_way_is_set_aside_and_taken_back() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        let alice = account(1, "alice", "a.replaced");
        state.adopt(&alice, &identity('1')).unwrap();
        assert_eq!(state.set_aside(&alice, Aside::Replaced).unwrap(), None);
        assert!(state.former(1).unwrap().is_empty() && !state.has(&alice).unwrap());
        for (number, digit) in ["1", "2"].into_iter().zip(['1', '2']) {
            state.adopt(&alice, &identity(digit)).unwrap();
            key(base.path(), &alice, number);
            state.set_aside(&alice, Aside::Replaced).unwrap().unwrap();
        }
        let former: Vec<_> =
            state.former(1).unwrap().into_iter().map(|one| one.directory).collect();
        assert_eq!(former, [".a.replaced.replaced", ".a.replaced.replaced.1"]);
        assert_eq!(state.replaced(&alice, &identity('3')).unwrap(), None);
        let second = state.replaced(&alice, &identity('2')).unwrap().unwrap();
        state.take_back(&second).unwrap();
        assert!(state.take_back(&second).is_err());
        assert_eq!(state.record(&alice).unwrap().unwrap().identity, Some(identity('2')));

        let first = state.replaced(&alice, &identity('1')).unwrap().unwrap();
        let aside = state.restore(&first).unwrap().unwrap();
        assert_eq!(aside, ".a.replaced.replaced.1");
        assert_eq!(state.record(&alice).unwrap(), Some(Record::default()));
        let read = |path: &str| {
            std::fs::read_to_string(base.path().join("1/alice").join(path).join("otr.key")).unwrap()
        };
        assert_eq!([read("a.replaced"), read(&aside)], ["1", "2"]);
    }

    /// Whoever has its name then is told, and everybody is closed, until that is on disk: whatever fails or is
    /// killed in between.
    #[test]
    fn who_begins_anew_under_a_used_name_does_so_until_it_is_written_down() {
        let base = tempfile::tempdir().unwrap();
        let open = || StateDir::open(base.path(), None).unwrap();
        let (alice, other) = (account(1, "alice", "net"), account(1, "alice", "other"));
        let state = open();
        state.adopt(&alice, &identity('1')).unwrap();
        assert!(!state.begins_anew(&alice).unwrap());
        key(base.path(), &alice, "key");
        state.set_aside(&alice, Aside::Replaced).unwrap();
        assert!(!state.begins_anew(&alice).unwrap());
        // Made, and no room for more.
        drop(state.make_account(&alice).unwrap());
        drop(state);
        let state = open();
        state.adopt(&alice, &identity('2')).unwrap();
        state.adopt(&other, &identity('3')).unwrap();
        drop(state);
        let state = open();
        assert!(state.begins_anew(&alice).unwrap() && !state.begins_anew(&other).unwrap());
        state.adopt(&alice, &identity('4')).unwrap();
        state.move_account(&alice, &account(1, "carol", "net")).unwrap();
        let moved = account(1, "carol", "net");
        assert!(state.begins_anew(&moved).unwrap());
        std::fs::write(base.path().join("1/carol/net/conversations.json"), "{}").unwrap();
        assert!(!state.begins_anew(&moved).unwrap());
    }

    #[test]
    fn what_an_admin_forgot_does_not_come_back_by_itself() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        let alice = account(1, "alice", "net");
        state.adopt(&alice, &identity('1')).unwrap();
        key(base.path(), &alice, "key");
        state.forget(&alice, false).unwrap();
        assert_eq!(state.replaced(&alice, &identity('1')).unwrap(), None);
        assert_eq!(state.known_elsewhere(&account(1, "b", "c"), &identity('1')).unwrap(), None);
        assert_eq!(state.former(1).unwrap().len(), 1);
    }

    #[test]
    fn nobody_fills_the_disk_with_former_accounts() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        state.limit(2);
        let alice = account(1, "alice", "net");
        for _ in 0..2 {
            state.adopt(&alice, &identity('1')).unwrap();
            key(base.path(), &alice, "key");
            state.set_aside(&alice, Aside::Replaced).unwrap();
        }
        state.adopt(&alice, &identity('1')).unwrap();
        key(base.path(), &alice, "key");
        let refused = state.set_aside(&alice, Aside::Replaced);
        assert!(matches!(refused, Err(Error::TooManyFormer(1, 2))));
    }
}
