//! What a worker gives up of itself before anything else. Seen from inside: the rest of the
//! confinement would forbid to look.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nix::sys::prctl::{get_dumpable, get_no_new_privs};
use nix::sys::resource::{Resource, getrlimit};
use std::process::Command;
use worker::sandbox::hardening::harden;

/// In a process of its own, for it cannot be taken back.
#[test]
fn no_core_no_debugger_no_new_privileges_and_no_more_than_needed() {
    let mut alone = Command::new(std::env::current_exe().unwrap());
    let output = alone.args(["--exact", "from_inside", "--ignored"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by the one above"]
fn from_inside() {
    harden().unwrap();
    // Who is not dumpable leaves no core and lets nobody of the same user look into it.
    assert!(!get_dumpable().unwrap());
    assert!(get_no_new_privs().unwrap());
    assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
    assert_eq!(getrlimit(Resource::RLIMIT_NPROC).unwrap(), (0, 0));
    for (resource, most) in [
        (Resource::RLIMIT_AS, 512 << 20),
        (Resource::RLIMIT_NOFILE, 32),
        (Resource::RLIMIT_FSIZE, 16 << 20),
    ] {
        let (soft, hard) = getrlimit(resource).unwrap();
        assert!(soft <= most && hard <= most, "{resource:?}: {soft}, {hard}");
    }
}
