//! Which network an account's directory belongs to, and where directories go whose network was
//! moved, renamed or made anew. The identity lies in the file `identity` of the directory.

use crate::directory_index::DirectoryIndex;
use crate::identity_file::{DAMAGED, FILE, NEXT, Record, is_empty, read, write};
use crate::state_dir::{DIRECTORY, Error, StateDir, enter, entries, lock, names};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use proto::account::{Account, Name};
use proto::shim::Identity;
use std::io;
use std::os::fd::OwnedFd;

/// An account's directory that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Former {
    /// Whose it was.
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
    /// What an account's directory says of itself; nothing where there is no directory.
    pub fn record(&self, account: &Account) -> Option<Record> {
        let directory = self.enter_account(account).ok()?;
        match read(&directory) {
            Ok(text) => {
                match text.as_deref().map_or_else(|| Some(Record::default()), Record::parse) {
                    Some(record) => return Some(record),
                    None => {
                        tracing::warn!(%account, uid = account.uid, "{account}: its identity is damaged: set aside")
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%account, uid = account.uid, %error, "{account}: its identity cannot be read");
            }
        }
        // Somebody's network is to go on with it; which one, nobody can tell any more.
        let _ = renameat(&directory, FILE, &directory, DAMAGED);
        Some(Record::default())
    }

    /// The account under whose name an account's files were first written.
    pub fn files_of(&self, account: &Account) -> Account {
        match self.record(account).and_then(|record| record.files_of) {
            Some((user, network)) => Account { uid: account.uid, user, network },
            None => account.clone(),
        }
    }

    /// Makes an account a network's own. Its directory is made where it is missing.
    pub fn adopt(&self, account: &Account, identity: &Identity) -> Result<(), Error> {
        let directory = self.make_account(account)?;
        let record = self.record(account).unwrap_or_default();
        let record = Record { identity: Some(identity.clone()), ..record };
        write(&directory, &record).map_err(|error| failed(account, error))?;
        self.known(account.uid, |known| known.insert(account, identity));
        Ok(())
    }

    /// Another account of the same uid that has this identity.
    pub fn known_elsewhere(&self, account: &Account, identity: &Identity) -> Option<Account> {
        let uid = account.uid;
        let other = self.known(uid, |known| known.find(identity).cloned())?;
        if self.has_identity(&other, identity) {
            return Some(other).filter(|other| other != account);
        }
        // Somebody has moved directories by hand.
        self.read_again(uid);
        let other = self.known(uid, |known| known.find(identity).cloned());
        other.filter(|other| other != account)
    }

    /// What is known of a uid's directories, which are read where nothing is.
    fn known<T>(&self, uid: u32, look: impl FnOnce(&mut DirectoryIndex) -> T) -> T {
        if !self.known.borrow().contains_key(&uid) {
            let identity = |account: &Account| self.record(account).and_then(|it| it.identity);
            let accounts = self.of_uid(uid).into_iter();
            let known = DirectoryIndex::of(accounts.map(|account| {
                let identity = identity(&account);
                (account, identity)
            }));
            self.known.borrow_mut().insert(uid, known);
        }
        look(self.known.borrow_mut().entry(uid).or_default())
    }

    fn has_identity(&self, account: &Account, identity: &Identity) -> bool {
        let record = self.record(account);
        record.is_some_and(|record| record.identity.as_ref() == Some(identity))
    }

    /// The directory of this account that was set aside for another network, and that has this
    /// identity.
    pub fn replaced(&self, account: &Account, identity: &Identity) -> Option<Former> {
        let has = |former: &Former| {
            let user = self.enter_user(account);
            let directory = user.and_then(|user| enter(user, &former.directory)).ok();
            let text = directory.and_then(|directory| read(&directory).ok().flatten());
            let record = text.and_then(|text| Record::parse(&text)).unwrap_or_default();
            record.identity.as_ref() == Some(identity)
        };
        let mut former = self.enter_user(account).map(entries_aside).unwrap_or_default();
        former.retain(|(network, directory)| {
            *network == account.network && directory.contains(Aside::Replaced.suffix())
        });
        former.sort();
        let whose = |(_, directory)| Former { account: account.clone(), directory };
        former.into_iter().map(whose).find(has)
    }

    /// The directories of a uid's accounts that were set aside, sorted.
    pub fn former(&self, uid: u32) -> Vec<Former> {
        let mut all = Vec::new();
        let Ok(home) = enter(self.base(), &uid.to_string()) else { return all };
        for user in names(&home) {
            let Ok(networks) = enter(&home, &user.file_name()) else { continue };
            all.extend(entries_aside(networks).into_iter().map(|(network, directory)| Former {
                account: Account { uid, user: user.clone(), network },
                directory,
            }));
        }
        all.sort();
        all
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
            self.known(account.uid, |known| known.remove(account));
            return Ok(None);
        }
        let most = self.most_accounts();
        if why == Aside::Replaced && self.former(account.uid).len() >= most {
            return Err(Error::TooManyFormer(account.uid, most));
        }
        // A dot in front: no account has such a name.
        let first = format!(".{network}{}", why.suffix());
        let mut aside = first.clone();
        for number in 1.. {
            if matches!(enter(&user, &aside), Err(Errno::ENOENT)) {
                break;
            }
            aside = format!("{first}.{number}");
        }
        renameat(&user, network.as_str(), &user, aside.as_str()).map_err(failed)?;
        self.known(account.uid, |known| known.remove(account));
        fsync(&user).map_err(failed)?;
        Ok(Some(aside))
    }

    /// Makes an account's directory that of another name, which nobody has. Its worker has ended.
    pub fn move_account(&self, from: &Account, to: &Account) -> Result<(), Error> {
        let (before, after) = (from.network.file_name(), to.network.file_name());
        let errno = |errno| Error::Failed { name: before.clone(), errno };
        if from.uid != to.uid {
            return Err(errno(Errno::EPERM));
        }
        let lock = match self.has(from) {
            true => self.account(from)?,
            false => return Err(errno(Errno::ENOENT)),
        };
        if self.has(to) {
            return Err(Error::Failed { name: after, errno: Errno::EEXIST });
        }
        let mut record = self.record(from).unwrap_or_default();
        record.files_of.get_or_insert_with(|| (from.user.clone(), from.network.clone()));
        write(&*lock, &record).map_err(|error| failed(from, error))?;
        let old = self.enter_user(from).map_err(errno)?;
        let new = self.make_user(to)?;
        renameat(&old, before.as_str(), &new, after.as_str()).map_err(|found| match found {
            Errno::EXDEV => Error::CannotMove,
            found => errno(found),
        })?;
        self.known(from.uid, |known| known.remove(from));
        if let Some(identity) = &record.identity {
            self.known(to.uid, |known| known.insert(to, identity));
        }
        fsync(&new).map_err(errno)?;
        fsync(&old).map_err(errno)?;
        // Where this was the last one; otherwise it is not empty.
        if let Ok(uid) = enter(self.base(), &from.uid.to_string()) {
            let user = from.user.file_name();
            let _ = unlinkat(&uid, user.as_str(), UnlinkatFlags::RemoveDir);
        }
        Ok(())
    }

    /// Gives a directory that was set aside its account's name again, which nobody has.
    pub fn take_back(&self, former: &Former) -> Result<(), Error> {
        let account = &former.account;
        let network = account.network.file_name();
        let failed = |errno| Error::Failed { name: former.directory.clone(), errno };
        if self.has(account) {
            return Err(failed(Errno::EEXIST));
        }
        let user = self.enter_user(account).map_err(failed)?;
        let _lock = lock(enter(&user, &former.directory).map_err(failed)?).map_err(failed)?;
        renameat(&user, former.directory.as_str(), &user, network.as_str()).map_err(failed)?;
        self.count_one_more(account.uid);
        if let Some(identity) = self.record(account).and_then(|record| record.identity) {
            self.known(account.uid, |known| known.insert(account, &identity));
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
        let aside = match self.has(account) {
            true => self.set_aside(account, Aside::Replaced)?,
            false => None,
        };
        let text = read(&directory).ok().flatten();
        let record = text.and_then(|text| Record::parse(&text)).unwrap_or_default();
        let record = Record { identity: None, ..record };
        write(&directory, &record).map_err(|error| failed(account, error))?;
        self.take_back(former)?;
        Ok(aside)
    }
}

