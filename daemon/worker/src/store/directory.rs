//! Files of one directory, step by step. Each step is whole or has not happened, whatever fails.

use confine::secret_io;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fsync, linkat, unlinkat};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use zeroize::Zeroizing;

/// Longest file that is read, in bytes. 10,000 fingerprints are below 1.5 MB.
const MAX_FILE: usize = 8 << 20;

/// What is done to files, by their names in one directory. The one implementation outside tests
/// is [`Directory`]; tests let any of these steps be the last one.
pub trait Disk {
    /// The whole file, or `None` where there is none.
    fn read(&mut self, file: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>>;
    /// Whether there is one that begins so.
    fn begins(&mut self, file: &str, with: &[u8]) -> io::Result<bool> {
        Ok(self.read(file)?.is_some_and(|content| content.starts_with(with)))
    }
    /// Writes a file that is not there yet, to the disk itself.
    fn create(&mut self, file: &str, content: &[u8]) -> io::Result<()>;
    /// Gives a file another name, in place of what had it.
    fn rename(&mut self, file: &str, to: &str) -> io::Result<()>;
    /// Gives a file a second name, which must be free.
    fn link(&mut self, file: &str, other: &str) -> io::Result<()>;
    /// Takes a name away; nothing where it is not there.
    fn remove(&mut self, file: &str) -> io::Result<()>;
    /// Writes zeros over a file that has one name, to the disk itself.
    fn wipe(&mut self, file: &str) -> io::Result<()>;
    /// Whether two names are of one file; `None` where there is no second one.
    fn same(&mut self, file: &str, other: &str) -> io::Result<Option<bool>>;
    /// Names are on the disk itself after this.
    fn sync(&mut self) -> io::Result<()>;
}

/// A directory that was opened before the process confined itself.
pub struct Directory(OwnedFd);

impl Directory {
    /// Takes the descriptor over.
    pub fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// The names of all its files. A confined process cannot list them any more.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut open = Dir::openat(&self.0, ".", flags, Mode::empty())?;
        let mut names = Vec::new();
        for entry in open.iter() {
            // A name that is not UTF-8 is none of ours.
            names.extend(entry?.file_name().to_str().ok().map(str::to_owned));
        }
        Ok(names)
    }

    fn open(&self, file: &str, flags: OFlag) -> nix::Result<File> {
        let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        Ok(openat(&self.0, file, flags, Mode::S_IRUSR | Mode::S_IWUSR)?.into())
    }

    /// Nothing but a plain file is ever read or written.
    fn plain(&self, file: &str, flags: OFlag) -> io::Result<Option<(File, std::fs::Metadata)>> {
        let file = match self.open(file, flags) {
            Ok(file) => file,
            Err(Errno::ENOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::other("not a plain file"));
        }
        Ok(Some((file, meta)))
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Disk for Directory {
    fn read(&mut self, file: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let Some((file, meta)) = self.plain(file, OFlag::O_RDONLY)? else { return Ok(None) };
        let length = usize::try_from(meta.len()).unwrap_or(MAX_FILE);
        let content = secret_io::read(file, length, MAX_FILE)?;
        if content.len() > MAX_FILE {
            return Err(io::Error::other("larger than 8 MiB"));
        }
        Ok(Some(content))
    }

    fn begins(&mut self, file: &str, with: &[u8]) -> io::Result<bool> {
        let Some((file, _)) = self.plain(file, OFlag::O_RDONLY)? else { return Ok(false) };
        let beginning = secret_io::read(file.take(with.len() as u64), with.len(), with.len())?;
        Ok(*beginning == with)
    }

    fn create(&mut self, file: &str, content: &[u8]) -> io::Result<()> {
        let mut file = self.open(file, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL)?;
        file.write_all(content)?;
        file.sync_all()
    }

    fn rename(&mut self, file: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.0, file, &self.0, to)?)
    }

    fn link(&mut self, file: &str, other: &str) -> io::Result<()> {
        Ok(linkat(&self.0, file, &self.0, other, AtFlags::empty())?)
    }

    fn remove(&mut self, file: &str) -> io::Result<()> {
        match unlinkat(&self.0, file, UnlinkatFlags::NoRemoveDir) {
            Err(Errno::ENOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }

    fn wipe(&mut self, file: &str) -> io::Result<()> {
        let Some((mut file, meta)) = self.plain(file, OFlag::O_WRONLY)? else { return Ok(()) };
        if meta.nlink() > 1 {
            return Err(io::Error::other("it has another name, under which it may be of use"));
        }
        let zeros = [0; 4096];
        let mut left = meta.len();
        while left > 0 {
            let length = left.min(zeros.len() as u64);
            let part = usize::try_from(length).ok().and_then(|length| zeros.get(..length));
            file.write_all(part.unwrap_or_default())?;
            left -= length;
        }
        file.sync_all()
    }

    fn same(&mut self, file: &str, other: &str) -> io::Result<Option<bool>> {
        let Some((_, other)) = self.plain(other, OFlag::O_RDONLY)? else { return Ok(None) };
        let Some((_, file)) = self.plain(file, OFlag::O_RDONLY)? else { return Ok(Some(false)) };
        Ok(Some((file.dev(), file.ino()) == (other.dev(), other.ino())))
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(fsync(&self.0)?)
    }
}
