//! The file `identity` of an account's directory: which network the directory belongs to, and under
//! which names its other files were first written.

use crate::state_dir::DIRECTORY;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::fsync;
use proto::account::Name;
use proto::shim::Identity;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

/// Name of the file in an account's directory.
pub const FILE: &str = "identity";
/// Where the next content is written before it takes the file's name.
pub const NEXT: &str = "identity.new";
/// The name of one that cannot be read.
pub const DAMAGED: &str = "identity.damaged";
/// Longest file in bytes: two names, each byte of them percent-encoded, and an identity.
const LONGEST: u64 = 1024;

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Missing where the next network that comes under this name is to have the directory.
    pub identity: Option<Identity>,
    /// The ZNC user and network under which the files were first written, where that were others:
    /// libotr's files name the user, and the key under which they are encrypted depends on both.
    pub files_of: Option<(Name, Name)>,
    /// The directory was made where another network had that name before: nobody was private here, or what
    /// knew of it was set aside.
    pub made_anew: bool,
}

impl Record {
    /// Reads it; nothing where it is damaged.
    fn parse(text: &str) -> Option<Self> {
        let mut record = Self::default();
        for line in text.lines() {
            match line.split_once(' ')? {
                ("identity", digits) => record.identity = Some(Identity::new(digits).ok()?),
                ("files-of", path) => {
                    let (user, network) = path.split_once('/')?;
                    let name = Name::from_file_name;
                    record.files_of = Some((name(user)?, name(network)?));
                }
                ("made", "anew") => record.made_anew = true,
                _ => return None,
            }
        }
        Some(record)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if let Some(identity) = &self.identity {
            text += &format!("identity {}\n", identity.as_str());
        }
        if let Some((user, network)) = &self.files_of {
            text += &format!("files-of {}/{}\n", user.file_name(), network.file_name());
        }
        if self.made_anew {
            text += "made anew\n";
        }
        text
    }
}

/// Whether a directory holds nothing but an identity.
pub fn is_empty(directory: impl AsFd) -> Result<bool, Errno> {
    let mut open = Dir::openat(directory, ".", DIRECTORY, Mode::empty())?;
    let ours = [".", "..", FILE, NEXT, DAMAGED].map(str::as_bytes);
    for entry in open.iter() {
        if !ours.contains(&entry?.file_name().to_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a directory has under the file's name.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// There is no file.
    Nothing,
    /// The file is there and can be read.
    Record(Record),
    /// There is a file that is not a record: cut short, or not ours.
    Damaged,
}

/// Reads the file of a directory.
///
/// # Errors
/// Whatever may be over at the next try: that says nothing about the file.
pub fn read(directory: &OwnedFd) -> io::Result<Content> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = match openat(directory, FILE, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::ENOENT) => return Ok(Content::Nothing),
        // A symlink; a socket.
        Err(Errno::ELOOP | Errno::ENXIO) => return Ok(Content::Damaged),
        Err(errno) => return Err(errno.into()),
    };
    if !file.metadata()?.is_file() {
        return Ok(Content::Damaged);
    }
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    let record = str::from_utf8(&text).ok().and_then(Record::parse);
    Ok(record.map_or(Content::Damaged, Content::Record))
}

/// Writes it anew, whole or not at all.
pub fn write(directory: impl AsFd, record: &Record) -> io::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NOFOLLOW;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let mut file = File::from(openat(&directory, NEXT, flags | OFlag::O_CLOEXEC, mode)?);
    file.write_all(record.text().as_bytes())?;
    file.sync_all()?;
    renameat(&directory, NEXT, &directory, FILE)?;
    Ok(fsync(&directory)?)
}
