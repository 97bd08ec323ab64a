//! What systemd does for otrd, as far as a change of fronts goes: it holds the two sockets and what
//! otrd has it keep, passes all of that to each otrd that it starts, and lets go of what it keeps
//! when otrd is stopped.

use std::collections::BTreeMap;
use std::fs;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// Numbers from here on are in nobody's way while a shell puts descriptors where they belong.
const HIGH: i32 = 500;

/// It listens until it is dropped.
pub struct Manager {
    socket: PathBuf,
    listeners: [OwnedFd; 2],
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// By name.
    store: BTreeMap<String, Vec<OwnedFd>>,
    ready: usize,
}

/// What an otrd is started with.
pub struct Passed {
    /// The descriptors, open for whoever is started meanwhile.
    pub descriptors: Vec<OwnedFd>,
    /// Words in front of the program's: a shell that becomes it.
    pub words: Vec<String>,
}

impl Manager {
    /// Listens on both sockets, which are in a directory of otrd's, and for otrd.
    pub fn new(directory: &Path) -> Self {
        let listen = |name: &str| {
            let path = directory.join(name);
            let socket = UnixListener::bind(&path).expect("a listening socket").into();
            // ZNC runs as another user.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("chmod");
            socket
        };
        let listeners = ["shim.sock", "admin.sock"].map(listen);
        let socket = directory.join("notify");
        let notify = UnixDatagram::bind(&socket).expect("a socket");
        notify.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let state = Arc::new(Mutex::new(State::default()));
        let kept = Arc::downgrade(&state);
        std::thread::spawn(move || {
            while let Some(state) = kept.upgrade() {
                if let Some((message, descriptors)) = receive(&notify) {
                    state
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .heed(&message, descriptors);
                }
            }
        });
        Self { socket, listeners, state }
    }

    /// Where otrd tells it what to keep.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// How often an otrd has said that it is ready.
    pub fn ready(&self) -> usize {
        self.state().ready
    }

    /// The workers that are kept, by their process ids.
    pub fn kept(&self) -> Vec<i32> {
        let state = self.state();
        let names = state.store.keys();
        names.filter_map(|name| name.strip_prefix("worker-")?.parse().ok()).collect()
    }

    /// Lets go of what it keeps, as after a stop.
    pub fn forgets(&self) {
        self.state().store.clear();
    }

    /// Everything for the next otrd.
    pub fn passes(&self) -> Passed {
        let state = self.state();
        let listeners = self.listeners.iter().map(|fd| ("otrd.socket", fd));
        let kept = state.store.iter();
        let kept = kept.flat_map(|(name, all)| all.iter().map(move |fd| (name.as_str(), fd)));
        let (names, descriptors): (Vec<_>, Vec<_>) =
            listeners.chain(kept).map(|(name, fd)| (name, inheritable(fd))).unzip();
        let moves = (3..).zip(&descriptors);
        let moves = moves.map(|(to, from)| format!("exec {to}<&{0} {0}<&-; ", from.as_raw_fd()));
        let mut script: String = moves.collect();
        script += &format!(
            "export LISTEN_PID=$$ SYSTEMD_EXEC_PID=$$ LISTEN_FDS={} LISTEN_FDNAMES={}; exec \"$@\"",
            descriptors.len(),
            names.join(":")
        );
        let words = ["bash", "-c", &script, "bash"].map(String::from).into();
        Passed { descriptors, words }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn heed(&mut self, message: &str, descriptors: Vec<OwnedFd>) {
        let value = |key: &str| {
            let mut pairs = message.lines().filter_map(|line| line.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value.to_owned())
        };
        self.ready += usize::from(value("READY").is_some());
        let Some(name) = value("FDNAME") else { return };
        if value("FDSTOREREMOVE").is_some() {
            self.store.remove(&name);
        } else {
            self.store.entry(name).or_default().extend(descriptors);
        }
    }
}

fn receive(notify: &UnixDatagram) -> Option<(String, Vec<OwnedFd>)> {
    let mut buffer = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let got = recvmsg(notify, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC).ok()?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(all) = message {
            descriptors.extend(all);
        }
    }
    let message = String::from_utf8_lossy(buffer.get(..got.bytes)?).into_owned();
    Some((message, descriptors))
}

fn inheritable(fd: &OwnedFd) -> OwnedFd {
    let fd: BorrowedFd<'_> = std::os::fd::AsFd::as_fd(fd);
    let copy = fcntl_dupfd_cloexec(fd, HIGH).expect("a copy of a descriptor");
    fcntl_setfd(&copy, FdFlags::empty()).expect("a copy that is inherited");
    copy
}
