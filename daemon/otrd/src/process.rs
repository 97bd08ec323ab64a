//! The process of a worker: one that this front started, or one that outlived the front before.

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

/// A worker's process.
pub enum Process {
    /// Our child. Dropped, it is killed.
    Started(Child),
    /// Not started by this program: a pidfd.
    TakenUp(AsyncFd<OwnedFd>),
}

impl Process {
    /// A process that another front started.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn take_up(pid: u32) -> io::Result<Self> {
        let gone = || io::Error::from(Errno::SRCH);
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        // SAFETY: an OwnedFd keeps its descriptor open, and the same, until it is dropped.
        #[allow(unsafe_code)]
        let pidfd = unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }?;
        Ok(Self::TakenUp(pidfd))
    }

    /// How it ends, in words. Safe to be dropped.
    pub async fn wait(&mut self) -> String {
        match self {
            Self::Started(child) => match child.wait().await {
                Ok(status) => ending(status),
                Err(error) => error.to_string(),
            },
            Self::TakenUp(pidfd) => match pidfd.readable().await {
                Ok(_) => reap(pidfd),
                Err(error) => error.to_string(),
            },
        }
    }

    /// Ends it at once.
    pub fn kill(&mut self) -> io::Result<()> {
        match self {
            Self::Started(child) => child.start_kill(),
            Self::TakenUp(pidfd) => Ok(pidfd_send_signal(pidfd.get_ref(), Signal::KILL)?),
        }
    }
}

/// After a program was executed in place, it is a child of ours all the same.
fn reap(pidfd: &AsyncFd<OwnedFd>) -> String {
    let id = WaitId::PidFd(pidfd.get_ref().as_fd());
    match waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
        Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => signal_name(signal),
            (None, None) => "unknown".into(),
        },
        Ok(None) | Err(_) => "how is not known: another otrd started it".into(),
    }
}

/// How a process ended, in words.
pub fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => signal_name(signal),
        (None, None) => "unknown".to_owned(),
    }
}

/// What a signal is called.
fn signal_name(signal: i32) -> String {
    match nix::sys::signal::Signal::try_from(signal) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) => format!("signal {signal}"),
    }
}
