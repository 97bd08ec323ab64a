//! Lines of an admin, and the descriptor that may come beside one. It goes on to a worker; nothing
//! here reads it.

use crate::wire::{CHUNK, NoLine};
use proto::frame::Lines;
use rustix::cmsg_space;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// What an admin has said that was not looked at yet.
#[derive(Default)]
pub struct Inbox {
    lines: Lines,
    /// The last descriptor that came; those before it are closed.
    passed: Option<OwnedFd>,
}

impl Inbox {
    /// Reads one line, however it was cut. Safe to be dropped: what came stays here.
    pub async fn read_line(&mut self, stream: &UnixStream) -> Result<Vec<u8>, NoLine> {
        let mut chunk = [0; CHUNK];
        loop {
            if let Some(line) = self.lines.next_line()? {
                return Ok(line.to_vec());
            }
            let receive = || receive(stream.as_fd(), &mut chunk);
            let (length, passed) = stream.async_io(Interest::READABLE, receive).await?;
            if passed.is_some() {
                self.passed = passed;
            }
            match length {
                0 => return Err(NoLine::Closed),
                length => self.lines.push(chunk.get(..length).unwrap_or_default()),
            }
        }
    }

    /// The descriptor that came beside the line read last, or before it.
    pub fn take_passed(&mut self) -> Option<OwnedFd> {
        self.passed.take()
    }
}

/// The most descriptors that one message can have beside it (SCM_MAX_FD): with less room for them
/// the message would be cut.
const MOST: usize = 253;

/// Reads what is there. Every descriptor beside it is owned before anything else happens, also where
/// we could not be given all of them; only the last one is kept.
fn receive(socket: BorrowedFd<'_>, chunk: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let got = recvmsg(socket, &mut [IoSliceMut::new(chunk)], &mut beside, flags)?;
    let rights = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok((got.bytes, rights.flatten().last()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
    use std::io::IoSlice;
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::net::UnixStream as Stream;

    fn descriptors() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    #[test]
    fn of_many_descriptors_one_is_kept_and_none_stays_open() {
        let (ours, theirs) = Stream::pair().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        let mut chunk = [0; 8];
        for count in [1, 2, 3, 7, MOST] {
            let fds: Vec<RawFd> = std::iter::repeat_n(file.as_raw_fd(), count).collect();
            for _ in 0..20 {
                let rights = [ControlMessage::ScmRights(&fds)];
                let blank = [IoSlice::new(b" ")];
                sendmsg::<()>(theirs.as_raw_fd(), &blank, &rights, MsgFlags::empty(), None)
                    .unwrap();
                let before = descriptors();
                let (length, passed) = receive(ours.as_fd(), &mut chunk).unwrap();
                assert!(length == 1 && passed.is_some());
                assert_eq!(descriptors(), before + 1);
                drop(passed);
                assert_eq!(descriptors(), before);
            }
        }
    }
}
