//! Which network an account's directory belongs to, also after the network was moved or renamed. The
//! identity lies in the file `identity` of the directory.

use crate::directory_index::DirectoryIndex;
use crate::identity_file::{Content, DAMAGED, FILE, Record, is_empty, read, write};
use crate::state_dir::{Error, StateDir, enter};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, renameat};
use nix::sys::stat::fstatat;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use proto::account::Account;
use proto::shim::Identity;
use std::io;

/// Where a worker writes down who is closed.
const CONVERSATIONS: &str = "conversations.json";

impl StateDir {
    /// What an account's directory says of itself; nothing where there is no directory.
    ///
    /// # Errors
    /// What cannot be read at this moment may be there all the same: nothing is decided without it.
    pub fn record(&self, account: &Account) -> Result<Option<Record>, Error> {
        let Some(directory) = self.find_account(account)? else { return Ok(None) };
        match read(&directory).map_err(|error| failed(account, error))? {
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
        let known = self.record(account)?;
        let is_new = match self.find_account(account)? {
            None => true,
            // Made, and nothing came of it.
            Some(directory) => {
                is_empty(&directory).map_err(|errno| failed(account, errno.into()))?
            }
        };
        let made_anew = is_new && !self.all_replaced(account)?.is_empty();
        let directory = self.make_account(account)?;
        let record = known.unwrap_or_default();
        let made_anew = made_anew || record.made_anew;
        let record = Record { identity: Some(identity.clone()), made_anew, ..record };
        write(&directory, &record).map_err(|error| failed(account, error))?;
        self.update_known(account.uid, |known| known.insert(account, identity));
        Ok(())
    }

    /// Whether an account has begun anew under a name that another network had, and its worker has not
    /// written down yet that everybody is closed.
    pub fn begins_anew(&self, account: &Account) -> Result<bool, Error> {
        if !self.record(account)?.is_some_and(|record| record.made_anew) {
            return Ok(false);
        }
        let Some(directory) = self.find_account(account)? else { return Ok(false) };
        match fstatat(&directory, CONVERSATIONS, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(false),
            Err(Errno::ENOENT) => Ok(true),
            Err(errno) => Err(failed(account, errno.into())),
        }
    }

    /// Another account of the same uid that has this identity.
    pub fn known_elsewhere(
        &self,
        account: &Account,
        identity: &Identity,
    ) -> Result<Option<Account>, Error> {
        let uid = account.uid;
        let Some(mut other) = self.known(uid, identity)? else { return Ok(None) };
        let record = self.record(&other)?;
        if record.is_none_or(|record| record.identity.as_ref() != Some(identity)) {
            // Somebody has moved directories by hand.
            self.read_again(uid);
            let Some(again) = self.known(uid, identity)? else { return Ok(None) };
            other = again;
        }
        Ok(Some(other).filter(|other| other != account))
    }

    /// Which of a uid's accounts has this identity, as far as is known of their directories, which are
    /// read where nothing is.
    fn known(&self, uid: u32, identity: &Identity) -> Result<Option<Account>, Error> {
        if let Some(known) = self.known.borrow().get(&uid) {
            return Ok(known.find(identity).cloned());
        }
        let mut accounts = Vec::new();
        for account in self.of_uid(uid)? {
            let identity = self.record(&account)?.and_then(|record| record.identity);
            accounts.push((account, identity));
        }
        let known = DirectoryIndex::of(accounts.into_iter());
        let found = known.find(identity).cloned();
        self.known.borrow_mut().insert(uid, known);
        Ok(found)
    }

    /// A directory was changed. Those of a uid that were not read yet are right on disk.
    pub(crate) fn update_known(&self, uid: u32, change: impl FnOnce(&mut DirectoryIndex)) {
        if let Some(known) = self.known.borrow_mut().get_mut(&uid) {
            change(known);
        }
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
}

/// The identity of an account cannot be read or written.
pub(crate) fn failed(account: &Account, error: io::Error) -> Error {
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or_default());
    Error::Failed { name: format!("{}/{FILE}", account.path()), errno }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proto::account::Name;
    use std::path::Path;

    pub(crate) fn account(uid: u32, user: &str, network: &str) -> Account {
        Account { uid, user: Name::new(user).unwrap(), network: Name::new(network).unwrap() }
    }

    pub(crate) fn identity(digit: char) -> Identity {
        Identity::new(digit.to_string().repeat(Identity::LENGTH)).unwrap()
    }

    pub(crate) fn key(base: &Path, account: &Account, content: &str) {
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
        let directory = base.path().join("1/alice/net");
        state.adopt(&alice, &identity('1')).unwrap();
        std::fs::rename(&directory, directory.with_file_name(".net.replaced")).unwrap();
        state.adopt(&alice, &identity('2')).unwrap();
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
        assert!(!directory.join(DAMAGED).exists());
    }
}
