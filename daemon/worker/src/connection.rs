//! The connection to the ZNC module: lines in, replies and effects out. Never blocks, never
//! grows without bound.

use crate::chunking;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv, send};
use proto::jsonrpc::{self, Outgoing};
use proto::line::{LineBuffer, TooLong};
use proto::shim::{Bye, ByeReason, Effect, Effects};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Bytes that may wait for a module which does not read.
const MAX_UNSENT: usize = 8 << 20;
/// With so many waiting, nothing more is read from it.
const ENOUGH_UNSENT: usize = 1 << 20;

/// One module.
pub struct Connection {
    socket: OwnedFd,
    lines: LineBuffer,
    unsent: Vec<u8>,
    sent: usize,
    buffer: Box<[u8]>,
}

/// Whether a connection goes on after it was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Goes on.
    Alive,
    /// Is to be closed.
    Dead,
}

impl Connection {
    /// Takes over a connected socket and what was read from it already.
    pub fn new(socket: OwnedFd, rest: &[u8]) -> Self {
        let mut lines = LineBuffer::default();
        lines.push(rest);
        Self { socket, lines, unsent: Vec::new(), sent: 0, buffer: vec![0; 16 * 1024].into() }
    }

    /// Reads what is there.
    pub fn fill(&mut self) -> ConnectionState {
        match recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => ConnectionState::Dead,
            Ok(length) => {
                self.lines.push(self.buffer.get(..length).unwrap_or_default());
                ConnectionState::Alive
            }
            Err(Errno::EAGAIN | Errno::EINTR) => ConnectionState::Alive,
            Err(_) => ConnectionState::Dead,
        }
    }

    /// The next whole line.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        Ok(self.lines.next_line()?.map(<[u8]>::to_vec))
    }

    /// Where replies are appended.
    pub fn out(&mut self) -> &mut Vec<u8> {
        &mut self.unsent
    }

    /// Effects that nobody asked for.
    pub fn notify(&mut self, effects: Vec<Effect>) {
        for effects in chunking::split(effects) {
            let effects = Effects { effects };
            jsonrpc::write_line(&mut self.unsent, &Outgoing::notification("effects", effects));
        }
    }

    /// The last line of a connection that we end.
    pub fn bye(&mut self, why: ByeReason) {
        let bye = Bye::to_module(why);
        jsonrpc::write_line(&mut self.unsent, &Outgoing::notification("bye", bye));
        self.flush();
    }

    /// Writes what the socket takes.
    pub fn flush(&mut self) -> ConnectionState {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        while let Some(waiting) = self.unsent.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match send(self.socket.as_raw_fd(), waiting, flags) {
                Ok(length) => self.sent += length,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    self.unsent.drain(..self.sent);
                    self.sent = 0;
                    let full = self.unsent.len() > MAX_UNSENT;
                    return if full { ConnectionState::Dead } else { ConnectionState::Alive };
                }
                Err(_) => return ConnectionState::Dead,
            }
        }
        self.unsent.clear();
        self.unsent.shrink_to(ENOUGH_UNSENT);
        self.sent = 0;
        ConnectionState::Alive
    }

    /// Whether something waits to be written.
    pub fn wants_to_write(&self) -> bool {
        self.unsent.len() > self.sent
    }

    /// Whether more may be read: a module that does not read its replies has to wait.
    pub fn may_read(&self) -> bool {
        self.unsent.len() - self.sent < ENOUGH_UNSENT
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
