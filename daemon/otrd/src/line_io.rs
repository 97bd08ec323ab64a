//! Lines to and from a client that nobody trusts: bounded in bytes and in time.

use proto::MAX_LINE;
use proto::jsonrpc::{Error, Id, Response, write_line};
use proto::line::{LineBuffer, TooLong};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// As much as is read at once, and so the most that can lie behind a line.
pub const CHUNK: usize = 4096;
/// A client that does not take its answer for so long is closed.
const WRITE_TIME: Duration = Duration::from_secs(5);
/// How long what a refused client still says is thrown away, so that it can read the refusal.
const LINGER_TIME: Duration = Duration::from_millis(500);

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub enum ReadLineError {
    /// The other side has ended.
    #[error("closed by the client")]
    Closed,
    /// A line that is too long; nothing behind it can be understood.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads one line, however it was cut. Safe to be dropped: what came stays in `lines`.
pub async fn read_line(
    stream: &mut UnixStream,
    lines: &mut LineBuffer,
) -> Result<Vec<u8>, ReadLineError> {
    let mut chunk = [0; CHUNK];
    loop {
        if let Some(line) = lines.next_line()? {
            return Ok(line.to_vec());
        }
        match stream.read(&mut chunk).await? {
            0 => return Err(ReadLineError::Closed),
            length => lines.push(chunk.get(..length).unwrap_or_default()),
        }
    }
}

/// Writes bytes to a client that may be slow, but not for ever.
pub async fn write(stream: &mut UnixStream, bytes: &[u8]) -> io::Result<()> {
    timeout(WRITE_TIME, stream.write_all(bytes)).await?
}

/// One line with an error.
pub fn error_line(id: Id, error: Error) -> Vec<u8> {
    let mut line = Vec::new();
    write_line(&mut line, &Response::<()> { id, outcome: Err(error) });
    line
}

/// Says why, then closes. The kernel would throw the answer's reader an error over unread bytes,
/// so those are read first.
pub async fn refuse(mut stream: UnixStream, id: Id, error: Error) {
    let polite = async {
        stream.write_all(&error_line(id, error)).await?;
        stream.shutdown().await?;
        let mut chunk = [0; CHUNK];
        let mut thrown_away = 0;
        while thrown_away < 4 * MAX_LINE {
            match stream.read(&mut chunk).await? {
                0 => break,
                length => thrown_away += length,
            }
        }
        io::Result::Ok(())
    };
    // Whoever does not listen misses it.
    let _ = timeout(LINGER_TIME, polite).await;
}

/// A text for people: at most so many bytes, and nothing that moves a cursor.
pub fn clip(text: &str, length: usize) -> String {
    let ends = text.char_indices().map(|(start, c)| start + c.len_utf8());
    let fits = ends.take_while(|end| *end <= length).count();
    text.chars().take(fits).filter(|c| !c.is_control()).collect()
}
