//! Two Unix users of one otrd, and what somebody who has broken into ZNC can try.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use otrd_tests::{
    Otrctl, Otrd, OtrdBuilder, Rpc, World, eventually, holds, key_file, most_resident,
    private_number,
};
use serde_json::json;
use worker::commands::COMMANDS;

/// In the group of the sockets, and not.
const ALICE: u32 = 60_001;
const MALLORY: u32 = 60_003;
const GROUP: u32 = 60_001;

#[test]
fn another_unix_user_reaches_no_account_but_his_own() {
    if !World::has_other_users() {
        return eprintln!("skipped: only root can be two users");
    }
    let world = World::new();
    let otrd = Otrd::start(&world);
    let shim = |uid| otrd.connection_of(uid, GROUP, &otrd.shim_socket());
    let admin = |uid| otrd.connection_of(uid, GROUP, &otrd.admin_socket());

    // The same names: still another account.
    let mut hers = shim(ALICE);
    hello(&mut hers);
    hers.call("command", json!({"text": "genkey"}));
    eventually("she has a key", || fingerprint(&mut hers).is_some());
    let her_fingerprint = fingerprint(&mut hers);
    let mut his = shim(MALLORY);
    let params = json!({"version": 1, "user": "alice", "network": "net", "uid": ALICE});
    his.call("hello", params);
    assert_eq!(fingerprint(&mut his), None);
    assert_eq!(fingerprint(&mut hers), her_fingerprint, "her connection is still hers");
    assert!(otrd.account(MALLORY, "alice", "net").exists());

    // The admin socket: nothing of hers can be named.
    let mut asks = admin(MALLORY);
    for method in ["status", "accounts"] {
        let list = asks.call(method, json!({}))["accounts"].clone();
        let list = list.as_array().expect("a list");
        assert!(list.iter().all(|one| one["uid"] == MALLORY), "{method}: {list:?}");
        assert_eq!(list.len(), 1);
    }
    let hers_by_name = json!({"uid": ALICE, "user": "alice", "network": "net"});
    let own = json!({"user": "alice", "network": "net"});
    let command = json!({"account": hers_by_name, "text": "fingerprint"});
    assert_eq!(asks.error_code("command", command), -32005);
    for method in ["import", "export", "forget-account", "restore-account"] {
        for account in [&hers_by_name, &own] {
            let params = json!({"account": account, "directory": ".net.forgotten"});
            assert_eq!(asks.error_code(method, params), -32004, "{method} {account}");
        }
    }
    for word in ["export", "import", "forget-account"] {
        let said = Otrctl::new(&otrd).uid(MALLORY).args(["-a", "alice/net", word, "/tmp"]).run();
        assert_ne!(said.code, 0, "{word}: {said:?}");
    }
    // He watches, and sees nothing of hers: not how it stands, nor what changes first, but what
    // changes next.
    asks.line(&json!({"jsonrpc": "2.0", "id": 99, "method": "watch", "params": {}}));
    let snapshot = loop {
        let answer = asks.answer().expect("the watch begins");
        if answer["id"] == 99 {
            break answer["result"]["snapshot"].as_u64().expect("a number");
        }
    };
    assert!(snapshot > 0);
    for _ in 0..snapshot {
        let event = asks.answer().expect("an event");
        assert_eq!(event["params"]["account"]["uid"], MALLORY, "{event}");
        assert_eq!(event["params"]["was"], json!(null), "{event}");
    }
    hers.line(&json!({"jsonrpc": "2.0", "method": "bye", "params": {}}));
    hers.is_closed();
    his.line(&json!({"jsonrpc": "2.0", "method": "bye", "params": {}}));
    let event = asks.answer().expect("an event");
    assert_eq!(event["params"]["account"]["uid"], MALLORY, "{event}");
    assert_ne!(event["params"]["was"], json!(null), "{event}");

    // The files, and the sockets without their group.
    let key = otrd.account(ALICE, "alice", "net").join("otr.key");
    for path in [otrd.state(), otrd.account(ALICE, "alice", "net"), key] {
        assert!(!can_read(MALLORY, &path), "{}", path.display());
    }
    for socket in [otrd.shim_socket(), otrd.admin_socket()] {
        otrd.connection_of(MALLORY, MALLORY, &socket).is_closed();
    }
}

