//! The process itself: its descriptors, its limits, and who may look into it.

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::resource::{Resource, rlim_t};

/// Address space in bytes. A busy account takes a few megabytes, the libraries ten.
const ADDRESS_SPACE: rlim_t = 512 << 20;
/// Open descriptors: standard ones, own status in /proc, channel, directory, two connections, a key, files being read.
const DESCRIPTORS: rlim_t = 32;
/// Longest file in bytes, twice what the store reads.
const FILE_SIZE: rlim_t = 16 << 20;

/// Closes whatever was inherited beside the standard descriptors.
pub fn close_strays() -> Result<()> {
    // glibc has a function for it only since 2.34, and no crate of ours.
    // SAFETY: three numbers; nothing here owns a descriptor above 2 yet, for this is the first
    // thing that the program does.
    #[allow(unsafe_code)]
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    match Errno::result(closed) {
        Ok(_) => Ok(()),
        // Linux before 5.9, or a container whose filter does not know the call. The front opens
        // everything O_CLOEXEC.
        Err(Errno::ENOSYS | Errno::EPERM) => Ok(()),
        Err(error) => Err(error).context("cannot close what was inherited"),
    }
}

/// A fault ends the process by its signal, instead of in a handler that could do nothing then.
/// And a bug says where it is, but not the text that it stumbled over.
pub fn end_plainly() -> Result<()> {
    use nix::sys::signal::{SigHandler, Signal, signal};
    for fault in [Signal::SIGSEGV, Signal::SIGBUS] {
        // SAFETY: the default action runs no code of ours.
        #[allow(unsafe_code)]
        unsafe { signal(fault, SigHandler::SigDfl) }.context("cannot reset a signal")?;
    }
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("otrd-worker: a bug at {place}: please report it");
    }));
    Ok(())
}

/// A stopped process of a group that loses its last parent is sent SIGHUP and SIGCONT: a worker
/// outlives its front, so only the latter is to count.
pub fn ignore_hangup() -> Result<()> {
    use nix::sys::signal::{SigHandler, Signal, signal};
    // SAFETY: a signal that is ignored runs no code of ours.
    #[allow(unsafe_code)]
    unsafe { signal(Signal::SIGHUP, SigHandler::SigIgn) }.context("cannot ignore a signal")?;
    Ok(())
}

/// Ends with the process that started this one: nobody else would notice its end.
pub fn end_with_parent() -> Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .context("cannot follow the front's end")
}

/// No core file, no debugger, no new privileges, no more memory and descriptors than needed.
pub fn harden() -> Result<()> {
    confine::hardening::no_new_privileges()?;
    confine::hardening::no_dumps()?;
    let limits = [
        (Resource::RLIMIT_AS, ADDRESS_SPACE),
        (Resource::RLIMIT_NOFILE, DESCRIPTORS),
        (Resource::RLIMIT_FSIZE, FILE_SIZE),
        (Resource::RLIMIT_NPROC, 0),
    ];
    for (resource, most) in limits {
        confine::hardening::limit(resource, most)?;
    }
    Ok(())
}

/// Keeps keys from being swapped out, where the system lets us lock as much as we may use.
pub fn lock_memory() -> nix::Result<bool> {
    // Root is not held to its limit.
    let needed = if nix::unistd::geteuid().is_root() { 0 } else { ADDRESS_SPACE };
    confine::hardening::lock_memory(needed)
}
