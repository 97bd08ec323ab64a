//! The account's directory: a handful of small files, each replaced whole or not at all.
//!
//! * [`Directory`]: the steps on files of one directory, one by one.
//! * [`EncryptedStore`]: what they make up, plain or encrypted.
//! * [`seal`]: one encrypted file.

mod directory;
mod encrypted_store;
pub mod seal;

pub use directory::{Directory, Disk};
pub use encrypted_store::{Converted, EncryptedStore, Keys, Locked, Rekeyed};

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use zeroize::Zeroizing;

/// The files of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoredFile {
    /// The private key, in libotr's format.
    Key,
    /// Known fingerprints and their trust, in libotr's format.
    Fingerprints,
    /// Our instance tag, in libotr's format.
    InstanceTag,
    /// Conversations that must not fall back to clear text.
    Conversations,
    /// What the user set: patterns and policies.
    Settings,
}

impl StoredFile {
    /// Every file that an account may have.
    pub const ALL: [StoredFile; 5] =
        [Self::Key, Self::Fingerprints, Self::InstanceTag, Self::Conversations, Self::Settings];

    /// The file's name in the account's directory.
    pub fn file(self) -> &'static str {
        match self {
            Self::Key => "otr.key",
            Self::Fingerprints => "otr.fp",
            Self::InstanceTag => "otr.instag",
            Self::Conversations => "conversations.json",
            Self::Settings => "settings.json",
        }
    }
}

/// Where files are kept. The one implementation outside tests is [`EncryptedStore`]; tests put faults
/// in between.
pub trait Store {
    /// The whole file, or `None` where there is none.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] where it is encrypted and cannot be opened.
    fn read(&mut self, name: StoredFile) -> io::Result<Option<Zeroizing<Vec<u8>>>>;
    /// Replaces files: afterwards either the old or the new content of each is there, whatever
    /// fails. Those that were not replaced, and why.
    fn write(&mut self, files: &[(StoredFile, Zeroizing<Vec<u8>>)])
    -> Vec<(StoredFile, io::Error)>;
    /// Copies the file to another name beside it, as [`Store::set_aside`] finds one. The file itself stays,
    /// for whatever takes its place may never be written. Nothing where there is none.
    fn keep_copy(&mut self, name: StoredFile, suffix: &str) -> io::Result<()>;
    /// Whether one was set aside as damaged.
    fn has_damaged(&self, name: StoredFile) -> bool;
    /// Gives the file another name beside it, `<file>.<suffix>` or `<file>.<suffix>.<n>` where
    /// that is taken, and returns it.
    fn set_aside(&mut self, name: StoredFile, suffix: &str) -> io::Result<String>;
}

/// The suffix of a damaged file.
pub const DAMAGED: &str = "damaged";

/// The files of an account as they were at its start.
#[derive(Default)]
pub struct StoredFiles {
    files: BTreeMap<StoredFile, io::Result<Zeroizing<Vec<u8>>>>,
    damaged: BTreeSet<StoredFile>,
}

impl StoredFiles {
    /// Reads all of them.
    pub fn read(store: &mut dyn Store) -> Self {
        let one = |file| Some((file, store.read(file).transpose()?));
        let files = StoredFile::ALL.into_iter().filter_map(one).collect();
        let damaged = StoredFile::ALL.into_iter().filter(|file| store.has_damaged(*file)).collect();
        Self { files, damaged }
    }

    /// Whether there is a damaged one under another name.
    pub fn was_damaged(&self, file: StoredFile) -> bool {
        self.damaged.contains(&file)
    }

    /// One of them, or why it could not be read; `None` where there is none.
    pub fn take(&mut self, file: StoredFile) -> Option<io::Result<Zeroizing<Vec<u8>>>> {
        self.files.remove(&file)
    }
}
