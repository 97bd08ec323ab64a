//! The real otrctl: what it says, and the exit status that scripts look at.
// clippy knows test functions, not their helpers.
#![allow(clippy::unwrap_used)]

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn otrctl(socket: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otrctl"));
    command.arg("--socket").arg(socket).args(args).output().unwrap()
}

fn ended(output: &Output, code: i32, says: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(says), "{said}");
}

#[test]
fn wrong_words_are_a_usage_error() {
    let nowhere = Path::new("/nonexistent/admin.sock");
    ended(&otrctl(nowhere, &[]), 64, "Usage");
    ended(&otrctl(nowhere, &["--fly"]), 64, "Usage");
    for account in ["alice", "/net", "alice/", "../net", "a/b/c"] {
        ended(&otrctl(nowhere, &["-a", account, "info"]), 64, "USER/NETWORK");
    }
    ended(&otrctl(nowhere, &["--timeout", "0", "status"]), 64, "--timeout");
    ended(&otrctl(nowhere, &["info\nstatus"]), 64, "one line");
}

#[test]
fn no_daemon_is_said_with_what_to_do() {
    ended(&otrctl(Path::new("/nonexistent/admin.sock"), &["status"]), 69, "start it");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.sock");
    drop(UnixListener::bind(&path).unwrap());
    ended(&otrctl(&path, &["status"]), 69, "connection refused");
}

#[test]
fn a_daemon_that_never_answers_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("admin.sock");
    // As a stopped otrd: the kernel still lets connections in.
    let _stopped = UnixListener::bind(&path).unwrap();
    let start = Instant::now();
    ended(&otrctl(&path, &["--timeout", "0.5", "status"]), 75, "is it stopped");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn help_and_version_are_no_errors() {
    let nowhere = Path::new("/nonexistent/admin.sock");
    assert_eq!(otrctl(nowhere, &["--help"]).status.code(), Some(0));
    let version = otrctl(nowhere, &["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&version.stdout).starts_with("otrctl "));
}
