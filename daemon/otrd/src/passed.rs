//! Lines of an admin, and the descriptor that may come beside one. It goes on to a worker; nothing
//! here reads it.

use crate::wire::{CHUNK, NoLine};
use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use proto::frame::Lines;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// What an admin has said that was not looked at yet.
#[derive(Default)]
pub struct Inbox {
    lines: Lines,
    /// The last descriptor that came; the kernel closed those before it.
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
            let receive = || receive(stream.as_raw_fd(), &mut chunk);
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

fn receive(socket: RawFd, chunk: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = cmsg_space!([RawFd; 1]);
    let mut parts = [IoSliceMut::new(chunk)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let got = recvmsg::<()>(socket, &mut parts, Some(&mut space), flags)?;
    let mut passed = None;
    for message in got.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = message {
            // Every descriptor is owned at once, so that none stays open by accident.
            passed = fds.into_iter().map(own).next_back();
        }
    }
    Ok((got.bytes, passed))
}

#[allow(unsafe_code)]
fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel made this descriptor for us in recvmsg just now; nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
