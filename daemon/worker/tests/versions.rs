//! Today's worker under the front of the release before, which says what the vectors of its version
//! hold, and under today's.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, recv, sendmsg, socketpair,
};
use serde_json::{Value, json};
use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};

/// A worker and its front.
struct Worker {
    front: OwnedFd,
    child: Child,
    home: tempfile::TempDir,
}

impl Worker {
    /// Started with the first packet of a version's vectors.
    fn start(version: u32) -> Self {
        Self::start_with(vectors(version)["to_worker"][0].clone())
    }

    fn start_with(mut start: Value) -> Self {
        let pair = (AddressFamily::Unix, SockType::SeqPacket);
        let (front, theirs) = socketpair(pair.0, pair.1, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_otrd-worker"));
        let child = command.stdin(theirs).stdout(Stdio::null()).spawn().unwrap();
        drop(command);
        let worker = Self { front, child, home: tempfile::tempdir().unwrap() };
        start["start"]["allow_no_landlock"] = true.into();
        let home = File::open(worker.home.path()).unwrap();
        worker.order(&start, Some(&home));
        worker
    }

    fn order(&self, packet: &Value, beside: Option<&File>) {
        let packet = serde_json::to_vec(packet).unwrap();
        let fds: Vec<_> = beside.iter().map(|file| file.as_raw_fd()).collect();
        let rights = [ControlMessage::ScmRights(&fds)];
        let rights = if fds.is_empty() { &[][..] } else { &rights[..] };
        let parts = [IoSlice::new(&packet)];
        sendmsg::<()>(self.front.as_raw_fd(), &parts, rights, MsgFlags::empty(), None).unwrap();
    }

    fn says(&self) -> Value {
        let mut buffer = vec![0; 160 * 1024];
        let length = recv(self.front.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap();
        serde_json::from_slice(&buffer[..length]).unwrap()
    }

    fn ends(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

fn vectors(version: u32) -> Value {
    let file = format!("{}/../../proto/vectors/control-{version}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn a_front_of_the_version_before_hears_nothing_that_it_does_not_know() {
    let worker = Worker::start(1);
    assert_eq!(worker.says(), "ready");
    worker.order(&json!({"status": {"seq": 7}}), None);
    let status = worker.says();
    assert_eq!(
        (&status["status"]["seq"], status["status"]["status"]["key"].as_str()),
        (&json!(7), Some("none"))
    );
    worker.order(&json!({"command": {"seq": 8, "text": "version"}}), None);
    assert_eq!(worker.says()["output"]["seq"], 8);
    worker.order(&json!("shutdown"), None);
    worker.ends();
}

#[test]
fn a_worker_says_who_it_is_and_goes_on_with_the_next_front() {
    let worker = Worker::start(2);
    let here = worker.says();
    assert_eq!((&here["here"]["seq"], &here["here"]["control"]), (&json!(0), &json!(2)));
    assert_eq!(worker.says(), "ready");
    // A packet of a newer release does no harm.
    worker.order(&json!({"fly": {"to": "the moon"}}), None);
    assert_eq!(worker.says()["log"]["about"], "trouble");
    let mut take_up = vectors(2)["to_worker"][2].clone();
    take_up["take_up"]["seq"] = 99.into();
    worker.order(&take_up, None);
    let again = worker.says();
    assert_eq!(again["here"]["seq"], 99);
    for member in ["account", "version", "control"] {
        assert_eq!(again["here"][member], here["here"][member]);
    }
    // The last front is gone.
    let Worker { front, mut child, .. } = worker;
    drop(front);
    assert!(child.wait().unwrap().success());
}

/// The front before may have ended between the word that nobody needs it and the order to end.
#[test]
fn a_worker_that_nobody_needs_says_so_to_each_front() {
    let mut start = vectors(2)["to_worker"][0].clone();
    start["start"]["config"]["linger"] = 0.into();
    let worker = Worker::start_with(start);
    assert!(worker.says()["here"].is_object());
    assert_eq!((worker.says(), worker.says()), (json!("ready"), json!("idle")));
    let mut take_up = vectors(2)["to_worker"][2].clone();
    take_up["take_up"]["config"]["linger"] = 0.into();
    worker.order(&take_up, None);
    assert!(worker.says()["here"].is_object());
    assert_eq!(worker.says(), "idle");
    worker.order(&json!("shutdown"), None);
    worker.ends();
}

/// Nobody reads, for as long as no front is there: the worker goes on.
#[test]
fn a_worker_waits_for_no_front_that_does_not_read() {
    let worker = Worker::start(2);
    for seq in 0..4000 {
        let packet = serde_json::to_vec(&json!({"status": {"seq": seq}})).unwrap();
        // The worker takes all of them, though nobody takes its answers.
        let parts = [IoSlice::new(&packet)];
        sendmsg::<()>(worker.front.as_raw_fd(), &parts, &[], MsgFlags::empty(), None).unwrap();
    }
    worker.order(&json!("shutdown"), None);
    worker.ends();
}
