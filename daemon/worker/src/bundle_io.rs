//! The files of `import` and `export`, in a descriptor that an admin sent past the front.

use crate::store::{Store, StoredFile};
use confine::secret_io;
use proto::bundle::{self, File as Entry};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use zeroize::Zeroizing;

/// All that a descriptor holds.
pub fn read(fd: OwnedFd) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut file = plain(fd)?;
    file.rewind()?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length > bundle::MAX {
        return Err(io::Error::other("over 8 MiB"));
    }
    let content = secret_io::read(file, length, bundle::MAX)?;
    match content.len() > bundle::MAX {
        true => Err(io::Error::other("over 8 MiB")),
        false => Ok(content),
    }
}

/// Writes this account's files into a descriptor.
pub fn write(store: &mut dyn Store, fd: OwnedFd) -> io::Result<()> {
    let mut file = plain(fd)?;
    let mut contents = Vec::new();
    for (name, entry) in [
        (StoredFile::Key, Entry::Key),
        (StoredFile::Fingerprints, Entry::Fingerprints),
        (StoredFile::InstanceTag, Entry::InstanceTags),
    ] {
        if let Some(content) = store.read(name)? {
            contents.push((entry, content));
        }
    }
    let files: Vec<(Entry, &[u8])> =
        contents.iter().map(|(entry, content)| (*entry, content.as_slice())).collect();
    let mut bytes = Zeroizing::new(Vec::with_capacity(bundle::room(&files)));
    bundle::write(&files, &mut bytes);
    file.rewind()?;
    file.write_all(&bytes)
}

/// Nothing that could make us wait.
fn plain(fd: OwnedFd) -> io::Result<File> {
    let file = File::from(fd);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("no plain file: send a memory file")),
    }
}