#[test]
fn whatever_the_module_says_no_key_comes_out_or_goes_in() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let own = nix::unistd::getuid().as_raw();
    let mut shim = otrd.shim();
    hello(&mut shim);
    shim.call("network", json!({"connected": true, "mask": "alice!a@h"}));
    shim.call("command", json!({"text": "genkey"}));
    eventually("there is a key", || fingerprint(&mut shim).is_some());
    let path = otrd.account(own, "alice", "net").join("otr.key");
    let key = fs::read(&path).expect("the key");
    let secret = private_number(&key);

    // What a thief would bring along: a bundle with a key of his, and room for ours.
    let mut bundle = Vec::new();
    let foreign = key_file("alice");
    proto::bundle::write(&[(proto::bundle::File::Key, foreign.as_slice())], &mut bundle);
    let passed = world.path().join("passed");
    fs::write(&passed, &bundle).expect("write");
    let empty = world.path().join("empty");
    let beside = |path: &Path| File::options().read(true).write(true).open(path).expect("a file");
    File::create(&empty).expect("a file");
    let account = json!({"uid": own, "user": "alice", "network": "net"});
    let everything = json!({
        "account": account, "version": 1, "user": "alice", "network": "net", "overwrite": true,
        "to": "bob", "from": "bob!b@h", "kind": "text", "text": "export", "nick": "bob",
        "old": "bob", "new": "rob", "connected": true, "remove": true, "files": "/etc/passwd",
    });
    let mut seen = 0;
    // A new key is what `genkey` is for: below, with the word for it.
    let methods = methods();
    for method in methods.iter().filter(|method| !matches!(method.as_str(), "bye" | "genkey")) {
        for params in [json!({}), json!({"account": account}), everything.clone()] {
            for file in [&empty, &passed] {
                let request =
                    json!({"jsonrpc": "2.0", "id": seen, "method": method, "params": params});
                shim.line_with(&request, &beside(file));
                let said = until(&mut shim, seen);
                assert!(!holds(said.as_bytes(), &secret), "{method}: {said}");
                seen += 1;
            }
        }
    }
    assert!(seen > 80, "only {seen} requests were tried");
    for command in COMMANDS {
        for words in ["", "bob", "*", "--all", "--force", "alice", "/etc/passwd", "otr.key"] {
            let text = format!("{} {words}", command.name);
            let said = shim.call("command", json!({"text": text})).to_string();
            assert!(!holds(said.as_bytes(), &secret), "{text}: {said}");
        }
    }
    assert_eq!(fs::read(&path).expect("the key"), key, "the key is the same");
    assert_eq!(fs::read(&empty).expect("a file"), b"", "nothing was written beside");
    assert_eq!(fs::read(&passed).expect("a file"), bundle);

    // A new key is what the user may ask for, and nobody can say which.
    let mut before = key.clone();
    let by_text = ("command", json!({"text": "genkey --overwrite"}));
    for (method, params) in [by_text, ("genkey", everything)] {
        let request = json!({"jsonrpc": "2.0", "id": seen, "method": method, "params": params});
        shim.line_with(&request, &File::open(&passed).expect("a file"));
        let said = until(&mut shim, seen);
        seen += 1;
        eventually("there is another key", || fs::read(&path).is_ok_and(|now| now != before));
        let new = fs::read(&path).expect("the key");
        assert_ne!(private_number(&new), private_number(&foreign));
        assert!(!holds(said.as_bytes(), &private_number(&new)), "{method}: {said}");
        before = new;
    }
    let names = fs::read_dir(path.parent().expect("a directory")).expect("a directory");
    let kept = names.flatten().any(|one| fs::read(one.path()).is_ok_and(|found| found == key));
    assert!(kept, "the old key is kept");
}

/// One Unix user fills the memory of many workers with messages that never end: the largest of their own
/// make room. Nobody else's worker does, not even a large one.
#[test]
fn who_floods_memory_loses_their_own_workers() {
    if !World::has_other_users() {
        return eprintln!("skipped: only root can be two users");
    }
    let world = World::new();
    let otrd = OtrdBuilder::new().config("[limits]\nmemory = 100\n").start(&world);
    let shim = |uid| otrd.connection_of(uid, GROUP, &otrd.shim_socket());
    let mut hers = shim(ALICE);
    hello_of(&mut hers, "net");
    fill(&mut hers);
    let worker_of = |user: u32, network: &str| {
        let status = otrd.admin().call("status", json!({}));
        let accounts = status["accounts"].as_array().cloned().expect("accounts");
        let one = accounts.into_iter().find(|one| one["uid"] == user && one["network"] == network);
        one.and_then(|one| one["pid"].as_u64())
    };
    let before = worker_of(ALICE, "net");
    assert!(before.is_some());

    let _his: Vec<Rpc> = (0..6)
        .map(|number| {
            let mut shim = shim(MALLORY);
            hello_of(&mut shim, &format!("net{number}"));
            fill(&mut shim);
            shim
        })
        .collect();
    otrd.reload("[limits]\nmemory = 12\n");
    // Each worker is asked how large it is.
    eventually("room is made", || {
        worker_of(ALICE, "net");
        otrd.log().contains("take too much memory")
    });
    let ended: Vec<String> = otrd
        .log()
        .lines()
        .filter(|line| line.contains("take too much memory"))
        .map(str::to_owned)
        .collect();
    assert!(ended.iter().all(|line| line.contains(&format!("uid={MALLORY}"))), "{ended:?}");
    eventually("what is left fits", || {
        let (told, workers) =
            (otrd.log(), (0..6).filter_map(|n| worker_of(MALLORY, &format!("net{n}"))));
        workers.count() < 6 && told == otrd.log()
    });
    assert_eq!(worker_of(ALICE, "net"), before, "hers is the same worker");
    assert!(hers.call("command", json!({"text": "version"})).to_string().contains("otrd"));
}

