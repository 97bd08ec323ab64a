//! The account's directory: a handful of small files, each replaced whole or not at all.
//!
//! * [`Directory`]: the steps on files of one directory, one by one.
//! * [`Vault`]: what they make up, plain or encrypted.
//! * [`seal`]: one encrypted file.

mod directory;
pub mod seal;
mod vault;

pub use directory::{Directory, Disk};
pub use vault::{Keys, Locked, Rekeyed, Settled, Vault};

use std::io;
use zeroize::Zeroizing;

/// The files of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Name {
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

impl Name {
    /// All of them.
    pub const ALL: [Name; 5] =
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

/// Where files are kept. The one implementation outside tests is [`Vault`]; tests put faults
/// in between.
pub trait Store {
    /// The whole file, or `None` where there is none.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] where it is encrypted and cannot be opened.
    fn read(&mut self, name: Name) -> io::Result<Option<Zeroizing<Vec<u8>>>>;
    /// Replaces files: afterwards either the old or the new content of each is there, whatever
    /// fails. Those that were not replaced, and why.
    fn write(&mut self, files: &[(Name, Zeroizing<Vec<u8>>)]) -> Vec<(Name, io::Error)>;
    /// Gives the file another name beside it, `<file>.<suffix>` or `<file>.<suffix>.<n>` where
    /// that is taken, and returns it.
    fn set_aside(&mut self, name: Name, suffix: &str) -> io::Result<String>;
}
