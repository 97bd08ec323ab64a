//! What a worker gives up of itself before anything else. Seen from inside: the rest of the
//! confinement would forbid to look.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nix::sys::prctl::{get_dumpable, get_no_new_privs};
use nix::sys::resource::{Resource, getrlimit};
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use worker::sandbox::process::harden;

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

/// Whoever else has something to do goes first, and at once.
#[test]
fn who_makes_a_key_computes_where_nobody_else_wants_to() {
    let mut maker = Command::new(env!("CARGO_BIN_EXE_otrd-worker"))
        .args(["keygen", "--allow-no-landlock"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // It waits for the account's name. The policy is the 41st field, see proc(5).
    let policy = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", maker.id())).unwrap();
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(38).unwrap().to_owned()
    };
    let start = Instant::now();
    while policy() != libc::SCHED_IDLE.to_string() {
        assert!(start.elapsed() < Duration::from_secs(20), "policy {}", policy());
        sleep(Duration::from_millis(10));
    }
    maker.kill().unwrap();
    maker.wait().unwrap();
}