fn failed(account: &Account, error: io::Error) -> Error {
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or_default());
    Error::Failed { name: format!("{}/{FILE}", account.path()), errno }
}

/// Removes the files in a directory of ours.
fn empty(directory: OwnedFd) -> Result<(), Errno> {
    let mut open = Dir::openat(&directory, ".", DIRECTORY, Mode::empty())?;
    let names: Vec<_> = open.iter().flatten().map(|entry| entry.file_name().to_owned()).collect();
    for name in names.iter().filter(|name| !matches!(name.to_bytes(), b"." | b"..")) {
        unlinkat(&directory, name.as_c_str(), UnlinkatFlags::NoRemoveDir)?;
    }
    Ok(())
}

/// The directories that were set aside in that of a ZNC user, each with its network before it.
fn entries_aside(user: OwnedFd) -> Vec<(Name, String)> {
    let all = entries(user, true).into_iter();
    all.filter_map(|directory| network_of(&directory).map(|network| (network, directory))).collect()
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
    use std::path::Path;

    fn account(uid: u32, user: &str, network: &str) -> Account {
        Account { uid, user: Name::new(user).unwrap(), network: Name::new(network).unwrap() }
    }

    fn identity(digit: char) -> Identity {
        Identity::new(digit.to_string().repeat(Identity::LENGTH)).unwrap()
    }

    fn key(base: &Path, account: &Account, content: &str) {
        std::fs::write(base.join(account.path()).join("otr.key"), content).unwrap();
    }

    #[test]
    fn a_moved_directory_says_whose_files_it_holds() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        let (one, two, three) =
            (account(1, "al%ce", "a"), account(1, "carol", "b"), account(1, "carol", "c"));
        state.adopt(&one, &identity('1')).unwrap();
        key(base.path(), &one, "key");
        assert_eq!(state.known_elsewhere(&two, &identity('1')), Some(one.clone()));
        assert_eq!(state.known_elsewhere(&one, &identity('1')), None);
        assert_eq!(state.known_elsewhere(&account(2, "x", "y"), &identity('1')), None);
        state.move_account(&one, &two).unwrap();
        state.move_account(&two, &three).unwrap();
        assert_eq!(state.files_of(&three), one);
        assert_eq!(state.record(&three).unwrap().identity, Some(identity('1')));
        assert_eq!(state.of_uid(1), std::slice::from_ref(&three));
        assert!(!base.path().join("1/al%25ce").exists());
        assert!(state.move_account(&three, &account(2, "carol", "c")).is_err());
        state.adopt(&one, &identity('2')).unwrap();
        assert!(state.move_account(&three, &one).is_err());
        assert!(state.move_account(&two, &account(1, "d", "d")).is_err());
    }

    #[test]
    fn what_is_in_the_way_is_set_aside_and_taken_back() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        let alice = account(1, "alice", "a.replaced");
        state.adopt(&alice, &identity('1')).unwrap();
        assert_eq!(state.set_aside(&alice, Aside::Replaced).unwrap(), None);
        assert!(state.former(1).is_empty() && !state.has(&alice));
        for (number, digit) in ["1", "2"].into_iter().zip(['1', '2']) {
            state.adopt(&alice, &identity(digit)).unwrap();
            key(base.path(), &alice, number);
            state.set_aside(&alice, Aside::Replaced).unwrap().unwrap();
        }
        let former: Vec<_> = state.former(1).into_iter().map(|one| one.directory).collect();
        assert_eq!(former, [".a.replaced.replaced", ".a.replaced.replaced.1"]);
        assert_eq!(state.replaced(&alice, &identity('3')), None);
        let second = state.replaced(&alice, &identity('2')).unwrap();
        state.take_back(&second).unwrap();
        assert!(state.take_back(&second).is_err());
        assert_eq!(state.record(&alice).unwrap().identity, Some(identity('2')));

        let first = state.replaced(&alice, &identity('1')).unwrap();
        let aside = state.restore(&first).unwrap().unwrap();
        assert_eq!(aside, ".a.replaced.replaced.1");
        assert_eq!(state.record(&alice), Some(Record::default()));
        let read = |path: &str| {
            std::fs::read_to_string(base.path().join("1/alice").join(path).join("otr.key")).unwrap()
        };
        assert_eq!([read("a.replaced"), read(&aside)], ["1", "2"]);
    }

    #[test]
    fn what_an_admin_forgot_does_not_come_back_by_itself() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        let alice = account(1, "alice", "net");
        state.adopt(&alice, &identity('1')).unwrap();
        key(base.path(), &alice, "key");
        state.forget(&alice, false).unwrap();
        assert_eq!(state.replaced(&alice, &identity('1')), None);
        assert_eq!(state.known_elsewhere(&account(1, "b", "c"), &identity('1')), None);
        assert_eq!(state.former(1).len(), 1);
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

    #[test]
    fn a_damaged_identity_is_set_aside() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        let alice = account(1, "alice", "net");
        for damage in ["identity 1\n", "identity\n", "x", "files-of ../net\n", "files-of a\n"] {
            state.adopt(&alice, &identity('1')).unwrap();
            let file = base.path().join("1/alice/net/identity");
            std::fs::write(&file, damage).unwrap();
            assert_eq!(state.record(&alice), Some(Record::default()), "{damage}");
            let aside = std::fs::read_to_string(file.with_extension("damaged")).unwrap();
            assert_eq!(aside, damage);
        }
    }
}
