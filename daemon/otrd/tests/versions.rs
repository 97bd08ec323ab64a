//! Workers of the release before, and workers that answer wrongly, under today's front. This very
//! program is started in the worker's place, and says what the vectors of its version hold. Without
//! the usual harness, which would take the worker's start for a run of all tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod stage;

use nix::sys::socket::{MsgFlags, recv, send};
use proto::worker::{MAX_PACKET, ToFront, ToWorker};
use serde_json::{Value, json};
use stage::{Otrd, code};
use std::os::fd::AsRawFd;

const TESTS: [(&str, fn()); 2] = [
    (
        "a_worker_of_the_version_before_is_served_and_taken_up",
        a_worker_of_the_version_before_is_served_and_taken_up,
    ),
    ("a_worker_that_answers_wrongly_is_ended", a_worker_that_answers_wrongly_is_ended),
];

/// What a worker of version 1 said.
const FIRST: &str = include_str!("../../../proto/vectors/control-1.json");

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let has = |word: &str| words.iter().any(|one| one == word);
    match words.first().map(String::as_str) {
        Some("otrd-worker") => worker(),
        // What nextest asks.
        _ if has("--list") && !has("--ignored") => {
            TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        }
        _ if has("--list") => {}
        _ => TESTS.iter().filter(|(name, _)| has(name)).for_each(|(_, test)| test()),
    }
}

fn a_worker_of_the_version_before_is_served_and_taken_up() {
    let mut otrd = start(&["alice"]);
    let account = || json!({"user": "alice", "network": "libera"});
    let command =
        |otrd: &Otrd| otrd.admin().ask("command", json!({"account": account(), "text": "info"}));
    assert_eq!(command(&otrd)["result"]["output"][0]["text"], "No one.");
    let pid = otrd.status()["accounts"][0]["pid"].clone();
    assert!(pid.is_number());
    otrd.is_replaced();
    assert_eq!(command(&otrd)["result"]["output"][0]["text"], "No one.");
    let status = otrd.status()["accounts"][0].clone();
    assert_eq!((&status["pid"], &status["taken_up"]), (&pid, &json!(true)), "{status}");
    // It does not say of which release it is, so it is replaced by the word of an admin at once.
    let renewed = otrd.admin().ask("renew", json!({"account": account()}));
    assert_eq!(renewed["result"], json!({}), "{renewed}");
    otrd.wait_for(|| !std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(otrd.stop().success());
}

fn a_worker_that_answers_wrongly_is_ended() {
    let users = ["nonsense", "other", "newer"];
    let mut otrd = start(&users);
    for user in users {
        let account = json!({"user": user, "network": "libera"});
        let said = otrd.admin().ask("command", json!({"account": account, "text": "info"}));
        assert_eq!(code(&said), 0, "{said}");
    }
    otrd.is_replaced();
    let why = |user: &str| {
        let accounts = otrd.status()["accounts"].clone();
        let found = accounts.as_array().unwrap().iter().find(|one| one["user"] == user).cloned();
        let found = found.unwrap_or_default();
        (found["not_taken_up"].as_str().unwrap_or_default().to_owned(), found["pid"].is_null())
    };
    for (user, words) in [
        ("nonsense", "something that no worker says"),
        ("other", "the keys of another account"),
        ("newer", "version 3 of the control protocol"),
    ] {
        otrd.wait_for(|| why(user).1);
        assert!(why(user).0.contains(words), "{user}: {}", why(user).0);
    }
}

/// With accounts of these users.
fn start(users: &[&str]) -> Otrd {
    let otrd = Otrd::start_with_program(&std::env::current_exe().unwrap());
    for user in users {
        let home = format!("{}/{user}/libera", stage::uid());
        std::fs::create_dir_all(otrd.path("state").join(home)).unwrap();
    }
    otrd
}

/// A worker whose user's name says how it answers.
fn worker() {
    let socket = std::io::stdin();
    let mut buffer = vec![0; MAX_PACKET];
    let mut next = || {
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap_or(0);
        (length > 0).then(|| ToWorker::decode(&buffer[..length]).unwrap())
    };
    let say = |packet: &Value| {
        let packet = serde_json::to_vec(packet).unwrap();
        send(socket.as_raw_fd(), &packet, MsgFlags::MSG_NOSIGNAL).unwrap();
    };
    let Some(ToWorker::Start { account, .. }) = next() else { panic!("no start") };
    let version_1 = account.user.as_str() == "alice";
    let here = |seq: u64, user: &str, control: u32| {
        let account = json!({"uid": account.uid, "user": user, "network": "libera"});
        let here = json!({"seq": seq, "control": control, "version": "0.0.1", "account": account, "keygen": false});
        json!({ "here": here })
    };
    if !version_1 {
        say(&here(0, account.user.as_str(), 2));
    }
    say(&vector("ready", 0));
    while let Some(packet) = next() {
        match (packet, account.user.as_str()) {
            (ToWorker::Status { seq }, _) => say(&vector("status", seq)),
            (ToWorker::Command { seq, .. }, _) => say(&vector("output", seq)),
            (ToWorker::TakeUp { .. }, "nonsense") => say(&json!({"fly": {}})),
            (ToWorker::TakeUp { seq, .. }, "other") => say(&here(seq, "alice", 2)),
            (ToWorker::TakeUp { seq, .. }, "newer") => say(&here(seq, "newer", 3)),
            (ToWorker::Shutdown, _) => return,
            // A worker of version 1 would not have understood it.
            (ToWorker::TakeUp { .. }, _) => panic!("it was taken up by a packet that it has not"),
            _ => {}
        }
    }
}

/// The first packet of a kind, as the release before wrote it, in answer to a question.
fn vector(kind: &str, seq: u64) -> Value {
    let vectors: Value = serde_json::from_str(FIRST).unwrap();
    let packets = vectors["to_front"].as_array().unwrap();
    let is_it = |packet: &&Value| *packet == kind || packet.get(kind).is_some();
    let mut packet = packets.iter().find(is_it).unwrap().clone();
    if let Some(found) = packet.get_mut(kind) {
        found["seq"] = seq.into();
    }
    assert!(serde_json::from_value::<ToFront>(packet.clone()).is_ok());
    packet
}
