//! Which network an account's directory belongs to, and where directories go whose network was
//! moved, renamed or made anew. The identity lies in the file `identity` of the directory.

use crate::directory_index::DirectoryIndex;
use crate::identity_file::{Content, DAMAGED, FILE, NEXT, Record, is_empty, read, write};
use crate::state_dir::{DIRECTORY, Error, StateDir, enter, entries, lock, there};
use nix::dir::{Dir, Entry};
use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use proto::account::{Account, Name};
use proto::shim::Identity;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

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
    ///
    /// # Errors
    /// What cannot be read at this moment may be there all the same: nothing is decided without it.
    pub fn record(&self, account: &Account) -> Result<Option<Record>, Error> {
        let failed = |error| failed(account, error);
        let entered = there(self.enter_account(account)).map_err(|errno| failed(errno.into()))?;
        let Some(directory) = entered else { return Ok(None) };
        match read(&directory).map_err(failed)? {
            Content::Record(record) => return Ok(Some(record)),
            Content::Nothing => {}
            Content::Damaged => {
                tracing::warn!(%account, uid = account.uid, "{account}: its identity is damaged: set aside");
                // Somebody's network is to go on with it; which one, nobody can tell any more.
                let _ = renameat(&directory, FILE, &directory, DAMAGED);
            }
        }
        Ok(Some(Record::default()))
    }

    /// The account under whose name an account's files were first written.
    pub fn files_of(&self, account: &Account) -> Result<Account, Error> {
        Ok(match self.record(account)?.and_then(|record| record.files_of) {
            Some((user, network)) => Account { uid: account.uid, user, network },
            None => account.clone(),
        })
    }

    /// Makes an account a network's own. Its directory is made where it is missing.
    pub fn adopt(&self, account: &Account, identity: &Identity) -> Result<(), Error> {
        let directory = self.make_account(account)?;
        let record = self.record(account)?.unwrap_or_default();
        let record = Record { identity: Some(identity.clone()), ..record };
        write(&directory, &record).map_err(|error| failed(account, error))?;
        self.update_known(account.uid, |known| known.insert(account, identity));
        Ok(())
    }

    /// Another account of the same uid that has this identity.
    pub fn known_elsewhere(
        &self,
        account: &Account,
        identity: &Identity,
    ) -> Result<Option<Account>, Error> {
        let uid = account.uid;
        let find = || self.known(uid, |known| known.find(identity).cloned());
        let Some(mut other) = find()? else { return Ok(None) };
        let record = self.record(&other)?;
        if record.is_none_or(|record| record.identity.as_ref() != Some(identity)) {
            // Somebody has moved directories by hand.
            self.read_again(uid);
            let Some(again) = find()? else { return Ok(None) };
            other = again;
        }
        Ok(Some(other).filter(|other| other != account))
    }

    /// What is known of a uid's directories, which are read where nothing is.
    fn known<T>(&self, uid: u32, look: impl FnOnce(&DirectoryIndex) -> T) -> Result<T, Error> {
        if !self.known.borrow().contains_key(&uid) {
            let mut accounts = Vec::new();
            for account in self.of_uid(uid)? {
                let identity = self.record(&account)?.and_then(|record| record.identity);
                accounts.push((account, identity));
            }
            let known = DirectoryIndex::of(accounts.into_iter());
            self.known.borrow_mut().insert(uid, known);
        }
        Ok(look(self.known.borrow_mut().entry(uid).or_default()))
    }

    /// A directory was changed. Those of a uid that were not read yet are right on disk.
    fn update_known(&self, uid: u32, change: impl FnOnce(&mut DirectoryIndex)) {
        if let Some(known) = self.known.borrow_mut().get_mut(&uid) {
            change(known);
        }
    }

    /// The directory of this account that was set aside for another network, and that has this
    /// identity.
    pub fn replaced(
        &self,
        account: &Account,
        identity: &Identity,
    ) -> Result<Option<Former>, Error> {
        let errno = |errno: Errno| failed(account, errno.into());
        let Some(user) = there(self.enter_user(account)).map_err(errno)? else { return Ok(None) };
        let mut former = entries_aside(&user).map_err(errno)?;
        former.retain(|(network, directory)| {
            *network == account.network && directory.contains(Aside::Replaced.suffix())
        });
        former.sort();
        for (_, directory) in former {
            let aside = enter(&user, &directory).map_err(errno)?;
            let content = read(&aside).map_err(|error| failed(account, error))?;
            if matches!(content, Content::Record(record) if record.identity.as_ref() == Some(identity))
            {
                return Ok(Some(Former { account: account.clone(), directory }));
            }
        }
        Ok(None)
    }

    /// The directories of a uid's accounts that were set aside, sorted.
    pub fn former(&self, uid: u32) -> Result<Vec<Former>, Error> {
        let mut all = Vec::new();
        for (user, networks) in self.users_of(uid)? {
            let failed =
                |errno| Error::Failed { name: format!("{uid}/{}", user.file_name()), errno };
            let aside = entries_aside(networks).map_err(failed)?.into_iter();
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

    /// Makes an account's directory that of another name, which nobody has. Its worker has ended.
    pub fn move_account(&self, from: &Account, to: &Account) -> Result<(), Error> {
        let (before, after) = (from.network.file_name(), to.network.file_name());
        let errno = |errno| Error::Failed { name: before.clone(), errno };
        if from.uid != to.uid {
            return Err(errno(Errno::EPERM));
        }
        let lock = match self.has(from)? {
            true => self.account(from)?,
            false => return Err(errno(Errno::ENOENT)),
        };
        if self.has(to)? {
            return Err(Error::Failed { name: after, errno: Errno::EEXIST });
        }
        let mut record = self.record(from)?.unwrap_or_default();
        record.files_of.get_or_insert_with(|| (from.user.clone(), from.network.clone()));
        write(&*lock, &record).map_err(|error| failed(from, error))?;
        let old = self.enter_user(from).map_err(errno)?;
        let new = self.make_user(to)?;
        renameat(&old, before.as_str(), &new, after.as_str()).map_err(|found| match found {
            Errno::EXDEV => Error::CannotMove,
            found => errno(found),
        })?;
        self.update_known(from.uid, |known| known.remove(from));
        if let Some(identity) = &record.identity {
            self.update_known(to.uid, |known| known.insert(to, identity));
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

fn failed(account: &Account, error: io::Error) -> Error {
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or_default());
    Error::Failed { name: format!("{}/{FILE}", account.path()), errno }
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
        assert_eq!(state.known_elsewhere(&two, &identity('1')).unwrap(), Some(one.clone()));
        assert_eq!(state.known_elsewhere(&one, &identity('1')).unwrap(), None);
        assert_eq!(state.known_elsewhere(&account(2, "x", "y"), &identity('1')).unwrap(), None);
        state.move_account(&one, &two).unwrap();
        state.move_account(&two, &three).unwrap();
        assert_eq!(state.files_of(&three).unwrap(), one);
        assert_eq!(state.record(&three).unwrap().unwrap().identity, Some(identity('1')));
        assert_eq!(state.of_uid(1).unwrap(), std::slice::from_ref(&three));
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

    #[test]
    fn a_damaged_identity_is_set_aside() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        let alice = account(1, "alice", "net");
        for damage in ["identity 1\n", "identity\n", "x", "files-of ../net\n", "files-of a\n"] {
            state.adopt(&alice, &identity('1')).unwrap();
            let file = base.path().join("1/alice/net/identity");
            std::fs::write(&file, damage).unwrap();
            assert_eq!(state.record(&alice).unwrap(), Some(Record::default()), "{damage}");
            let aside = std::fs::read_to_string(file.with_extension("damaged")).unwrap();
            assert_eq!(aside, damage);
        }
    }

    /// Whatever cannot be opened for want of descriptors: nothing counts as missing for that.
    #[test]
    fn what_cannot_be_read_is_not_missing() {
        let itself = std::env::current_exe().unwrap();
        let inside = ["--exact", "identities::tests::with_few_descriptors", "--ignored"];
        let output = std::process::Command::new(itself).args(inside).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    #[test]
    #[ignore = "run by the one above, in a process of its own"]
    fn with_few_descriptors() {
        use nix::sys::resource::{Resource, setrlimit};
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        let (alice, moved, new) =
            (account(1, "alice", "net"), account(1, "alice", "moved"), account(1, "carol", "net"));
        for digit in ['1', '2'] {
            state.adopt(&alice, &identity(digit)).unwrap();
            key(base.path(), &alice, "key");
            if digit == '1' {
                state.set_aside(&alice, Aside::Replaced).unwrap();
            }
        }
        state.limit(1);
        setrlimit(Resource::RLIMIT_NOFILE, 64, 64).unwrap();
        let mut taken = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        for left in 0..=8 {
            state.read_again(1);
            let here = state.record(&alice).map(|record| record.unwrap().identity);
            let answers = [
                state.has(&alice).map(|there| assert!(there)),
                here.map(|found| assert_eq!(found, Some(identity('2')))),
                state.of_uid(1).map(|all| assert_eq!(all, std::slice::from_ref(&alice))),
                state.uids().map(|uids| assert_eq!(uids, [1])),
                state.former(1).map(|former| assert_eq!(former.len(), 1)),
                state.replaced(&alice, &identity('1')).map(|former| assert!(former.is_some())),
                state
                    .known_elsewhere(&moved, &identity('2'))
                    .map(|other| assert_eq!(other.as_ref(), Some(&alice))),
                match state.account(&new) {
                    Err(Error::TooMany(..)) => Ok(()),
                    other => Err(other.expect_err("one account more than allowed")),
                },
            ];
            let failed = answers.iter().filter(|answer| answer.is_err()).count();
            match left {
                0 => assert_eq!(failed, answers.len()),
                8 => assert_eq!(failed, 0),
                _ => {}
            }
            taken.pop();
        }
        drop(taken);
        assert!(!base.path().join("1/alice/net").join(DAMAGED).exists());
    }
}