/// Many connections that never say whose they are make the front large: that is not the memory of the workers
/// that it starts.
#[test]
fn what_the_front_takes_is_not_counted_for_the_workers_of_others() {
    if !World::has_other_users() {
        return eprintln!("skipped: only root can be two users");
    }
    let world = World::new();
    let otrd = Otrd::start(&world);
    let shim = |uid| otrd.connection_of(uid, GROUP, &otrd.shim_socket());
    let before = most_resident(otrd.process().pid());
    let his = |_| {
        let mut his = shim(MALLORY);
        his.bytes(&[b' '; 60_000]);
        his
    };
    let _his: Vec<Rpc> = (0..100).map(his).collect();
    eventually("the front has read them", || {
        most_resident(otrd.process().pid()) > before + (4 << 10)
    });
    let mut hers = shim(ALICE);
    hello(&mut hers);
    let status = otrd.admin().call("status", json!({}));
    let memory = status["accounts"][0]["worker"]["memory"].as_u64();
    assert!(memory.is_some_and(|kib| kib < 4 << 10), "{status}");
}

/// Says the first part of 128 long messages, as many as a worker keeps: 7 MB.
#[track_caller]
fn fill(shim: &mut Rpc) {
    let words = "A".repeat(58_000);
    for number in 0..128 {
        let piece = format!("?OTR|{:08x}|00000000,00001,00002,{words},", 0x1000 + number);
        let from = format!("flood{}!u@host", number / 8);
        shim.call("in", json!({"from": from, "kind": "text", "text": piece}));
    }
}

#[track_caller]
fn hello_of(shim: &mut Rpc, network: &str) {
    let params = json!({"version": 1, "user": "alice", "network": network});
    assert_eq!(shim.call("hello", params)["version"], 1);
}

fn hello(shim: &mut Rpc) {
    hello_of(shim, "net");
}

/// What `fingerprint` says, where there is one.
#[track_caller]
fn fingerprint(shim: &mut Rpc) -> Option<String> {
    let said = shim.call("command", json!({"text": "fingerprint"})).to_string();
    (!said.contains("none yet")).then_some(said)
}

/// All that comes up to the answer to this request.
#[track_caller]
fn until(shim: &mut Rpc, id: u64) -> String {
    let mut said = String::new();
    loop {
        let answer = shim.answer().expect("an answer");
        said += &answer.to_string();
        if answer["id"] == id {
            return said;
        }
    }
}

/// Every method of either socket, from the page about them, and some that somebody may guess.
fn methods() -> BTreeSet<String> {
    let page = include_str!("../../../proto/PROTOCOL.md");
    let table = page.split("## Methods").nth(1).expect("the table of methods");
    let rows = table.lines().skip_while(|line| !line.starts_with('|'));
    let cells =
        rows.take_while(|line| line.starts_with('|')).filter_map(|row| row.split('|').nth(1));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let mut names: BTreeSet<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 12, "{names:?}");
    let guesses = ["key", "get-key", "set-key", "read", "write", "store", "save", "load", "shell"];
    names.extend(guesses.map(str::to_owned));
    names
}

fn can_read(uid: u32, path: &Path) -> bool {
    let mut command = Command::new("setpriv");
    command.args(["--clear-groups", &format!("--reuid={uid}"), &format!("--regid={GROUP}")]);
    command.args(["ls", "-l"]).arg(path).arg(path.join("."));
    let listed = command.output().expect("setpriv").status.success();
    let mut command = Command::new("setpriv");
    command.args(["--clear-groups", &format!("--reuid={uid}"), &format!("--regid={GROUP}")]);
    let read = command.arg("cat").arg(path).output().expect("setpriv").status.success();
    listed || read
}
