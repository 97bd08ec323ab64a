//! The account directories: `<state>/<uid>/<user>/<network>/`, each level 0700 and ours. Only
//! directories are touched here; what lies in them is the worker's.

use crate::directory_index::DirectoryIndex;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg, OFlag, openat};
use nix::sys::stat::{Mode, fchmod, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, geteuid, unlinkat};
use proto::account::{Account, Name};
use proto::jsonrpc::{self, Code};
use proto::worker::AtRest;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Why there is no directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use the state directory {path}: {error}")]
    Base { path: PathBuf, error: io::Error },
    #[error("another otrd uses the state directory {0}: stop it first, or give --state")]
    Taken(PathBuf),
    #[error("the otrd to be replaced has another state directory than {0}: give the same --state")]
    Other(PathBuf),
    #[error("an earlier worker of this account has not ended yet")]
    InUse,
    #[error("uid {0} has {1} accounts: forget some, or raise limits.accounts in otrd.toml")]
    TooMany(u32, usize),
    #[error("uid {0} has {1} former accounts that were set aside: remove some of the directories")]
    TooManyFormer(u32, usize),
    #[error("this kernel cannot move a directory of a confined process: Linux 5.19 can")]
    CannotMove,
    #[error("{0} in the state directory belongs to another user: give it back with chown")]
    Foreign(String),
    #[error("cannot open {name} in the state directory: {errno}")]
    Failed { name: String, errno: Errno },
}

impl From<Error> for jsonrpc::Error {
    fn from(error: Error) -> Self {
        Self::new(Code::Refused, error.to_string())
    }
}

/// A directory that nobody else uses while this lives, and while the worker that inherits it does.
pub type Directory = Flock<OwnedFd>;

/// The directory that holds the directories of all accounts.
pub struct StateDir {
    base: Directory,
    /// The most accounts of one uid, so that no user fills the disk with directories.
    limit: Cell<usize>,
    /// How many accounts each uid has, or had: those that end are not taken off.
    counts: RefCell<BTreeMap<u32, usize>>,
    pub(crate) known: RefCell<BTreeMap<u32, DirectoryIndex>>,
    /// When a uid with too many accounts was looked at again.
    looked: RefCell<BTreeMap<u32, Instant>>,
}

/// Accounts that were removed by hand make room for others after so long at the latest.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Exists while an admin wants files not to be encrypted.
const PLAIN: &str = ".plain";
pub(crate) const DIRECTORY: OFlag =
    OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC).union(OFlag::O_RDONLY);

