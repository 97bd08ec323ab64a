//! The process itself: what it may become, and who may look into it.

use nix::errno::Errno;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// Why a process is not hardened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Without this a set-user-ID program would undo the confinement.
    #[error("cannot give up new privileges")]
    Privileges(#[source] Errno),
    /// The memory could be read by others of the same user.
    #[error("cannot switch dumping off")]
    Dumping(#[source] Errno),
    /// A limit cannot be read or set.
    #[error("cannot set {0:?}")]
    Limit(Resource, #[source] Errno),
}

/// No program that this process executes gains privileges.
pub fn no_new_privileges() -> Result<(), Error> {
    nix::sys::prctl::set_no_new_privs().map_err(Error::Privileges)
}

/// No core file, and no debugger of the same user.
pub fn no_dumps() -> Result<(), Error> {
    nix::sys::prctl::set_dumpable(false).map_err(Error::Dumping)?;
    limit(Resource::RLIMIT_CORE, 0)
}

/// Sets a limit for good. One that is narrower already cannot be raised, and need not be.
pub fn limit(resource: Resource, most: rlim_t) -> Result<(), Error> {
    let failed = |errno| Error::Limit(resource, errno);
    let (_, hard) = getrlimit(resource).map_err(failed)?;
    let most = most.min(hard);
    setrlimit(resource, most, most).map_err(failed)
}

/// Keeps memory from being swapped out, and says whether that took. Nothing is tried where less may
/// be locked than `needed`: an allocation beyond the limit would fail later.
///
/// # Errors
/// Where locking fails for a reason that is no lack of permission or support.
pub fn lock_memory(needed: rlim_t) -> nix::Result<bool> {
    let (allowed, _) = getrlimit(Resource::RLIMIT_MEMLOCK)?;
    if allowed < needed {
        return Ok(false);
    }
    // Pages are locked as they come into use: libraries that are mapped cost nothing.
    let on_fault = MlockAllFlags::from_bits_retain(libc::MCL_ONFAULT);
    match mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_fault) {
        Ok(()) => Ok(true),
        // Root without CAP_IPC_LOCK, a kernel that does not know the last flag, or a container.
        Err(Errno::EPERM | Errno::ENOMEM | Errno::EINVAL | Errno::ENOSYS) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use nix::sys::prctl::{get_dumpable, get_no_new_privs};
    use std::process::Command;

    /// In a process of its own, for it cannot be taken back.
    #[test]
    fn what_is_given_up_is_gone() {
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let name = "hardening::tests::from_inside";
        let output = alone.args(["--exact", name, "--ignored"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    #[test]
    #[ignore = "run by the one above"]
    fn from_inside() {
        no_new_privileges().unwrap();
        no_dumps().unwrap();
        assert!(get_no_new_privs().unwrap() && !get_dumpable().unwrap());
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
        limit(Resource::RLIMIT_NOFILE, 64).unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (64, 64));
        // A wider one changes nothing.
        limit(Resource::RLIMIT_NOFILE, 128).unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (64, 64));
        limit(Resource::RLIMIT_MEMLOCK, 4096).unwrap();
        assert_eq!(lock_memory(8192), Ok(false));
    }
}
