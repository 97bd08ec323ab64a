//! Descriptors that this process was born with: from systemd, or from the otrd that it was before
//! it executed a new program. Each has a name; workers come as two of one name.

use crate::record::WorkerRecord;
use nix::sys::socket::{AddressFamily, SockType, SockaddrLike, SockaddrStorage, getsockname};
use nix::sys::socket::{getsockopt, sockopt};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// What the names of workers begin with; their process id follows.
const WORKER: &str = "worker-";
/// The directory of all accounts, with the lock on it.
pub const STATE: &str = "state";
/// Names the list of an otrd that executed this program: our process id and its descriptor.
pub const VARIABLE: &str = "OTRD_INHERITED";
/// More bytes than any list has.
const LONGEST: u64 = 4 << 20;

/// All inherited descriptors: listening sockets, workers, and the state directory.
#[derive(Default)]
pub struct Inherited {
    /// Listening sockets, each with the name that it was passed under.
    pub listeners: Vec<(String, UnixListener)>,
    /// Workers of the front before.
    pub workers: Vec<Stored>,
    /// The state directory under its lock; see [`STATE`].
    pub state: Option<OwnedFd>,
    /// What of a worker was not whole, by its name.
    pub broken: Vec<String>,
    /// Where our program lies, which was executed from memory, and what it has given up already.
    pub executed: Option<Executed>,
}

/// A worker that outlived its front.
pub struct Stored {
    /// The front's end of its control socket.
    pub channel: OwnedFd,
    /// The worker's version of the control protocol, its process id, its account.
    pub record: WorkerRecord,
}

/// What another front has to have of a worker.
pub struct HandedOver {
    /// Under which both are passed.
    pub name: String,
    /// Our end of its control socket.
    pub channel: OwnedFd,
    /// A descriptor with its [`WorkerRecord`].
    pub record: OwnedFd,
}

/// What an otrd says to the program that it becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executed {
    /// The path of the program.
    pub program: PathBuf,
}

/// The list that an otrd leaves to the program that it becomes.
#[derive(Serialize, Deserialize)]
pub struct List {
    /// Each inherited descriptor: its name, its number.
    pub descriptors: Vec<(String, RawFd)>,
    /// What else there is to know.
    pub executed: Executed,
}

/// The name under which a worker is kept.
pub fn name_of(pid: u32) -> String {
    format!("{WORKER}{pid}")
}

impl Inherited {
    /// Everything that this process was born with. To be called once, before anything is opened.
    ///
    /// # Errors
    /// Where a descriptor is not open, or is no socket of ours.
    pub fn take() -> io::Result<Self> {
        if let Some(list) = left_list()? {
            let descriptors = list.descriptors.into_iter().map(|(name, fd)| (name, own(fd)));
            let mut inherited = Self::sort(descriptors)?;
            inherited.executed = Some(list.executed);
            return Ok(inherited);
        }
        let passed: Vec<_> = sd_notify::listen_fds_with_names()?.collect();
        Self::sort(passed.into_iter().map(|(fd, name)| (name, own(fd))))
    }

    /// Tells descriptors apart by their names.
    ///
    /// # Errors
    /// Where one that is no worker's is no listening Unix socket either.
    pub fn sort(descriptors: impl Iterator<Item = (String, OwnedFd)>) -> io::Result<Self> {
        let mut inherited = Self::default();
        let mut parts: BTreeMap<String, Vec<OwnedFd>> = BTreeMap::new();
        for (name, descriptor) in descriptors {
            if name.starts_with(WORKER) {
                parts.entry(name).or_default().push(descriptor);
            } else if name == STATE {
                inherited.state = Some(descriptor);
            } else {
                let listener = listening(&name, descriptor)?;
                inherited.listeners.push((name, listener));
            }
        }
        for (name, parts) in parts {
            match worker(&name, parts) {
                Some(stored) => inherited.workers.push(stored),
                None => inherited.broken.push(name),
            }
        }
        Ok(inherited)
    }
}

