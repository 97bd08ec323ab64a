//! What a new front has to know of a worker of the front before: a small sealed memory file that
//! is kept beside the worker's control socket.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use proto::account::Account;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;

/// More than any record has, in bytes.
const LONGEST: u64 = 4096;

/// What a front has to know of a worker to take it over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRecord {
    /// Its version of the control protocol.
    pub control: u32,
    /// Its process id.
    pub pid: u32,
    /// When it was started, in seconds of the monotonic clock.
    pub started: u64,
    /// Whose keys it has.
    pub account: Account,
}

impl WorkerRecord {
    /// The record as a descriptor. Nobody can change what is in it.
    pub fn seal(&self) -> io::Result<OwnedFd> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let mut file = File::from(memfd_create("otrd-worker-record", flags)?);
        file.write_all(&serde_json::to_vec(self)?)?;
        let seals = SealFlag::F_SEAL_WRITE
            | SealFlag::F_SEAL_GROW
            | SealFlag::F_SEAL_SHRINK
            | SealFlag::F_SEAL_SEAL;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
        Ok(file.into())
    }

    /// Reads what [`WorkerRecord::seal`] wrote.
    pub fn read(descriptor: OwnedFd) -> io::Result<Self> {
        let seals = match fcntl(&descriptor, FcntlArg::F_GET_SEALS) {
            Ok(seals) => SealFlag::from_bits_retain(seals),
            Err(Errno::EINVAL) => SealFlag::empty(),
            Err(errno) => return Err(errno.into()),
        };
        if !seals.contains(SealFlag::F_SEAL_WRITE) {
            return Err(io::Error::other("not a record of a worker"));
        }
        let mut file = File::from(descriptor);
        file.rewind()?;
        let mut content = Vec::new();
        file.take(LONGEST).read_to_end(&mut content)?;
        Ok(serde_json::from_slice(&content)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::account::Name;

    #[test]
    fn a_record_is_read_as_often_as_it_is_taken_over() {
        let name = |name: &str| Name::new(name).unwrap();
        let account = Account { uid: 7, user: name("älice"), network: name(&"n".repeat(64)) };
        let record = WorkerRecord { control: 2, pid: 4_194_304, started: 12, account };
        let sealed = record.seal().unwrap();
        assert!(File::from(sealed.try_clone().unwrap()).write(b"x").is_err());
        for _ in 0..2 {
            assert_eq!(WorkerRecord::read(sealed.try_clone().unwrap()).unwrap(), record);
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let file = tempfile::tempfile().unwrap();
        assert!(WorkerRecord::read(file.into()).is_err());
        let mut file = File::from(memfd_create("x", MFdFlags::MFD_ALLOW_SEALING).unwrap());
        file.write_all(br#"{"control":2}"#).unwrap();
        assert!(WorkerRecord::read(file.try_clone().unwrap().into()).is_err());
        fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_WRITE)).unwrap();
        assert!(WorkerRecord::read(file.into()).is_err());
        let (pipe, _) = nix::unistd::pipe().unwrap();
        assert!(WorkerRecord::read(pipe).is_err());
    }
}
