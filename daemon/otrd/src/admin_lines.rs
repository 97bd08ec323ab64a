//! The lines of an admin, which may have a descriptor beside them. It goes on to a worker; nothing
//! here reads it.

use crate::line_io::{CHUNK, ReadLineError};
use confine::fd_passing::{self, Wait};
use proto::line::LineBuffer;
use std::os::fd::{AsFd, OwnedFd};
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
            let receive = || fd_passing::receive(stream.as_fd(), &mut chunk, Wait::No);
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
