//! The account's directory: a handful of small files, each replaced whole or not at all.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use zeroize::Zeroizing;

/// Longest file that is read, in bytes. 10,000 fingerprints are below 1.5 MB.
const MAX_FILE: u64 = 8 << 20;

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

/// Where files are kept. The one implementation outside tests is [`Directory`]; tests put faults
/// in between.
pub trait Store {
    /// The whole file, or `None` where there is none.
    fn read(&mut self, name: Name) -> io::Result<Option<Zeroizing<Vec<u8>>>>;
    /// Replaces the file: afterwards either the old or the new content is there, whatever fails.
    fn write(&mut self, name: Name, content: &[u8]) -> io::Result<()>;
    /// Gives the file another name beside it, `<file>.<suffix>` or `<file>.<suffix>.<n>` where
    /// that is taken, and returns it.
    fn set_aside(&mut self, name: Name, suffix: &str) -> io::Result<String>;
}

/// A directory that was opened before the process confined itself.
pub struct Directory(OwnedFd);

impl Directory {
    /// Takes the descriptor over.
    pub fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    fn open(&self, file: &str, flags: OFlag) -> nix::Result<OwnedFd> {
        let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        openat(&self.0, file, flags, Mode::S_IRUSR | Mode::S_IWUSR)
    }

    fn sync(&self) -> nix::Result<()> {
        fsync(&self.0)
    }
}

impl Store for Directory {
    fn read(&mut self, name: Name) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let fd = match self.open(name.file(), OFlag::O_RDONLY) {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let file = File::from(fd);
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::other("not a plain file"));
        }
        // Reserved at once: a growing buffer would leave copies of a key behind.
        let length = usize::try_from(meta.len().min(MAX_FILE)).unwrap_or(0);
        let mut content = Zeroizing::new(Vec::with_capacity(length + 1));
        file.take(MAX_FILE + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MAX_FILE {
            return Err(io::Error::other("larger than 8 MiB"));
        }
        Ok(Some(content))
    }

    fn write(&mut self, name: Name, content: &[u8]) -> io::Result<()> {
        let temporary = format!("{}.new", name.file());
        // Left over by a crash; O_EXCL below makes sure that nobody else's file is written.
        if let Err(error) = unlinkat(&self.0, temporary.as_str(), UnlinkatFlags::NoRemoveDir)
            && error != Errno::ENOENT
        {
            return Err(error.into());
        }
        let fd = self.open(&temporary, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL)?;
        let mut file = File::from(fd);
        let written = file.write_all(content).and_then(|()| file.sync_all());
        let renamed =
            written.and_then(|()| Ok(renameat(&self.0, temporary.as_str(), &self.0, name.file())?));
        if renamed.is_err() {
            let _ = unlinkat(&self.0, temporary.as_str(), UnlinkatFlags::NoRemoveDir);
        }
        renamed?;
        Ok(self.sync()?)
    }

    fn set_aside(&mut self, name: Name, suffix: &str) -> io::Result<String> {
        for attempt in 0..1000 {
            let aside = match attempt {
                0 => format!("{}.{suffix}", name.file()),
                n => format!("{}.{suffix}.{n}", name.file()),
            };
            // A hard link refuses an existing name, a rename would replace it.
            match nix::unistd::linkat(
                &self.0,
                name.file(),
                &self.0,
                aside.as_str(),
                AtFlags::empty(),
            ) {
                Err(Errno::EEXIST) => continue,
                linked => linked?,
            }
            unlinkat(&self.0, name.file(), UnlinkatFlags::NoRemoveDir)?;
            self.sync()?;
            return Ok(aside);
        }
        Err(io::Error::other("too many copies set aside already: remove some"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn directory() -> (tempfile::TempDir, Directory) {
        let dir = tempfile::tempdir().unwrap();
        let fd = File::open(dir.path()).unwrap().into();
        (dir, Directory::new(fd))
    }

    #[test]
    fn what_is_written_is_read_back_and_is_the_owners_alone() {
        let (dir, mut store) = directory();
        assert!(store.read(Name::Settings).unwrap().is_none());
        store.write(Name::Settings, b"one").unwrap();
        store.write(Name::Settings, b"two").unwrap();
        assert_eq!(store.read(Name::Settings).unwrap().unwrap().as_slice(), b"two");
        let meta = dir.path().join("settings.json").metadata().unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_temporary_file_left_by_a_crash_is_replaced() {
        let (dir, mut store) = directory();
        std::fs::write(dir.path().join("otr.fp.new"), "half").unwrap();
        store.write(Name::Fingerprints, b"whole").unwrap();
        assert_eq!(store.read(Name::Fingerprints).unwrap().unwrap().as_slice(), b"whole");
    }

    #[test]
    fn nothing_is_followed_out_of_the_directory() {
        let (dir, mut store) = directory();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("otr.key")).unwrap();
        assert!(store.read(Name::Key).is_err());
    }

    #[test]
    fn a_file_is_set_aside_without_replacing_an_earlier_one() {
        let (dir, mut store) = directory();
        for content in ["a", "b"] {
            store.write(Name::Key, content.as_bytes()).unwrap();
            store.set_aside(Name::Key, "damaged").unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!((read("otr.key.damaged"), read("otr.key.damaged.1")), ("a".into(), "b".into()));
        assert!(store.read(Name::Key).unwrap().is_none());
    }
}
