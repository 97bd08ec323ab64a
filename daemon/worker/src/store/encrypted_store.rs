//! An account's files, encrypted wherever there is a key for that.
//!
//! Conversion is crash-safe: a file gets a second name, is replaced under its own, and the old one is
//! wiped only when the new one can be read. What a crash leaves unfinished, the next start finishes.

use super::seal::{self, Key, OpenError};
use super::{DAMAGED, Disk, Store, StoredFile};
use proto::account::Account;
use proto::worker::AtRest;
use std::collections::BTreeSet;
use std::io::{self, Read};
use zeroize::Zeroizing;

/// Files that are changed at once, so that a start takes no longer than moments.
const AT_ONCE: usize = 200;

/// The keys of one account.
pub struct Keys {
    /// From the master secret.
    pub now: Key,
    /// From the one before, during a change.
    pub before: Option<Key>,
}

impl Keys {
    /// Reads what the front says: a key, and perhaps the one before.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn read(mut from: impl Read) -> io::Result<Self> {
        let mut next = || {
            let mut key = Zeroizing::new([0; seal::KEY]);
            from.read_exact(key.as_mut_slice())?;
            io::Result::Ok(Key::new(&key))
        };
        let now = next()?;
        let before = match next() {
            Ok(before) => Some(before),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error),
        };
        Ok(Self { now, before })
    }
}

/// The files of one account.
pub struct EncryptedStore<D> {
    disk: D,
    account: String,
    keys: Option<Keys>,
    wanted: AtRest,
    /// Everything in the directory that is ours, copies too.
    files: BTreeSet<String>,
    /// Files that do not lie as is wanted.
    unconverted: usize,
}

/// The files cannot be opened, and none of them was touched.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Locked {
    /// There is no key at all.
    #[error(
        "the files of this account are encrypted, and otrd has no master secret: give it back the credential otrd-master, see otrd(8), and start it again"
    )]
    NoSecret,
    /// None of the keys fits.
    #[error(
        "the files of this account are encrypted with another master secret, or damaged: give otrd the credential otrd-master that they were encrypted with, or that one as otrd-master-old beside the new one, and start it again"
    )]
    OtherSecret,
    /// Written by another release.
    #[error("the files of this account: {0}")]
    Version(OpenError),
}

/// What [`EncryptedStore::rekey`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rekeyed {
    /// They are the keys in use.
    Same,
    /// They are in use from now on.
    Changed,
    /// The key in use is not among them, and stays in use.
    Unrelated,
}

/// What [`EncryptedStore::convert_all`] came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Files that were changed.
    pub changed: usize,
    /// Files that could not be, and why.
    pub failed: Vec<String>,
}

impl<D: Disk> EncryptedStore<D> {
    /// The files of an account, in a directory that has these names.
    pub fn new(
        disk: D,
        account: &Account,
        names: impl IntoIterator<Item = String>,
        keys: Option<Keys>,
    ) -> Self {
        let files = names.into_iter().filter(|file| whose(file).is_some()).collect();
        let account = account.path();
        Self { disk, account, keys, wanted: AtRest::Plain, files, unconverted: 0 }
    }

    /// Looks whether the files can be opened. Changes nothing.
    ///
    /// # Errors
    /// [`Locked`]: nobody may go on with this account then.
    pub fn unlock(&mut self) -> Result<(), Locked> {
        let (mut opened, mut closed) = (false, None);
        for name in StoredFile::ALL {
            // What cannot be read at all, the engine says.
            if !self.disk.begins(name.file(), seal::MAGIC).unwrap_or(false) {
                continue;
            }
            let Ok(Some(found)) = self.disk.read(name.file()) else { continue };
            match self.open(name, &found) {
                Ok(_) => opened = true,
                Err(why) if name == StoredFile::Key => return Err(self.locked(why)),
                Err(why) => closed = Some(why),
            }
        }
        // One of several that does not open is damaged.
        match closed {
            Some(why) if !opened => Err(self.locked(why)),
            _ => Ok(()),
        }
    }

    fn locked(&self, why: OpenError) -> Locked {
        match (why, &self.keys) {
            (why @ OpenError::Version(_), _) => Locked::Version(why),
            (OpenError::Key, None) => Locked::NoSecret,
            (OpenError::Key, Some(_)) => Locked::OtherSecret,
        }
    }

