//! What the front gives up before it accepts a connection.
//!
//! Its workers inherit all of this, so that it has to leave them what they need to start and to
//! confine themselves further, which they do before they read a byte from a peer. For the same
//! reason the front keeps the right to open what lies in the state directory, key files among it:
//! that it does not is the code's word alone.
//!
//! * [`paths`]: the state directory, and what starting a worker takes (Landlock); [`loader`]: which
//!   program loads it.
//! * [`syscalls`]: no socket but Unix ones, no namespace, no other process's memory (seccomp).
//!
//! The calls to the kernel, which are the same in a worker, are in the crate `confine`.

mod loader;
mod paths;
mod syscalls;

pub use paths::{Needed, NoLandlock};

use anyhow::{Context, Result};
use confine::hardening;
use confine::landlock::WithoutLandlock;
use nix::sys::resource::RLIM_INFINITY;

/// From here on no core, no debugger and, where the system lets us, no swap shows what is in
/// memory.
pub fn keep_memory_private() -> Result<()> {
    hardening::no_dumps()?;
    tracing::debug!(locked = hardening::lock_memory(RLIM_INFINITY) == Ok(true), "memory");
    Ok(())
}

/// What a program gives up that was executed by an otrd which is confined already.
pub fn confine_again() -> Result<()> {
    hardening::no_new_privileges()?;
    let _ = nix::sys::prctl::set_name(c"otrd");
    tracing::info!("confined as before");
    Ok(())
}

/// Confines this process and all that it will start.
pub fn confine(without: WithoutLandlock, needed: &Needed<'_>) -> Result<()> {
    hardening::no_new_privileges()?;
    let landlock = match paths::restrict(without, needed) {
        Err(error) if error.is::<NoLandlock>() => {
            // For as long as it says so to whoever connects.
            syscalls::restrict().context("cannot confine otrd to system calls")?;
            return Err(error);
        }
        done => done.context("cannot confine otrd to files")?,
    };
    syscalls::restrict().context("cannot confine otrd to system calls")?;
    tracing::info!(landlock, "confined");
    Ok(())
}
