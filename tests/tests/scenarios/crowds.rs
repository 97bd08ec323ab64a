//! Many at once, and some who misbehave.

use std::time::{Duration, Instant};

use otrd_tests::{Otrd, OtrdBuilder, Pair, Rpc, World, eventually};
use serde_json::json;

/// One Unix user with many networks, all of which come at once: after a restart of ZNC.
#[test]
fn five_hundred_accounts_come_at_once() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    for round in 0..2 {
        let start = Instant::now();
        let mut all: Vec<Rpc> = (0..500).map(|_| otrd.shim()).collect();
        for (number, shim) in all.iter_mut().enumerate() {
            shim.line(&hello(&format!("net{number}")));
        }
        for (number, shim) in all.iter_mut().enumerate() {
            // Who is told that there is too much to do tries again, as the module does.
            eventually("each is served", || {
                let answer = shim.answer();
                let served = answer.as_ref().is_some_and(|it| it["result"]["version"] == 1);
                if !served {
                    assert_eq!(answer.expect("an answer")["error"]["code"], -32006);
                    *shim = otrd.shim();
                    shim.line(&hello(&format!("net{number}")));
                }
                served
            });
        }
        for shim in &mut all {
            shim.call("network", json!({"connected": true}));
        }
        let took = start.elapsed();
        assert!(took < Duration::from_secs(120), "round {round} took {took:?}");
        eprintln!("round {round}: {took:?}");
        assert_eq!(otrd.workers().len(), 500);
    }
}

/// The front has fewer descriptors than it would need.
#[test]
fn out_of_descriptors_whoever_is_there_is_served() {
    let world = World::new();
    let otrd = OtrdBuilder::new().descriptors(128).config("[worker]\nlinger = \"1s\"\n");
    let otrd = otrd.start(&world);
    let mut served = Vec::new();
    let mut refused = 0;
    for number in 0..500 {
        let mut shim = otrd.shim();
        shim.line(&hello(&format!("net{number}")));
        match shim.answer() {
            Some(answer) if answer["result"]["version"] == 1 => served.push(shim),
            answer => {
                assert!(answer.is_none_or(|it| it["error"]["code"].is_i64()));
                refused += 1;
            }
        }
        if refused > 5 {
            break;
        }
    }
    assert!(refused > 5, "128 descriptors are not enough for 500 accounts");
    assert!(served.len() > 20, "only {} were served", served.len());
    // Who is there goes on, and an admin gets in.
    for shim in &mut served {
        assert!(shim.call("command", json!({"text": "help"}))["effects"].is_array());
    }
    let status = otrd.admin().call("status", json!({}));
    assert!(status["accounts"].as_array().is_some_and(|accounts| !accounts.is_empty()));
    // And when some have left, others come in.
    drop(served.drain(..10));
    eventually("there is room for another one", || {
        let mut shim = otrd.shim();
        shim.line(&hello("latecomer"));
        shim.answer().is_some_and(|answer| answer["result"]["version"] == 1)
    });
}

/// Each of them costs its own account something, and nobody else anything.
#[test]
fn who_misbehaves_holds_up_nobody() {
    let pair = Pair::private();
    let otrd = &pair.otrd;
    // Admins who watch and never read, or stop in the middle of a word.
    let mut admins: Vec<Rpc> = (0..20).map(|_| otrd.admin()).collect();
    for (number, admin) in admins.iter_mut().enumerate() {
        match number % 2 {
            0 => admin.line(&json!({"jsonrpc": "2.0", "id": 1, "method": "watch", "params": {}})),
            _ => admin.bytes(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"meth"),
        }
    }
    // A module that asks and never reads.
    let mut deaf = otrd.shim();
    deaf.line(&hello("deaf"));
    let help = json!({"jsonrpc": "2.0", "id": 2, "method": "command", "params": {"text": "help"}});
    let many = format!("{help}\n").repeat(100);
    deaf.gives_up_writing_after(Duration::from_millis(200));
    let mut written = 0;
    while deaf.writes(many.as_bytes()) {
        written += 1;
        assert!(written < 10_000, "it is read from without end");
    }
    // A flood of hellos: the account goes from hand to hand, and the last one has it.
    let mut flood: Vec<Rpc> = (0..200).map(|_| otrd.shim()).collect();
    for shim in &mut flood {
        shim.line(&hello("flood"));
    }
    // And lines without an end.
    let mut endless = otrd.shim();
    endless.bytes(&vec![b'x'; 70_000]);
    endless.is_closed();

    pair.alice.types_to("dave", "undisturbed");
    pair.dave.reads("alice", "undisturbed");
    pair.dave.types_to("alice", "so am I");
    pair.alice.reads("dave", "so am I");
    let status = otrd.admin().call("status", json!({}));
    let memory = |user: &str| {
        let accounts = status["accounts"].as_array().cloned().unwrap_or_default();
        let one = accounts.into_iter().find(|one| one["network"] == user || one["user"] == user);
        one.and_then(|one| one["worker"]["memory"].as_u64())
    };
    assert!(memory("deaf").is_some_and(|kib| kib < 64 * 1024), "{status}");
    // Whoever had the account, and lost it, was told.
    let mut heir = otrd.shim();
    heir.line(&hello("flood"));
    eventually("the last one has it", || {
        let answer = heir.answer();
        let served = answer.as_ref().is_some_and(|it| it["result"]["version"] == 1);
        if !served {
            assert_eq!(answer.expect("an answer")["error"]["code"], -32006);
            heir = otrd.shim();
            heir.line(&hello("flood"));
        }
        served
    });
    for shim in &mut flood {
        let last = std::iter::from_fn(|| shim.answer()).last().expect("a word before the end");
        assert!(last["method"] == "bye" || last["error"]["code"] == -32006, "{last}");
    }
    assert!(heir.call("command", json!({"text": "help"}))["effects"].is_array());
    // Whoever never read is taken over like everybody.
    let mut heir = otrd.shim();
    heir.line(&hello("deaf"));
    assert_eq!(heir.answer().expect("an answer")["result"]["version"], 1);
    pair.wire.never_carried("undisturbed");
}

fn hello(network: &str) -> serde_json::Value {
    let params = json!({"version": 1, "user": "alice", "network": network});
    json!({"jsonrpc": "2.0", "id": 0, "method": "hello", "params": params})
}