    /// Takes over the keys that another front came with. Files are converted by
    /// [`EncryptedStore::convert_all`].
    pub fn rekey(&mut self, keys: Keys) -> Rekeyed {
        let Some(own) = &self.keys else {
            self.keys = Some(keys);
            return Rekeyed::Changed;
        };
        if own.now.is(&keys.now) {
            return Rekeyed::Same;
        }
        if !keys.before.as_ref().is_some_and(|before| own.now.is(before)) {
            return Rekeyed::Unrelated;
        }
        self.keys = Some(keys);
        Rekeyed::Changed
    }

    /// Encrypts or decrypts every file as `wanted`, copies too; what is written later as well. Without
    /// a key all files stay plain.
    pub fn convert_all(&mut self, wanted: AtRest) -> Converted {
        let mut converted = Converted::default();
        if self.keys.is_none() {
            return converted;
        }
        self.wanted = wanted;
        for file in &self.files.clone() {
            let file = file.strip_suffix(WAS).unwrap_or(file);
            if converted.changed >= AT_ONCE {
                converted.failed.push("more files are left for the next time".into());
                break;
            }
            match self.convert(file) {
                Ok(true) => converted.changed += 1,
                Ok(false) => {}
                Err(error) => converted.failed.push(format!("{file}: {error}")),
            }
        }
        self.unconverted = converted.failed.len();
        converted
    }

    /// Whether the files are encrypted, in words.
    pub fn at_rest(&self) -> &'static str {
        match (self.wanted, self.unconverted) {
            (AtRest::Plain, 0) => "plain",
            (AtRest::Encrypted, 0) => "encrypted",
            (AtRest::Plain, _) => "not all plain",
            (AtRest::Encrypted, _) => "not all encrypted",
        }
    }

    fn convert(&mut self, file: &str) -> io::Result<bool> {
        let Some(name) = whose(file) else { return Ok(false) };
        let was = format!("{file}{WAS}");
        if file.ends_with(NEW) {
            // Half of something. A second name of it there is not.
            self.disk.wipe(file)?;
            self.disk.remove(file)?;
            self.files.remove(file);
            return Ok(false);
        }
        let found = match self.disk.read(file)? {
            Some(found) => found,
            None if self.disk.same(file, &was)?.is_some() => {
                self.disk.rename(&was, file)?;
                self.disk.sync()?;
                self.disk.read(file)?.unwrap_or_default()
            }
            None => return Ok(false),
        };
        let content = match seal::is_sealed(&found) {
            true => self.open(name, &found).map_err(invalid)?,
            false => found.clone(),
        };
        let change = !self.lies_well(name, &found);
        self.leave(file, &was)?;
        if change {
            self.disk.link(file, &was)?;
            self.disk.sync()?;
            self.replace(name, file, &content)?;
            self.disk.sync()?;
            let written = self.disk.read(file)?.unwrap_or_default();
            if !self.lies_well(name, &written) {
                return Err(io::Error::other("what was written is not what was to be"));
            }
            self.leave(file, &was)?;
        }
        self.files.insert(file.to_owned());
        self.files.remove(&was);
        Ok(change)
    }

    /// Takes the second name of a file away, and wipes the file that was replaced under it.
    fn leave(&mut self, file: &str, was: &str) -> io::Result<()> {
        match self.disk.same(file, was)? {
            None => return Ok(()),
            Some(true) => {}
            Some(false) => self.disk.wipe(was)?,
        }
        self.disk.remove(was)?;
        self.disk.sync()
    }

    fn lies_well(&self, name: StoredFile, found: &[u8]) -> bool {
        match (self.wanted, &self.keys) {
            (AtRest::Encrypted, Some(keys)) => keys.now.open(&self.place(name), found).is_ok(),
            _ => !seal::is_sealed(found),
        }
    }

    fn open(&self, name: StoredFile, found: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let keys = self.keys.as_ref().ok_or(OpenError::Key)?;
        let place = self.place(name);
        match (keys.now.open(&place, found), &keys.before) {
            (Err(OpenError::Key), Some(before)) => before.open(&place, found),
            (opened, _) => opened,
        }
    }

    /// Puts a content in the place of a file's; the name is on the disk itself after a sync.
    fn replace(&mut self, name: StoredFile, file: &str, content: &[u8]) -> io::Result<()> {
        let sealed = match (self.wanted, &self.keys) {
            (AtRest::Encrypted, Some(keys)) => Some(keys.now.seal(&self.place(name), content)?),
            _ => None,
        };
        let temporary = format!("{file}{NEW}");
        // Left by a crash: half of something, perhaps of a key.
        let _ = self.disk.wipe(&temporary);
        self.disk.remove(&temporary)?;
        let written = self
            .disk
            .create(&temporary, sealed.as_deref().unwrap_or(content))
            .and_then(|()| self.disk.rename(&temporary, file));
        if written.is_err() {
            let _ = self.disk.remove(&temporary);
        }
        written
    }

    /// Gives a file that cannot be read another name. It may belong to somebody else: a second name would be
    /// refused.
    fn move_aside(&mut self, name: StoredFile) -> io::Result<()> {
        for aside in names_aside(name, DAMAGED) {
            if !matches!(self.disk.same(&aside, &aside), Ok(None)) {
                continue;
            }
            self.disk.rename(name.file(), &aside)?;
            self.disk.sync()?;
            self.files.insert(aside);
            self.files.remove(name.file());
            return Ok(());
        }
        Err(too_many())
    }

    fn place(&self, name: StoredFile) -> String {
        seal::place(&self.account, name.file())
    }
}

