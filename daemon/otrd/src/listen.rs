//! The two sockets: from systemd, or bound here.

use crate::access::Mode;
use crate::args::Settings;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::sys::stat::{Mode as Bits, umask};
use std::fs::DirBuilder;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::task::spawn_local;

/// Pause after the kernel ran out of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("another otrd answers on {0}: stop it first, or give other paths")]
    Taken(PathBuf),
    #[error("{0} is no socket: move it away, or give another path")]
    NoSocket(PathBuf),
    #[error("cannot listen on {path}: {error}")]
    Failed { path: PathBuf, error: io::Error },
    #[error("cannot use a socket that was passed: {0}")]
    Inherited(io::Error),
    #[error("systemd passed a socket that is neither `shim` nor `admin` by its name or path")]
    Unknown,
}

/// Both listening sockets of the daemon.
pub struct Listeners {
    /// For ZNC modules.
    pub shim: Listener,
    /// For `otrctl` and other admin programs.
    pub admin: Listener,
}

/// A listening socket, and the path that it was bound to.
pub struct Listener {
    /// The socket, non-blocking.
    pub socket: UnixListener,
    /// Device and inode of the path that we bound; nothing where systemd did.
    bound: Option<(PathBuf, u64, u64)>,
}

impl Listeners {
    /// Takes what systemd or another otrd passed, and binds what they did not.
    pub fn open(settings: &Settings, passed: Vec<(String, UnixListener)>) -> Result<Self, Error> {
        let (mut shim, mut admin) = (None, None);
        for (name, socket) in passed {
            let place = match which(&name, &socket).ok_or(Error::Unknown)? {
                Which::Shim => &mut shim,
                Which::Admin => &mut admin,
            };
            socket.set_nonblocking(true).map_err(Error::Inherited)?;
            let bound = if is_our_own(&name) { bound(&socket) } else { None };
            *place = Some(Listener { socket, bound });
        }
        let own = |path: &Path| bind(path, settings);
        Ok(Self {
            shim: shim.map_or_else(|| own(&settings.shim_socket), Ok)?,
            admin: admin.map_or_else(|| own(&settings.admin_socket), Ok)?,
        })
    }

    /// Whether systemd passed both.
    pub fn are_inherited(&self) -> bool {
        self.shim.bound.is_none() && self.admin.bound.is_none()
    }

    /// Both with the names under which another otrd takes them over.
    pub fn named(&self) -> [(&'static str, &UnixListener); 2] {
        let name = |listener: &Listener, own, passed| match listener.bound {
            Some(_) => own,
            None => passed,
        };
        [
            (name(&self.shim, OWN_SHIM, "shim"), &self.shim.socket),
            (name(&self.admin, OWN_ADMIN, "admin"), &self.admin.socket),
        ]
    }

    /// Where [`Listeners::remove`] will remove something.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        let bound = [&self.shim, &self.admin].into_iter().filter_map(|one| one.bound.as_ref());
        bound.filter_map(|(path, ..)| path.parent())
    }

    /// Removes what we bound, unless somebody else's socket is there by now.
    pub fn remove(&self) {
        for listener in [&self.shim, &self.admin] {
            let Some((path, device, inode)) = &listener.bound else { continue };
            let ours = std::fs::symlink_metadata(path)
                .is_ok_and(|found| (found.dev(), found.ino()) == (*device, *inode));
            let removed = if ours { std::fs::remove_file(path) } else { Ok(()) };
            if let Err(error) = removed {
                tracing::warn!(path = %path.display(), %error, "cannot remove the socket");
            }
        }
    }
}

enum Which {
    Shim,
    Admin,
}

/// A socket that an otrd bound itself, and that the last one removes.
const OWN_SHIM: &str = "own-shim";
/// See [`OWN_SHIM`].
const OWN_ADMIN: &str = "own-admin";

fn is_our_own(name: &str) -> bool {
    [OWN_SHIM, OWN_ADMIN].contains(&name)
}