impl StateDir {
    /// Opens the directory of all accounts, makes it where it is missing, and keeps every other
    /// otrd out of it. An otrd before this one may have passed it, with the lock on it.
    pub fn open(path: &Path, passed: Option<OwnedFd>) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::Base { path: path.into(), error };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        // The admin may have made the state directory itself a symlink.
        let found = OwnedFd::from(std::fs::File::open(path).map_err(failed)?);
        let base = match passed {
            Some(passed) if is_same(&passed, &found).map_err(|errno| failed(errno.into()))? => {
                passed
            }
            Some(_) => return Err(Error::Other(path.into())),
            None => found,
        };
        let base = lock(base).map_err(|errno| match errno {
            Errno::EWOULDBLOCK => Error::Taken(path.into()),
            errno => failed(errno.into()),
        })?;
        Ok(Self {
            base,
            limit: Cell::new(usize::MAX),
            counts: RefCell::default(),
            known: RefCell::default(),
            looked: RefCell::default(),
        })
    }

    /// The directory of all accounts and the lock on it, for an otrd that takes them over.
    pub fn pass(&self) -> io::Result<OwnedFd> {
        self.base.try_clone()
    }

    /// Whether files are to be encrypted on disk where there is a master secret. They are not only
    /// if an admin says so, which is kept here.
    pub fn at_rest(&self) -> AtRest {
        match nix::sys::stat::fstatat(&*self.base, PLAIN, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(_) => AtRest::Plain,
            Err(_) => AtRest::Encrypted,
        }
    }

    /// Keeps an admin's word.
    pub fn set_at_rest(&self, at_rest: AtRest) -> io::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        match at_rest {
            AtRest::Plain => drop(openat(&*self.base, PLAIN, flags, Mode::S_IRUSR)?),
            AtRest::Encrypted => match unlinkat(&*self.base, PLAIN, UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(errno.into()),
            },
        }
        Ok(fsync(&*self.base)?)
    }

    /// The most accounts that one uid may have from now on.
    pub fn limit(&self, accounts: usize) {
        self.limit.set(accounts);
    }

    /// An account's directory, made where it is missing.
    pub fn account(&self, account: &Account) -> Result<Directory, Error> {
        let directory = self.make_account(account)?;
        lock(directory).map_err(|errno| match errno {
            Errno::EWOULDBLOCK => Error::InUse,
            errno => Error::Failed { name: account.network.file_name(), errno },
        })
    }

    /// The same, whoever uses it.
    pub(crate) fn make_account(&self, account: &Account) -> Result<OwnedFd, Error> {
        let is_new = !self.has(account)?;
        if is_new {
            let most = self.limit.get();
            if self.count(account.uid)? >= most {
                // Some may be gone by now. To look takes all who are served a while.
                self.read_again_sometimes(account.uid);
                if self.count(account.uid)? >= most {
                    return Err(Error::TooMany(account.uid, most));
                }
            }
        }
        let directory = make(self.make_user(account)?, &account.network.file_name())?;
        if is_new {
            self.count_one_more(account.uid);
        }
        Ok(directory)
    }

    /// A uid's directories are read again as soon as somebody asks for one.
    pub(crate) fn read_again(&self, uid: u32) {
        self.known.borrow_mut().remove(&uid);
        self.counts.borrow_mut().remove(&uid);
    }

    fn read_again_sometimes(&self, uid: u32) {
        let now = Instant::now();
        let mut looked = self.looked.borrow_mut();
        let late = |before: &Instant| now.saturating_duration_since(*before) >= LOOK_AGAIN;
        if looked.get(&uid).is_none_or(late) {
            looked.insert(uid, now);
            self.read_again(uid);
        }
    }

    fn count(&self, uid: u32) -> Result<usize, Error> {
        if let Some(count) = self.counts.borrow().get(&uid) {
            return Ok(*count);
        }
        let count = self.of_uid(uid)?.len();
        self.counts.borrow_mut().insert(uid, count);
        Ok(count)
    }

    /// This uid has one account more. Those of a uid that were not counted yet are all on disk.
    pub(crate) fn count_one_more(&self, uid: u32) {
        if let Some(count) = self.counts.borrow_mut().get_mut(&uid) {
            *count = count.saturating_add(1);
        }
    }

    /// The directory of an account's ZNC user, made where it is missing.
    pub(crate) fn make_user(&self, account: &Account) -> Result<OwnedFd, Error> {
        let uid = make(&*self.base, &account.uid.to_string())?;
        make(&uid, &account.user.file_name())
    }

    pub(crate) fn enter_user(&self, account: &Account) -> Result<OwnedFd, Errno> {
        enter(enter(&*self.base, &account.uid.to_string())?, &account.user.file_name())
    }

    pub(crate) fn enter_account(&self, account: &Account) -> Result<OwnedFd, Errno> {
        enter(self.enter_user(account)?, &account.network.file_name())
    }

    pub(crate) fn base(&self) -> &OwnedFd {
        &self.base
    }

    pub(crate) fn most_accounts(&self) -> usize {
        self.limit.get()
    }

    /// An account's directory, where it has one.
    pub(crate) fn find_account(&self, account: &Account) -> Result<Option<OwnedFd>, Error> {
        there(self.enter_account(account))
            .map_err(|errno| Error::Failed { name: account.path(), errno })
    }

    /// Whether an account was ever here.
    pub fn has(&self, account: &Account) -> Result<bool, Error> {
        Ok(self.find_account(account)?.is_some())
    }

    /// All accounts of one uid.
    pub fn of_uid(&self, uid: u32) -> Result<Vec<Account>, Error> {
        let mut accounts = Vec::new();
        for (user, directory) in self.users_of(uid)? {
            let networks = names(directory).map_err(of_user(uid, &user))?.into_iter();
            accounts.extend(networks.map(|network| Account { uid, user: user.clone(), network }));
        }
        Ok(accounts)
    }

    /// The directories of a uid's ZNC users.
    pub(crate) fn users_of(&self, uid: u32) -> Result<Vec<(Name, OwnedFd)>, Error> {
        let name = uid.to_string();
        let failed = |errno| Error::Failed { name: name.clone(), errno };
        let Some(home) = there(enter(&*self.base, &name)).map_err(failed)? else {
            return Ok(Vec::new());
        };
        let mut users = Vec::new();
        for user in names(&home).map_err(failed)? {
            let directory = there(enter(&home, &user.file_name())).map_err(failed)?;
            users.extend(directory.map(|directory| (user, directory)));
        }
        Ok(users)
    }

    /// Whoever has accounts here.
    pub fn uids(&self) -> Result<Vec<u32>, Error> {
        let failed = |errno| Error::Failed { name: ".".into(), errno };
        let names = entries(&*self.base, false).map_err(failed)?.into_iter();
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    /// All accounts that have a directory here.
    pub fn all(&self) -> Result<Vec<Account>, Error> {
        let accounts = self.uids()?.into_iter().map(|uid| self.of_uid(uid));
        Ok(accounts.collect::<Result<Vec<_>, Error>>()?.concat())
    }
}

