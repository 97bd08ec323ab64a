//! The daemon's sockets under attack. Whatever comes in, one connection at most is disturbed.

use std::time::{Duration, Instant};

use otrd_tests::{Otrd, OtrdBuilder, Rpc, Scene, World, eventually};
use serde_json::{Value, json};

#[test]
fn nothing_comes_before_hello() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    for first in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "command", "params": {"text": "info"}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "status", "params": {}}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "fly", "params": {}}),
    ] {
        let mut shim = otrd.shim();
        shim.line(&first);
        let answer = shim.answer().expect("an error before the end");
        assert_eq!(answer["error"]["code"], -32001, "{first}: {answer}");
        shim.is_closed();
    }
    for first in [&b"hello\n"[..], b"{\n", b"[]\n", b"\n", b"\xff\xff\n", b"null\n"] {
        let mut shim = otrd.shim();
        shim.bytes(first);
        let answer = shim.answer().expect("an error before the end");
        assert!(answer["error"]["code"].is_i64(), "{}: {answer}", first.escape_ascii());
        shim.is_closed();
    }
    assert!(otrd.workers().is_empty());
}

#[test]
fn accounts_have_names_that_stay_in_their_directory() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    for name in
        ["", "..", ".", ".hidden", "a/b", "../../etc", "a\\b", "a..b", "a b", "a\u{7}", "a\0b"]
    {
        for (user, network) in [(name, "net"), ("alice", name)] {
            let mut shim = otrd.shim();
            let params = json!({"version": 1, "user": user, "network": network});
            assert_eq!(shim.error_code("hello", params), -32602, "{user:?} {network:?}");
            shim.is_closed();
        }
    }
    let mut shim = otrd.shim();
    let too_long = "a".repeat(65);
    let params = json!({"version": 1, "user": too_long, "network": "net"});
    assert_eq!(shim.error_code("hello", params), -32602);
    assert!(otrd.workers().is_empty());
    assert!(!world.path().join("etc").exists());
}

#[test]
fn a_later_version_is_not_spoken() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let mut shim = otrd.shim();
    let params = json!({"version": 999, "user": "alice", "network": "net"});
    assert_eq!(shim.error_code("hello", params), -32003);
    shim.is_closed();
}

#[test]
fn bad_lines_after_hello_are_answered_and_forgotten() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let mut shim = hello(&otrd, "alice");
    let mut other = hello(&otrd, "other");

    shim.bytes(b"not json\n");
    assert_eq!(code(&shim.answer()), -32700);
    shim.bytes(b"\"text\"\n");
    assert_eq!(code(&shim.answer()), -32600);
    shim.bytes(b"[]\n");
    assert_eq!(code(&shim.answer()), -32600);
    assert_eq!(shim.error_code("fly", json!({})), -32601);
    let again = json!({"version": 1, "user": "mallory", "network": "net"});
    assert_eq!(shim.error_code("hello", again), -32002);
    for nick in ["bob\r\nQUIT", "bob\n", "bob\0", "bob\t", "bob carol", "bob!b@h", "", ":bob"] {
        let params = json!({"to": nick, "kind": "text", "text": "hi"});
        assert_eq!(shim.error_code("out", params), -32602, "{nick:?}");
    }
    assert_eq!(shim.error_code("out", json!({"to": 7, "kind": "text", "text": "hi"})), -32602);
    assert_eq!(shim.error_code("out", json!({"to": "bob", "kind": "shout", "text": "hi"})), -32602);
    assert_eq!(shim.error_code("out", json!({"to": "bob", "kind": "text"})), -32602);
    assert_eq!(shim.error_code("out", json!(["bob"])), -32602);

    // It goes on, and so does the other.
    assert!(shim.call("command", json!({"text": "help"}))["effects"].is_array());
    assert!(other.call("command", json!({"text": "help"}))["effects"].is_array());
    assert_eq!(otrd.workers().len(), 2);
}