impl<D: Disk> Store for EncryptedStore<D> {
    fn read(&mut self, name: StoredFile) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        match self.disk.read(name.file())? {
            Some(found) if seal::is_sealed(&found) => {
                self.open(name, &found).map(Some).map_err(invalid)
            }
            found => Ok(found),
        }
    }

    fn write(
        &mut self,
        files: &[(StoredFile, Zeroizing<Vec<u8>>)],
    ) -> Vec<(StoredFile, io::Error)> {
        let (mut failed, mut replaced) = (Vec::new(), Vec::new());
        for (name, content) in files {
            match self.replace(*name, name.file(), content) {
                Ok(()) => replaced.push(*name),
                Err(error) => failed.push((*name, error)),
            }
        }
        self.files.extend(replaced.iter().map(|name| name.file().to_owned()));
        // The names of all with one wait for the disk.
        if !replaced.is_empty()
            && let Err(error) = self.disk.sync()
        {
            let same = || io::Error::new(error.kind(), error.to_string());
            failed.extend(replaced.into_iter().map(|name| (name, same())));
        }
        failed
    }

    fn keep_copy(&mut self, name: StoredFile, suffix: &str) -> io::Result<()> {
        let found = match self.disk.read(name.file()) {
            Ok(None) => return Ok(()),
            Ok(Some(found)) => found,
            // Of no use where it is.
            Err(_) => return self.move_aside(name),
        };
        for aside in names_aside(name, suffix) {
            match self.disk.create(&aside, &found).and_then(|()| self.disk.sync()) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => {
                    let _ = self.disk.remove(&aside);
                    return Err(error);
                }
                Ok(()) => {}
            }
            self.files.insert(aside);
            return Ok(());
        }
        Err(too_many())
    }

    fn has_damaged(&self, name: StoredFile) -> bool {
        let first = format!("{}.{DAMAGED}", name.file());
        self.files.iter().any(|file| file.starts_with(&first))
    }

    fn set_aside(&mut self, name: StoredFile, suffix: &str) -> io::Result<String> {
        for aside in names_aside(name, suffix) {
            // A second name refuses an existing one, a rename would replace it.
            match self.disk.link(name.file(), &aside) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                linked => linked?,
            }
            self.disk.remove(name.file())?;
            self.disk.sync()?;
            self.files.insert(aside.clone());
            self.files.remove(name.file());
            return Ok(aside);
        }
        Err(too_many())
    }
}

/// Names for a copy of a file, the first one first.
fn names_aside(name: StoredFile, suffix: &str) -> impl Iterator<Item = String> {
    let first = format!("{}.{suffix}", name.file());
    (0..1000).map(move |attempt| match attempt {
        0 => first.clone(),
        n => format!("{first}.{n}"),
    })
}

fn too_many() -> io::Error {
    io::Error::other("too many copies set aside already: remove some")
}

/// Suffix of a file that is being written.
const NEW: &str = ".new";
/// The second name of a file that is being replaced.
const WAS: &str = ".was";

/// Which file it is, or is a copy of; `None` for what is not ours.
fn whose(file: &str) -> Option<StoredFile> {
    StoredFile::ALL.into_iter().find(|name| {
        let rest = file.strip_prefix(name.file());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn invalid(why: OpenError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
