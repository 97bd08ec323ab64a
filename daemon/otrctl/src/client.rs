//! One connection to otrd's admin socket, with a deadline over everything.

use crate::failure::Failure;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, connect, sendmsg, socket,
};
use proto::jsonrpc::{ClientResponse, ErrorObject, Id, Outgoing, write_line};
use proto::line::LineBuffer;
use proto::paths;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Between two tries to get into a full queue.
const RETRY: Duration = Duration::from_millis(20);

/// As long as somebody watches.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// An open connection.
pub struct Client {
    stream: UnixStream,
    lines: LineBuffer,
    deadline: Instant,
    patience: Duration,
    /// Path of the socket on which otrd answered.
    pub path: PathBuf,
    last_id: u64,
}

impl Client {
    /// Connects to `path`, or to the first of the usual places where an otrd answers.
    pub fn connect(path: Option<&Path>, patience: Duration) -> Result<Self, Failure> {
        let deadline = Instant::now() + patience;
        let places = path.map_or_else(usual_places, |path| vec![path.to_path_buf()]);
        let mut failures = Vec::new();
        for place in &places {
            match connect_within(place, deadline) {
                Ok(stream) => {
                    let (lines, path) = (LineBuffer::default(), place.clone());
                    return Ok(Self { stream, lines, deadline, patience, path, last_id: 0 });
                }
                Err(errno) => failures.push((place, errno)),
            }
        }
        Err(unreachable(&failures))
    }

    /// A new connection and a new deadline, after a question to a person.
    pub fn again(&mut self) -> Result<(), Failure> {
        *self = Self::connect(Some(&self.path.clone()), self.patience)?;
        Ok(())
    }

    /// Asks and waits for the answer.
    pub fn ask<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<T, Failure> {
        self.ask_beside(method, params, None)
    }

    /// Asks with a descriptor beside.
    pub fn ask_with<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
        beside: &File,
    ) -> Result<T, Failure> {
        self.ask_beside(method, params, Some(beside))
    }

    /// The next notification, however long it takes.
    pub fn event<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        /// A notification as it comes.
        #[derive(Deserialize)]
        struct Notification<T> {
            params: T,
        }
        self.deadline = Instant::now() + FOR_EVER;
        let line = self.receive().map_err(|error| broken(&error))?;
        let newer = "otrd says what this otrctl does not understand: update it";
        let newer = |_| Failure::Internal(newer.into());
        serde_json::from_slice(&line).map(|said: Notification<T>| said.params).map_err(newer)
    }

    fn ask_beside<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
        beside: Option<&File>,
    ) -> Result<T, Failure> {
        self.last_id += 1;
        let mut line = Vec::new();
        write_line(&mut line, &Outgoing::request(self.last_id, method, params));
        if line.len() > proto::MAX_LINE {
            return Err(Failure::Usage("the command is too long: send less".into()));
        }
        let mut rest = line.as_slice();
        if let Some(file) = beside {
            let sent = self.pass(&line, file).map_err(|error| broken(&error))?;
            rest = line.get(sent..).unwrap_or_default();
        }
        self.send(rest).map_err(|error| broken(&error))?;
        loop {
            let line = self.receive().map_err(|error| broken(&error))?;
            let strange = |_| Failure::Internal("the answer is no JSON-RPC: is this otrd?".into());
            let answer: ClientResponse<serde_json::Value> =
                serde_json::from_slice(&line).map_err(strange)?;
            if let Some(error) = answer.error {
                return Err(refused(error));
            }
            if answer.id == Some(Id::from(self.last_id)) {
                let result = answer.result.unwrap_or_default();
                let newer = |_| {
                    Failure::Internal(
                        "the answer is of another version of otrd: update otrctl".into(),
                    )
                };
                return serde_json::from_value(result).map_err(newer);
            }
        }
    }

    /// Sends the beginning of a line and a descriptor with it; how many bytes. Not by
    /// `confine::fd_passing`: otrctl has nothing to confine, and the rest of its sockets is nix's.
    fn pass(&mut self, line: &[u8], file: &File) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        let (fds, parts) = ([file.as_raw_fd()], [IoSlice::new(line)]);
        let rights = [ControlMessage::ScmRights(&fds)];
        loop {
            let fd = self.stream.as_raw_fd();
            match sendmsg::<()>(fd, &parts, &rights, MsgFlags::MSG_NOSIGNAL, None) {
                Err(Errno::EINTR) => {}
                // A refusal may lie there to be read already.
                Err(Errno::EPIPE) => return Ok(line.len()),
                sent => return Ok(sent?),
            }
        }
    }

    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(self.left()?))?;
            match self.stream.write(bytes) {
                Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A refusal may lie there to be read already.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut chunk = [0; 16 * 1024];
        loop {
            if let Some(line) = self.lines.next_line().map_err(io::Error::other)? {
                return Ok(line.to_vec());
            }
            self.stream.set_read_timeout(Some(self.left()?))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.lines.push(chunk.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// The user's own otrd first, as for the module; for root the system's.
fn usual_places() -> Vec<PathBuf> {
    let own_uid = nix::unistd::getuid();
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let own = paths::user_runtime(variable, own_uid.as_raw());
    let mut places = [own, PathBuf::from(paths::SYSTEM_RUNTIME)];
    if own_uid.is_root() {
        places.reverse();
    }
    places.iter().map(|place| place.join("admin.sock")).collect()
}

/// A stopped daemon's queue may be full: the kernel would let a blocking connect wait for ever.
fn connect_within(path: &Path, deadline: Instant) -> Result<UnixStream, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let address = UnixAddr::new(path)?;
    loop {
        match connect(fd.as_raw_fd(), &address) {
            Err(Errno::EAGAIN) if Instant::now() < deadline => sleep(RETRY),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(()) => break,
        }
    }
    let stream = UnixStream::from(fd);
    stream.set_nonblocking(false).map_err(|_| Errno::EIO)?;
    Ok(stream)
}

fn unreachable(failures: &[(&PathBuf, Errno)]) -> Failure {
    let has = |wanted| failures.iter().find(|(_, errno)| *errno == wanted);
    if let Some((path, _)) = has(Errno::EAGAIN) {
        return Failure::Busy(format!("{} accepts nobody: is otrd stopped?", path.display()));
    }
    if let Some((path, _)) = has(Errno::EACCES) {
        let path = path.display();
        return Failure::Forbidden(format!("{path}: not allowed: join its group, or be root"));
    }
    let tried: Vec<_> = failures
        .iter()
        .map(|(path, errno)| format!("{} ({})", path.display(), errno.desc().to_lowercase()))
        .collect();
    let tried = tried.join(", ");
    Failure::Unavailable(format!("no otrd at {tried}: start it, or give --socket"))
}

fn broken(error: &io::Error) -> Failure {
    use io::ErrorKind::{ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
    match error.kind() {
        TimedOut | WouldBlock => Failure::Busy(
            "otrd does not answer: is it stopped? See its log, or wait longer with --timeout"
                .into(),
        ),
        UnexpectedEof | ConnectionReset => {
            Failure::Unavailable("otrd closed the connection: see its log, then try again".into())
        }
        _ => Failure::Unavailable(format!("lost otrd: {error}")),
    }
}

fn refused(error: ErrorObject) -> Failure {
    let message = error.message.chars().filter(|c| !c.is_control()).collect();
    match error.code {
        -32004 => Failure::Forbidden(message),
        -32005 => Failure::NoAccount(message),
        -32006 => Failure::Busy(message),
        -32008 => Failure::Refused(message),
        _ => Failure::Internal(message),
    }
}