fn left_list() -> io::Result<Option<List>> {
    let Ok(said) = std::env::var(VARIABLE) else { return Ok(None) };
    let Some((pid, fd)) = said.split_once(':') else { return Ok(None) };
    match (pid.parse::<u32>(), fd.parse::<RawFd>()) {
        // Anybody else's is left from a parent.
        (Ok(pid), Ok(fd)) if std::process::id() == pid => {
            let mut list = File::from(own(fd));
            list.rewind()?;
            let mut content = Vec::new();
            list.take(LONGEST).read_to_end(&mut content)?;
            Ok(Some(serde_json::from_slice(&content)?))
        }
        _ => Ok(None),
    }
}

impl List {
    /// The list in a descriptor that stays open when a program is executed.
    pub fn write(&self) -> io::Result<OwnedFd> {
        let flags = nix::sys::memfd::MFdFlags::empty();
        let mut file = File::from(nix::sys::memfd::memfd_create("otrd-inherited", flags)?);
        file.write_all(&serde_json::to_vec(self)?)?;
        Ok(file.into())
    }

    /// What [`VARIABLE`] has to say of it.
    pub fn variable(descriptor: &OwnedFd) -> String {
        format!("{}:{}", std::process::id(), descriptor.as_raw_fd())
    }
}

#[allow(unsafe_code)]
fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: LISTEN_PID or our own list names this process, so the descriptor was left for us,
    // and this runs once, before anything else here could have been given its number. One that
    // is not open makes the calls on it fail.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn listening(name: &str, descriptor: OwnedFd) -> io::Result<UnixListener> {
    let address: SockaddrStorage = getsockname(descriptor.as_raw_fd())?;
    let listens = getsockopt(&descriptor, sockopt::AcceptConn)?;
    if address.family() != Some(AddressFamily::Unix) || !listens {
        return Err(io::Error::other(format!("`{name}` is no listening Unix socket")));
    }
    Ok(UnixListener::from(descriptor))
}

/// A socket and a record, of the process after which they are named.
fn worker(name: &str, parts: Vec<OwnedFd>) -> Option<Stored> {
    let is_socket = |part: &OwnedFd| getsockopt(part, sockopt::SockType) == Ok(SockType::SeqPacket);
    let (mut sockets, mut others): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_socket);
    let (channel, sealed) = (sockets.pop()?, others.pop()?);
    let record = WorkerRecord::read(sealed).ok()?;
    let whole = sockets.is_empty() && others.is_empty() && name == name_of(record.pid);
    whole.then_some(Stored { channel, record })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{SockFlag, socketpair};
    use proto::account::{Account, Name};

    fn parts(pid: u32) -> (String, OwnedFd, OwnedFd) {
        let name = |name| Name::new(name).unwrap();
        let account = Account { uid: 1, user: name("alice"), network: name("net") };
        let record = WorkerRecord { control: 2, pid, started: 1, account };
        let kind = (AddressFamily::Unix, SockType::SeqPacket);
        let (ours, _) = socketpair(kind.0, kind.1, None, SockFlag::empty()).unwrap();
        (name_of(pid), ours, record.seal().unwrap())
    }

    #[test]
    fn a_worker_is_its_socket_and_its_record() {
        let (name, channel, sealed) = parts(7);
        let (other, lonely, _) = parts(8);
        let (ours, socket, record) = parts(9);
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("admin.sock")).unwrap();
        let all = [
            (name.clone(), sealed),
            (other, lonely),
            ("otrd.socket".into(), listener.into()),
            // Somebody else's name.
            (name_of(10), socket),
            (name_of(10), record),
            (name, channel),
        ];
        let inherited = Inherited::sort(all.into_iter()).unwrap();
        assert_eq!(inherited.listeners.len(), 1);
        assert_eq!(inherited.workers.len(), 1);
        assert_eq!(inherited.workers[0].record.pid, 7);
        assert_eq!(inherited.broken, [name_of(10), name_of(8)]);
        assert_ne!(ours, name_of(10));
    }

    #[test]
    fn what_does_not_listen_is_an_error() {
        let (_, socket, record) = parts(7);
        for descriptor in [socket, record] {
            let one = [("otrd.socket".to_owned(), descriptor)];
            assert!(Inherited::sort(one.into_iter()).is_err());
        }
    }
}
