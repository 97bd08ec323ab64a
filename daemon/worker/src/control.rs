//! The control socket to the front: whole packets, a descriptor now and then. Nothing here waits
//! for a front that does not read, for it may be away for a while.

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};
use proto::worker::{MAX_PACKET, ToFront, ToWorker};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use serde::de::IgnoredAny;
use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The most descriptors that one message can have beside it (SCM_MAX_FD).
const MOST_BESIDE: usize = 253;

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
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_BESIDE))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let mut flags = RecvFlags::CMSG_CLOEXEC;
        flags.set(RecvFlags::DONTWAIT, now);
        let mut parts = [IoSliceMut::new(&mut self.buffer)];
        let got = match recvmsg(&self.socket, &mut parts, &mut beside, flags) {
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(Packet::Nothing),
            Err(rustix::io::Errno::CONNRESET) => return Ok(Packet::Closed),
            got => got?,
        };
        // Every descriptor is owned before anything is looked at; only the last one is kept.
        let rights = beside.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        let fd = rights.flatten().last();
        let length = got.bytes;
        let truncated = got.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC);
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