fn is_same(one: &OwnedFd, other: &OwnedFd) -> Result<bool, Errno> {
    let (one, other) = (fstat(one)?, fstat(other)?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

pub(crate) fn lock(directory: OwnedFd) -> Result<Directory, Errno> {
    Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno)
}

pub(crate) fn enter(parent: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    openat(parent, name, DIRECTORY, Mode::empty())
}

/// Opens a directory of ours and makes it where it is missing.
fn make(parent: impl AsFd, name: &str) -> Result<OwnedFd, Error> {
    let failed = |errno| Error::Failed { name: name.into(), errno };
    match mkdirat(&parent, name, Mode::S_IRWXU) {
        // On disk before any key in it is.
        Ok(()) => fsync(&parent).map_err(failed)?,
        Err(Errno::EEXIST) => {}
        Err(errno) => return Err(failed(errno)),
    }
    let directory = enter(&parent, name).map_err(failed)?;
    let found = fstat(&directory).map_err(failed)?;
    if found.st_uid != geteuid().as_raw() {
        return Err(Error::Foreign(name.into()));
    }
    if Mode::from_bits_truncate(found.st_mode).intersects(Mode::S_IRWXG | Mode::S_IRWXO) {
        fchmod(&directory, Mode::S_IRWXU).map_err(failed)?;
    }
    Ok(directory)
}

/// What is said of the directory of a ZNC user that cannot be read.
pub(crate) fn of_user(uid: u32, user: &Name) -> impl FnOnce(Errno) -> Error {
    let name = format!("{uid}/{}", user.file_name());
    move |errno| Error::Failed { name, errno }
}

/// What was opened; nothing where no directory has that name. That one cannot be opened, for want of
/// descriptors for example, does not mean that it is not there.
pub(crate) fn there<T>(opened: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// What an account's part may be called; everything else in a directory is somebody's own.
fn names(directory: impl AsFd) -> Result<Vec<Name>, Errno> {
    let files = entries(directory, false)?;
    Ok(files.iter().filter_map(|file| Name::from_file_name(file)).collect())
}

/// The directories in a directory: those with a dot in front, or those without.
pub(crate) fn entries(directory: impl AsFd, dotted: bool) -> Result<Vec<String>, Errno> {
    let mut open = Dir::openat(&directory, ".", DIRECTORY, Mode::empty())?;
    let mut found = Vec::new();
    for entry in open.iter() {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name.starts_with('.') == dotted && there(enter(&directory, name))?.is_some() {
            found.push(name.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn account(uid: u32, user: &str, network: &str) -> Account {
        Account { uid, user: Name::new(user).unwrap(), network: Name::new(network).unwrap() }
    }

    #[test]
    fn directories_are_made_narrow_and_found_again() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(&base.path().join("deep/state"), None).unwrap();
        let odd = account(1000, "al%ce", "Ünet");
        assert!(!state.has(&odd).unwrap());
        drop(state.account(&odd).unwrap());
        assert!(state.has(&odd).unwrap());
        let other = account(7, "bob", "libera");
        drop(state.account(&other).unwrap());

        let path = base.path().join("deep/state/1000/al%25ce/%C3%9Cnet");
        for level in path.ancestors().take(3) {
            assert_eq!(level.metadata().unwrap().permissions().mode() & 0o7777, 0o700);
        }
        assert_eq!(state.of_uid(1000).unwrap(), std::slice::from_ref(&odd));
        let mut all = state.all().unwrap();
        all.sort();
        assert_eq!(all, [other, odd]);
    }

    #[test]
    fn an_open_mode_is_closed_and_a_symlink_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        let alice = account(1, "alice", "net");
        drop(state.account(&alice).unwrap());
        let path = base.path().join("1/alice/net");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        drop(state.account(&alice).unwrap());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o700);

        std::fs::rename(&path, base.path().join("1/alice/elsewhere")).unwrap();
        symlink("elsewhere", &path).unwrap();
        assert!(matches!(state.account(&alice), Err(Error::Failed { .. })));
        assert!(!state.has(&alice).unwrap());
    }

    #[test]
    fn a_forgotten_account_is_set_aside_or_gone() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        let alice = account(1, "alice", "net");
        for aside in [".net.forgotten", ".net.forgotten.1"] {
            let used = state.account(&alice).unwrap();
            assert!(matches!(state.forget(&alice, false), Err(Error::InUse)));
            drop(used);
            std::fs::write(base.path().join("1/alice/net/otr.key"), "key").unwrap();
            assert_eq!(state.forget(&alice, false).unwrap().as_deref(), Some(aside));
            assert!(!state.has(&alice).unwrap() && state.all().unwrap().is_empty());
            assert!(base.path().join("1/alice").join(aside).join("otr.key").exists());
        }
        let bob = account(2, "bob", "net");
        drop(state.account(&bob).unwrap());
        std::fs::write(base.path().join("2/bob/net/otr.key"), "key").unwrap();
        assert_eq!(state.forget(&bob, true).unwrap(), None);
        assert!(!base.path().join("2").exists() && base.path().join("1").exists());
    }

    #[test]
    fn an_admins_word_on_files_at_rest_is_kept() {
        let base = tempfile::tempdir().unwrap();
        for at_rest in [AtRest::Plain, AtRest::Plain, AtRest::Encrypted, AtRest::Encrypted] {
            StateDir::open(base.path(), None).unwrap().set_at_rest(at_rest).unwrap();
            let state = StateDir::open(base.path(), None).unwrap();
            assert_eq!(state.at_rest(), at_rest);
            assert!(state.all().unwrap().is_empty());
        }
    }

    #[test]
    fn one_user_of_a_directory_at_a_time() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        assert!(matches!(StateDir::open(base.path(), None), Err(Error::Taken(_))));
        let alice = account(1, "alice", "net");
        let first = state.account(&alice).unwrap();
        assert!(matches!(state.account(&alice), Err(Error::InUse)));
        drop(first);
        state.account(&alice).unwrap();

        // An otrd that takes over has the lock without a gap.
        let passed = state.pass().unwrap();
        let other = tempfile::tempdir().unwrap();
        let elsewhere = StateDir::open(other.path(), Some(state.pass().unwrap()));
        assert!(matches!(elsewhere, Err(Error::Other(_))));
        let next = StateDir::open(base.path(), Some(passed)).unwrap();
        assert!(matches!(StateDir::open(base.path(), None), Err(Error::Taken(_))));
        assert_eq!(next.all().unwrap(), [alice]);
    }

    #[test]
    fn no_user_fills_the_disk() {
        let base = tempfile::tempdir().unwrap();
        let state = StateDir::open(base.path(), None).unwrap();
        state.limit(3);
        for number in 0..3 {
            std::fs::create_dir_all(base.path().join(format!("5/alice/n{number}"))).unwrap();
        }
        assert!(matches!(state.account(&account(5, "alice", "more")), Err(Error::TooMany(5, 3))));
        state.account(&account(5, "alice", "n0")).unwrap();
        state.account(&account(6, "alice", "more")).unwrap();
    }
}