/// The file of a socket that an otrd before this one bound.
fn bound(socket: &UnixListener) -> Option<(PathBuf, u64, u64)> {
    let path = socket.local_addr().ok()?.as_pathname()?.to_owned();
    let found = std::fs::symlink_metadata(&path).ok()?;
    Some((path, found.dev(), found.ino()))
}

/// `FileDescriptorName=` decides; a unit with both sockets has one name for both, and then the
/// file's name does.
fn which(name: &str, socket: &UnixListener) -> Option<Which> {
    let of = |name: &str| match name {
        "shim" | OWN_SHIM => Some(Which::Shim),
        "admin" | OWN_ADMIN => Some(Which::Admin),
        _ => None,
    };
    let address = socket.local_addr().ok()?;
    of(name).or_else(|| of(address.as_pathname()?.file_stem()?.to_str()?))
}

fn bind(path: &Path, settings: &Settings) -> Result<Listener, Error> {
    let failed = |error: io::Error| Error::Failed { path: path.into(), error };
    let (directory, mask) = match settings.mode {
        Mode::System => (0o755, 0o117),
        Mode::User(_) => (0o700, 0o177),
    };
    if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
        let made = masked(0, || DirBuilder::new().recursive(true).mode(directory).create(parent));
        made.map_err(failed)?;
    }
    make_way(path)?;
    // The mode is right from the first moment: nothing connects between bind and chmod.
    let socket = masked(mask, || UnixListener::bind(path)).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    // Until here fewer could connect than may, never more.
    if settings.socket_group.is_some() {
        std::os::unix::fs::lchown(path, None, settings.socket_group).map_err(failed)?;
    }
    let found = std::fs::symlink_metadata(path).map_err(failed)?;
    Ok(Listener { socket, bound: Some((path.into(), found.dev(), found.ino())) })
}

fn masked<T>(mask: u32, act: impl FnOnce() -> T) -> T {
    let before = umask(Bits::from_bits_truncate(mask));
    let done = act();
    umask(before);
    done
}

/// Removes a socket on which nobody listens any more, and nothing else.
fn make_way(path: &Path) -> Result<(), Error> {
    let failed = |error: io::Error| Error::Failed { path: path.into(), error };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(Error::NoSocket(path.into())),
        Ok(_) => {}
    }
    // Not blocking: a stopped daemon with a full queue still counts as one that is there.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let probe = socket(AddressFamily::Unix, SockType::Stream, flags, None)
        .map_err(|errno| failed(errno.into()))?;
    let address = UnixAddr::new(path).map_err(|errno| failed(errno.into()))?;
    match connect(probe.as_raw_fd(), &address) {
        Err(Errno::ECONNREFUSED) => std::fs::remove_file(path).map_err(failed),
        Err(Errno::ENOENT) => Ok(()),
        Ok(()) | Err(Errno::EAGAIN) => Err(Error::Taken(path.into())),
        Err(errno) => Err(failed(errno.into())),
    }
}

/// Gives every connection and its uid, as the kernel knows it, to a task of its own.
pub async fn accept<F: Future<Output = ()> + 'static>(
    listener: tokio::net::UnixListener,
    serve: impl Fn(UnixStream, u32) -> F,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => match stream.peer_cred() {
                Ok(peer) => drop(spawn_local(serve(stream, peer.uid()))),
                Err(error) => tracing::warn!(%error, "a connection without credentials"),
            },
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_systemd_are_told_apart_by_name_then_by_path() {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixListener::bind(directory.path().join("admin.sock")).unwrap();
        assert!(matches!(which("shim", &socket), Some(Which::Shim)));
        assert!(matches!(which("otrd.socket", &socket), Some(Which::Admin)));
        let socket = UnixListener::bind(directory.path().join("else.sock")).unwrap();
        assert!(which("otrd.socket", &socket).is_none());
    }
}
