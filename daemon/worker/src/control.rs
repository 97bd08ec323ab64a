//! The control socket to the front: whole packets, a descriptor now and then. Nothing here waits
//! for a front that does not read, for it may be away for a while.

use confine::fd_passing::{self, Received, Wait};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use proto::worker::{MAX_PACKET, ToFront, ToWorker};
use serde::de::IgnoredAny;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Packets that are kept for a front that does not read; with so many, what is for its log is
/// dropped...
const UNSENT_LOGS: usize = 64;
/// ...and with so many, anything.
const UNSENT: usize = 512;

/// Our end of the SOCK_SEQPACKET pair.
pub struct Control {
    socket: OwnedFd,
    unsent: VecDeque<Vec<u8>>,
}

/// What one receive gave.
pub enum Packet {
    /// A message and the descriptor that came with it.
    Message(ToWorker, Option<OwnedFd>),
    /// A message that only a newer front knows.
    Unknown,
    /// No packet is there yet: the socket would block.
    Nothing,
    /// The front is gone.
    Closed,
}

impl Control {
    /// Takes the socket over.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, unsent: VecDeque::new() }
    }

    /// Receives one packet; waits for it unless `now`.
    pub fn receive(&mut self, now: bool) -> io::Result<Packet> {
        let wait = if now { Wait::No } else { Wait::Yes };
        let (buffer, mut received) = match self.receive_whole(wait) {
            Ok(received) => received,
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {
                    return Ok(Packet::Nothing);
                }
                io::ErrorKind::ConnectionReset => return Ok(Packet::Closed),
                _ => return Err(error),
            },
        };
        if received.length == 0 {
            return Ok(Packet::Closed);
        }
        if received.truncated {
            return Err(io::Error::other("packet from the front was cut"));
        }
        let packet = buffer.get(..received.length).unwrap_or_default();
        // Only the last one is kept.
        let fd = received.descriptors.pop();
        match ToWorker::decode(packet) {
            Ok(message) => Ok(Packet::Message(message, fd)),
            // Well formed all the same.
            Err(_) if serde_json::from_slice::<IgnoredAny>(packet).is_ok() => Ok(Packet::Unknown),
            Err(error) => Err(error.into()),
        }
    }

    /// One packet, in a buffer as long as it is: room for the longest would become resident in each of
    /// thousands of workers, as it is wiped when it is freed.
    fn receive_whole(&self, wait: Wait) -> io::Result<(Vec<u8>, Received)> {
        let length = fd_passing::next_packet_length(self.socket.as_fd(), wait)?;
        let mut buffer = vec![0; length.min(MAX_PACKET)];
        let received = fd_passing::receive(self.socket.as_fd(), &mut buffer, Wait::No)?;
        Ok((buffer, received))
    }

    /// Sends one packet, or keeps it until the front reads.
    ///
    /// # Errors
    /// Where no front will ever read again.
    pub fn send(&mut self, message: &ToFront) -> io::Result<()> {
        let most = if matches!(message, ToFront::Log { .. }) { UNSENT_LOGS } else { UNSENT };
        if self.unsent.len() < most {
            self.unsent.push_back(message.encode()?);
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
