//! Starting processes: what a worker is born with, and nothing more.

use crate::channel::Channel;
use crate::process::Process;
use crate::state_dir::Directory;
use nix::errno::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use tokio::process::{Child, Command};

/// A running worker.
pub struct Running {
    /// The worker's process.
    pub process: Process,
    /// Our end of its descriptor 0.
    pub channel: Channel,
    /// Keeps every other worker out of the account's directory. The worker's copy shares the lock, so
    /// that it holds even where the front is killed and started again. Nothing where an earlier front
    /// started the worker.
    _directory: Option<Directory>,
}

impl Running {
    /// One that an earlier front started, which keeps others out of its directory by itself.
    pub fn take_up(process: Process, channel: Channel) -> Self {
        Self { process, channel, _directory: None }
    }
}

/// Starts a worker. Its first message, with the directory, is still to be sent.
pub fn worker(program: &Path, directory: Directory) -> io::Result<Running> {
    let (channel, theirs) = Channel::pair()?;
    let child = bare(program).stdin(theirs).stdout(Stdio::null()).spawn()?;
    Ok(Running { process: Process::Started(child), channel, _directory: Some(directory) })
}

/// Starts a key generation for an account of this name. The key comes out of the pipe.
pub fn keygen(program: &Path, allow_no_landlock: bool, user: &str) -> io::Result<(Child, OwnedFd)> {
    let (name, tell) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    // A name is far shorter than what a pipe holds.
    if nix::unistd::write(&tell, user.as_bytes())? != user.len() {
        return Err(Errno::EPIPE.into());
    }
    drop(tell);
    let (key, out) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    let flags = allow_no_landlock.then_some("--allow-no-landlock");
    let mut command = bare(program);
    let child = command.arg("keygen").args(flags).stdin(name).stdout(out).spawn()?;
    Ok((child, key))
}

/// libotr and libgcrypt free copies of texts and secrets without wiping them. So glibc overwrites what is
/// freed; only its cache per thread would keep some of it as it is, and is switched off. See "Memory
/// Allocation Tunables" in glibc's manual.
const WIPED_WHEN_FREED: &str = "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0";

/// The program with almost no environment, in `/`, in a process group of its own (a Ctrl-C on the
/// terminal is for the front, which ends its workers in good order), with our stderr for its log.
fn bare(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg0("otrd-worker").env_clear().current_dir("/").process_group(0).kill_on_drop(true);
    command.env("GLIBC_TUNABLES", WIPED_WHEN_FREED);
    if let Some(log) = std::env::var_os("RUST_LOG") {
        command.env("RUST_LOG", log);
    }
    command
}
