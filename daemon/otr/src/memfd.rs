//! A file in memory, for those of libotr's functions that want a `FILE`.
//!
//! `fmemopen` will not do: libotr asks for the descriptor and its size.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::ptr::{self, NonNull};

use otr_sys::FILE;
use zeroize::Zeroizing;

/// Whether libotr can be given files in memory here. Without them no key can be loaded or made.
///
/// # Errors
/// What the kernel said: `EPERM` where a container's filter forbids `memfd_create`.
pub fn memory_files_work() -> io::Result<()> {
    MemFile::new(b"").map(drop)
}

/// An open memory file. It vanishes when dropped.
pub(crate) struct MemFile {
    stream: NonNull<FILE>,
    /// The same file, to read back without stdio.
    file: File,
}

impl MemFile {
    /// A file with this content, at its beginning.
    pub(crate) fn new(content: &[u8]) -> io::Result<MemFile> {
        // SAFETY: the name is a valid C string, and the flag a known one.
        let fd = unsafe { libc::memfd_create(c"otr".as_ptr(), libc::MFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: memfd_create just made this descriptor, and nobody else owns it.
        let mut file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
        file.write_all(content)?;
        file.rewind()?;
        let twin = file.try_clone()?.into_raw_fd();
        // SAFETY: `twin` is an open descriptor that the stream comes to own.
        let stream = unsafe { libc::fdopen(twin, c"r+".as_ptr()) };
        let Some(stream) = NonNull::new(stream) else {
            let why = io::Error::last_os_error();
            // SAFETY: fdopen failed, so the descriptor is still ours.
            drop(unsafe { OwnedFd::from_raw_fd(twin) });
            return Err(why);
        };
        // No buffer: stdio would free it with the key still in it.
        // SAFETY: the stream was just opened and nothing has been read.
        unsafe { libc::setvbuf(stream.as_ptr(), ptr::null_mut(), libc::_IONBF, 0) };
        Ok(MemFile { stream, file })
    }

    /// The stream, valid as long as this value.
    pub(crate) fn stream(&self) -> *mut FILE {
        self.stream.as_ptr()
    }

    /// All of the content.
    pub(crate) fn content(mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        // Room for all of it at once, so that no half-filled buffer is left.
        let size = usize::try_from(self.file.metadata()?.len()).unwrap_or(0);
        let mut content = Zeroizing::new(Vec::with_capacity(size + 1));
        self.file.rewind()?;
        self.file.read_to_end(&mut content)?;
        Ok(content)
    }
}

impl Drop for MemFile {
    fn drop(&mut self) {
        // SAFETY: the stream is open and is closed only here.
        unsafe { libc::fclose(self.stream.as_ptr()) };
    }
}
