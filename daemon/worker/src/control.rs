//! The control socket to the front: whole packets, a descriptor now and then. Nothing here waits
//! for a front that does not read, for it may be away for a while.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, send};
use proto::control::{MAX_PACKET, ToFront, ToWorker};
use serde::de::IgnoredAny;
use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Packets that are kept for a front that does not read; with so many, what is for its log is
/// dropped...
const UNSENT_LOGS: usize = 64;
/// ...and with so many, anything.
const UNSENT: usize = 512;

/// Our end of the SOCK_SEQPACKET pair.
pub struct Control {
    socket: OwnedFd,
    buffer: Vec<u8>,
    unsent: VecDeque<Vec<u8>>,
}

/// What one receive gave.
pub enum Packet {
    /// A message and the descriptor that came with it.
    Message(ToWorker, Option<OwnedFd>),
    /// A message that only a newer front knows.
    Unknown,
    /// Nothing there yet.
    Nothing,
    /// The front is gone.
    Closed,
}

impl Control {
    /// Takes the socket over.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, buffer: vec![0; MAX_PACKET], unsent: VecDeque::new() }
    }

    /// Receives one packet; waits for it unless `now`.
    pub fn receive(&mut self, now: bool) -> io::Result<Packet> {
        let mut space = cmsg_space!([RawFd; 1]);
        let mut flags = MsgFlags::MSG_CMSG_CLOEXEC;
        flags.set(MsgFlags::MSG_DONTWAIT, now);
        let (length, truncated, fd) = {
            let mut parts = [IoSliceMut::new(&mut self.buffer)];
            let socket = self.socket.as_raw_fd();
            let got = match recvmsg::<()>(socket, &mut parts, Some(&mut space), flags) {
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Packet::Nothing),
                Err(Errno::ECONNRESET) => return Ok(Packet::Closed),
                got => got?,
            };
            let mut fd = None;
            for message in got.cmsgs()? {
                if let ControlMessageOwned::ScmRights(fds) = message {
                    // Every descriptor is owned at once, so that none stays open by accident.
                    fd = fds.into_iter().map(own).next_back();
                }
            }
            (got.bytes, got.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC), fd)
        };
        if length == 0 {
            return Ok(Packet::Closed);
        }
        let packet = self.buffer.get(..length).unwrap_or_default();
        if truncated {
            return Err(io::Error::other("packet from the front was cut"));
        }
        match serde_json::from_slice(packet) {
            Ok(message) => Ok(Packet::Message(message, fd)),
            // Well formed all the same.
            Err(_) if serde_json::from_slice::<IgnoredAny>(packet).is_ok() => Ok(Packet::Unknown),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends one packet, or keeps it until the front reads.
    ///
    /// # Errors
    /// Where no front will ever read again.
    pub fn send(&mut self, message: &ToFront) -> io::Result<()> {
        let most = if matches!(message, ToFront::Log { .. }) { UNSENT_LOGS } else { UNSENT };
        if self.unsent.len() < most {
            self.unsent.push_back(serde_json::to_vec(message)?);
        }
        self.flush()
    }

    /// Sends what the front takes.
    ///
    /// # Errors
    /// As [`Control::send`].
    pub fn flush(&mut self) -> io::Result<()> {
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        while let Some(packet) = self.unsent.front() {
            match send(self.socket.as_raw_fd(), packet, flags) {
                Ok(_) => drop(self.unsent.pop_front()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Whether something waits for the front.
    pub fn wants_to_send(&self) -> bool {
        !self.unsent.is_empty()
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[allow(unsafe_code)]
fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel made this descriptor for us in recvmsg just now; nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
