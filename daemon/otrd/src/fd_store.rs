//! The descriptors that systemd keeps for the next front: of each worker, its control socket and
//! its record, under one name. Without systemd every call here does nothing.

use confine::fd_passing::{self, Wait};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// systemd is busy for moments only.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether systemd started this process, and so keeps what it is given until the unit is stopped.
pub fn is_there() -> bool {
    let own = std::process::id().to_string();
    std::env::var_os("NOTIFY_SOCKET").is_some()
        && std::env::var("SYSTEMD_EXEC_PID").is_ok_and(|pid| pid == own)
}

/// Keeps descriptors under a name that nothing else has.
pub fn keep(name: &str, descriptors: &[BorrowedFd<'_>]) {
    if let Err(error) = tell(&format!("FDSTORE=1\nFDNAME={name}\n"), descriptors) {
        tracing::warn!(name, %error, "systemd does not keep a worker over a restart");
    }
}

/// Forgets what is kept under a name.
pub fn forget(name: &str) {
    if let Err(error) = tell(&format!("FDSTOREREMOVE=1\nFDNAME={name}\n"), &[]) {
        tracing::debug!(name, %error, "systemd does not listen");
    }
}

fn tell(message: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    match std::env::var_os("NOTIFY_SOCKET") {
        Some(path) if is_there() => send(&path, message, descriptors),
        _ => Ok(()),
    }
}

fn send(path: &OsStr, message: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    fd_passing::send(socket.as_fd(), message.as_bytes(), descriptors, Wait::Yes)?;
    Ok(())
}
