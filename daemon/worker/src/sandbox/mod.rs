//! What this process gives up before it reads a byte that a peer can influence.
//!
//! The order matters. A process that cannot gain privileges may confine itself; libgcrypt opens
//! and allocates what it needs while it still can; Landlock needs system calls that seccomp then
//! forbids. Whatever does not take is an error: a worker that is not confined does not run.
//!
//! * [`hardening`]: no core, no debugger, no stray descriptor, little memory.
//! * [`landlock`]: no file but those of one directory (Landlock).
//! * [`seccomp`]: no system call but a few dozen (seccomp).
//!
//! The calls to the kernel, which are the same in the front, are in the crate `confine`.
//!
//! What remains: a process may ask whether a path exists, which Landlock does not forbid, and use
//! up the processor time and the memory that it has.

pub mod hardening;
pub mod landlock;
pub mod seccomp;

use anyhow::{Context, Result};
pub use confine::landlock::WithoutLandlock;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Confines this process for good, and says in words what is in force. Only files directly below
/// `directory` stay within reach, or none at all.
///
/// # Errors
/// Where anything did not take. The process must not go on then.
pub fn confine(directory: Option<BorrowedFd<'_>>, without: WithoutLandlock) -> Result<String> {
    hardening::harden()?;
    let locked = hardening::lock_memory().context("cannot keep memory from being swapped out")?;
    otr::init().context("libotr did not start")?;
    // A process without a directory is there to make keys.
    otr::warm_up_rng(match directory {
        Some(_) => otr::Randomness::Sessions,
        None => otr::Randomness::Keys,
    });
    otr::dsa_check_in_force()?;
    otr::memory_files_work().context(
        "libotr needs memfd_create, which this system does not allow: have the container's filter of \
         system calls allow it",
    )?;
    let landlock = landlock::restrict(directory, without).context("Landlock")?;
    seccomp::restrict(directory.as_ref().map(AsRawFd::as_raw_fd)).context("seccomp")?;
    let memory = if locked { "memory locked" } else { "memory not locked" };
    Ok(format!("seccomp, {landlock}, {memory}"))
}
