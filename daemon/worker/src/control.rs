//! The control socket to the front: whole packets, a descriptor now and then.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, send};
use proto::control::{MAX_PACKET, ToFront, ToWorker};
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Our end of the SOCK_SEQPACKET pair.
pub struct Control {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

/// What one receive gave.
pub enum Packet {
    /// A message and the descriptor that came with it.
    Message(ToWorker, Option<OwnedFd>),
    /// Nothing there yet.
    Nothing,
    /// The front is gone.
    Closed,
}

impl Control {
    /// Takes the socket over.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, buffer: vec![0; MAX_PACKET] }
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
        Ok(Packet::Message(serde_json::from_slice(packet)?, fd))
    }

    /// Sends one packet.
    pub fn send(&self, message: &ToFront) -> io::Result<()> {
        let packet = serde_json::to_vec(message)?;
        loop {
            match send(self.socket.as_raw_fd(), &packet, MsgFlags::MSG_NOSIGNAL) {
                Err(Errno::EINTR) => continue,
                sent => return Ok(sent.map(drop)?),
            }
        }
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