#[test]
fn a_line_has_its_limit() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let mut other = hello(&otrd, "other");

    let mut early = otrd.shim();
    early.bytes(&vec![b'x'; 70_000]);
    early.is_closed();

    let mut late = hello(&otrd, "alice");
    late.bytes(&vec![b'x'; 70_000]);
    assert_eq!(code(&late.answer()), -32007);
    late.is_closed();

    // As long as may be.
    let mut fits = hello(&otrd, "alice");
    let start = r#"{"jsonrpc":"2.0","id":99,"method":"fly","params":{},"pad":""#;
    let pad = "x".repeat(65_536 - start.len() - "\"}\n".len());
    fits.bytes(format!("{start}{pad}\"}}\n").as_bytes());
    assert_eq!(code(&fits.answer()), -32601);
    assert!(other.call("command", json!({"text": "help"}))["effects"].is_array());
}

#[test]
fn the_silent_are_dropped() {
    let scene = Scene::new();
    let start = Instant::now();
    let silent: Vec<Rpc> = (0..200).map(|_| scene.otrd.shim()).collect();
    let carol = scene.ircd.client("carol");
    carol.types_to("alice", "meanwhile");
    scene.alice.expect("carol's words", |line| line.text().contains("meanwhile"));
    for mut connection in silent {
        connection.is_closed();
    }
    assert!(start.elapsed() < Duration::from_secs(15));
    scene.goes_private();
}

#[test]
fn an_account_is_taken_over_by_the_newer_connection() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let mut first = hello(&otrd, "alice");
    let mut second = hello(&otrd, "alice");
    assert_eq!(first.answer().expect("bye")["method"], "bye");
    first.is_closed();
    assert!(second.call("command", json!({"text": "help"}))["effects"].is_array());
    assert_eq!(otrd.workers().len(), 1);
}

#[test]
fn no_words_on_the_modules_socket_read_a_key() {
    let world = World::new();
    let otrd = Otrd::start(&world);
    let mut shim = hello(&otrd, "alice");
    for method in [
        "status",
        "accounts",
        "watch",
        "import",
        "export",
        "forget-account",
        "encryption",
        "encrypt-account",
    ] {
        assert_eq!(shim.error_code(method, json!({})), -32601, "{method}");
    }
    for text in ["export", "import", "accounts"] {
        let answer = shim.call("command", json!({"text": text})).to_string();
        assert!(!answer.contains("privkeys") && !answer.contains("dsa"), "{text}: {answer}");
    }
}

#[track_caller]
fn hello(otrd: &Otrd, user: &str) -> Rpc {
    let mut shim = otrd.shim();
    let params = json!({"version": 1, "user": user, "network": "net"});
    assert_eq!(shim.call("hello", params)["version"], 1);
    shim
}

fn code(answer: &Option<Value>) -> i64 {
    let answer = answer.as_ref().expect("an answer");
    answer["error"]["code"].as_i64().expect("an error")
}

#[test]
fn descriptors_beside_blanks_are_closed() {
    use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
    use std::io::IoSlice;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    let world = World::new();
    let otrd = OtrdBuilder::new().descriptors(256).start(&world);
    let count = || {
        let open = format!("/proc/{}/fd", otrd.process().pid());
        std::fs::read_dir(open).expect("its descriptors").count()
    };
    let file = std::fs::File::open("/dev/null").expect("a file");
    assert!(otrd.admin().call("status", json!({}))["accounts"].is_array());
    // One or two more are nobody's loss; each round has hundreds.
    let before = count() + 2;
    let admin = UnixStream::connect(otrd.admin_socket()).expect("a connection");
    let shim = UnixStream::connect(otrd.shim_socket()).expect("a connection");
    for round in 0..400 {
        // One, two, as many as fit, and more than otrd can open any more.
        let beside = vec![file.as_raw_fd(); [1, 2, 3, 200, 253][round % 5]];
        for stream in [&admin, &shim] {
            let rights = [ControlMessage::ScmRights(&beside)];
            let blank = [IoSlice::new(b" ")];
            let sent = sendmsg::<()>(stream.as_raw_fd(), &blank, &rights, MsgFlags::empty(), None);
            // Whoever says no hello in time is closed.
            assert!(sent.is_ok() || std::ptr::eq(stream, &shim), "round {round}: {sent:?}");
        }
    }
    assert!(otrd.admin().call("status", json!({}))["accounts"].is_array());
    drop((admin, shim));
    eventually("its descriptors are closed", || count() <= before);
    assert!(otrd.process().pid() > 0 && otrd.admin().call("accounts", json!({})).is_object());
}
