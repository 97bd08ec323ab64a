//! The connection to the ZNC module: lines in, lines out. Never blocks, never grows without bound.

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use proto::line::{LineBuffer, TooLong};
use proto::wiped::WipedBytes;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use zeroize::Zeroize;

/// With so many bytes to be sent, what else there is waits in the outbox.
pub const ENOUGH: usize = proto::MAX_LINE;

/// The most room for lines to be sent that is kept while there are none: workers that wait are thousands.
const KEPT: usize = 4096;

/// The connected socket of one module, with its read and write buffers.
pub struct Connection {
    socket: OwnedFd,
    lines: LineBuffer,
    /// As it grows it leaves copies behind, which the program's allocator wipes.
    unsent: WipedBytes,
    sent: usize,
    buffer: Box<[u8]>,
}

/// Whether a connection goes on after it was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// The connection is usable.
    Alive,
    /// Is to be closed.
    Dead,
}

impl Connection {
    /// Takes over a connected socket and what was read from it already.
    pub fn new(socket: OwnedFd, rest: &[u8]) -> Self {
        let mut lines = LineBuffer::default();
        lines.push(rest);
        let unsent = WipedBytes::default();
        Self { socket, lines, unsent, sent: 0, buffer: vec![0; 16 * 1024].into() }
    }

    /// Reads what is there.
    pub fn fill(&mut self) -> ConnectionState {
        match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => ConnectionState::Dead,
            Ok(length) => {
                let read = self.buffer.get_mut(..length).unwrap_or_default();
                self.lines.push(read);
                read.zeroize();
                ConnectionState::Alive
            }
            Err(Errno::EAGAIN | Errno::EINTR) => ConnectionState::Alive,
            Err(_) => ConnectionState::Dead,
        }
    }

    /// The next whole line.
    pub fn next_line(&mut self) -> Result<Option<WipedBytes>, TooLong> {
        Ok(self.lines.next_line()?.map(|line| line.to_vec().into()))
    }

    /// Where lines are appended.
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.unsent
    }

    /// Writes what the socket takes.
    pub fn flush(&mut self) -> ConnectionState {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        while let Some(waiting) = self.unsent.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match send(self.socket.as_raw_fd(), waiting, flags) {
                Ok(length) => self.sent += length,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return ConnectionState::Alive,
                Err(_) => return ConnectionState::Dead,
            }
        }
        if self.unsent.capacity() > KEPT {
            self.unsent = WipedBytes::default();
        } else {
            self.unsent.as_mut_slice().zeroize();
            self.unsent.clear();
        }
        self.sent = 0;
        ConnectionState::Alive
    }

    /// Whether something waits to be written.
    pub fn wants_to_write(&self) -> bool {
        self.unsent.len() > self.sent
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
