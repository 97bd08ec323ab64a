//! Descriptors that come beside bytes, and the lines of an admin, which may have one beside them. It
//! goes on to a worker; nothing here reads it.

use crate::line_io::{CHUNK, ReadLineError};
use proto::line::LineBuffer;
use rustix::cmsg_space;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// What an admin has said that was not looked at yet.
#[derive(Default)]
pub struct LineReader {
    lines: LineBuffer,
    /// The last descriptor that came; those before it are closed.
    passed: Option<OwnedFd>,
}

impl LineReader {
    /// Reads one line, however it was cut. Safe to be dropped: what came stays here.
    pub async fn read_line(&mut self, stream: &UnixStream) -> Result<Vec<u8>, ReadLineError> {
        let mut chunk = [0; CHUNK];
        loop {
            if let Some(line) = self.lines.next_line()? {
                return Ok(line.to_vec());
            }
            let receive = || receive(stream.as_fd(), &mut chunk, RecvFlags::DONTWAIT);
            let mut received = stream.async_io(Interest::READABLE, receive).await?;
            // Only the last one is kept.
            if let Some(passed) = received.descriptors.pop() {
                self.passed = Some(passed);
            }
            match received.length {
                0 => return Err(ReadLineError::Closed),
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

/// What came at once.
pub struct Received {
    /// Bytes of it.
    pub length: usize,
    /// Beside them, in order.
    pub descriptors: Vec<OwnedFd>,
    /// We could not be given all descriptors.
    pub truncated: bool,
}

/// Reads what is there. Every descriptor beside it is owned before anything else happens, also where
/// we could not be given all of them.
pub fn receive(socket: BorrowedFd<'_>, chunk: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MOST))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let got = recvmsg(socket, &mut [IoSliceMut::new(chunk)], &mut beside, flags)?;
    let rights = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptors = rights.flatten().collect();
    Ok(Received {
        length: got.bytes,
        descriptors,
        truncated: got.flags.contains(ReturnFlags::CTRUNC),
    })
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
    fn of_many_descriptors_none_stays_open() {
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
                let received = receive(ours.as_fd(), &mut chunk, RecvFlags::DONTWAIT).unwrap();
                assert!(received.length == 1 && !received.truncated);
                assert_eq!(received.descriptors.len(), count);
                assert_eq!(descriptors(), before + count);
                drop(received);
                assert_eq!(descriptors(), before);
            }
        }
    }
}
