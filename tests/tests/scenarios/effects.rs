//! What the module does with what otrd says, and without a word of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use otrd_tests::{
    Client, FakeOtrd, Ircd, Way, Wire, World, Znc, ZncBuilder, ZncNetwork, ZncUser, most_resident,
};
use serde_json::{Value, json};

/// alice behind ZNC, whose module looks for otrd at a certain socket. Its parts end in this order.
struct Stage {
    alice: Client,
    znc: Znc,
    wire: Wire,
    _ircd: Ircd,
}

impl Stage {
    #[track_caller]
    fn new(world: &World, socket: &Path) -> Self {
        let ircd = Ircd::ngircd(world);
        let wire = Wire::new(world, ircd.port());
        let network = ZncNetwork::new("net", wire.port()).otr_at(socket);
        let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network)).start(world);
        let alice = znc.attach("alice", "net");
        Self { alice, znc, wire, _ircd: ircd }
    }
}

#[test]
fn a_list_of_effects_that_fails_still_closes_and_gives_back() {
    let world = World::new();
    let otrd = FakeOtrd::start(&world);
    let Stage { alice, wire, .. } = &Stage::new(&world, otrd.shim_socket());
    let typed_to = |nick: &str, text: &str, answer: Value| {
        otrd.answers_typed_lines(answer);
        alice.types_to(nick, text);
        otrd.last_typed()
    };

    typed_to("bob", "in clear", json!([{"do": "pass"}]));
    wire.carries(Way::Out, "in clear");
    let newer = json!({"do": "sing", "peer": "bob"});
    let protect = |peer: &str, on: bool| json!({"do": "protect", "peer": peer, "on": on});
    otrd.tells(json!([protect("bob", true), protect("carol", true), newer]));
    alice.otr_says("otrd says what this module does not understand");
    // An effect that is not whole, and one that opens, count for nothing.
    otrd.tells(json!([protect("bob", false), {"do": "protect", "on": true}, newer]));
    alice.otr_says("otrd says what this module does not understand");
    for nick in ["bob", "carol"] {
        typed_to(nick, "closed words", json!([{"do": "pass"}]));
        alice.otr_says(&format!("[{nick}] Not sent"));
    }

    // In an answer, too, whose own text comes back.
    typed_to("erin", "of the answer", json!([protect("erin", true), {"do": "pass"}, newer]));
    alice.otr_says("of the answer");
    typed_to("erin", "closed words", json!([{"do": "pass"}]));
    alice.otr_says("[erin] Not sent");

    let kept = typed_to("frank", "kept words", json!([{"do": "hold"}]));
    let other = typed_to("frank", "other words", json!([{"do": "hold"}]));
    let echo =
        json!({"do": "echo", "to": "frank", "kind": "text", "text": "kept words", "of": kept});
    otrd.tells(json!([echo, newer]));
    alice.otr_says("kept words");
    assert_eq!(alice.returned("other words"), 0);
    let refuse =
        json!({"do": "refuse", "to": "frank", "why": "late", "text": "other words", "of": other});
    otrd.tells(json!([refuse]));
    alice.otr_says("[frank] Not sent (late): other words");
    assert_eq!(alice.returned("kept words"), 1);
    for text in ["closed words", "of the answer", "kept words", "other words"] {
        wire.never_carried(text);
    }
}

/// Whoever it is for: nobody is private, nobody was ever closed.
#[test]
fn nothing_typed_goes_out_before_the_reply_to_hello() {
    let world = World::new();
    let path = world.directory("silent", None).join("shim.sock");
    let _silent = UnixListener::bind(&path).expect("a socket");
    // ZNC runs as another user where we are root.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("chmod");
    let Stage { alice, wire, .. } = &Stage::new(&world, &path);
    alice.types_to("bob", "before the reply");
    alice.otr_says(": before the reply");
    wire.never_carried("before the reply");
}

#[test]
fn what_otrd_says_with_line_ends_stays_one_line() {
    let world = World::new();
    let otrd = FakeOtrd::start(&world);
    let Stage { alice, znc, wire, .. } = &Stage::new(&world, otrd.shim_socket());
    let other = znc.attach("alice", "net");
    let two = "one\r\nNOTICE bob :two";
    let with_nul = json!({"b64": "b25lAHR3bw0K"});
    otrd.tells(json!([
        {"do": "send", "to": "bob", "kind": "text", "text": two},
        {"do": "send", "to": "bob", "kind": "text", "text": with_nul},
        {"do": "deliver", "from": "bob!b@host", "kind": "text", "text": two},
    ]));
    wire.carries(Way::Out, "PRIVMSG bob :oneNOTICE bob :two");
    wire.carries(Way::Out, "PRIVMSG bob :onetwo");
    for client in [alice, &other] {
        client.expect("what bob said, in one line", |line| {
            line.is("PRIVMSG", "bob") && line.plain_text() == "oneNOTICE bob :two"
        });
    }
    assert_eq!(wire.count(Way::Out, "NOTICE bob :two"), 1);
}

/// The end of the connection to IRC is between the two.
#[test]
fn what_was_sent_for_a_connection_that_has_ended_comes_back() {
    let world = World::new();
    let otrd = FakeOtrd::start(&world);
    let Stage { alice, .. } = &Stage::new(&world, otrd.shim_socket());
    alice.types_to("*status", "disconnect");
    alice.expect("disconnected", |line| line.text().contains("Disconnected from IRC"));
    let echo = json!({"do": "echo", "to": "frank", "kind": "text", "text": "late words"});
    otrd.tells(json!([echo]));
    alice.otr_says("late words");
    assert_eq!(alice.returned("late words"), 1);
}

/// A line of otrd's has 64 KiB, and could stand for gigabytes in ZNC.
#[test]
fn what_would_take_too_much_memory_is_not_understood() {
    let world = World::new();
    let otrd = FakeOtrd::start(&world);
    let Stage { alice, znc, .. } = &Stage::new(&world, otrd.shim_socket());
    let table = |columns: usize, rows: Value| {
        let columns: Vec<String> = (0..columns).map(|at| format!("c{at}")).collect();
        json!({"do": "table", "columns": columns, "rows": rows})
    };
    let state = |question: usize| {
        json!({"do": "state", "peer": "bob", "state": "private", "trust": "none", "policy": "manual",
               "smp": "asked", "waiting": 0, "question": "x".repeat(question)})
    };
    // As much as there may be is.
    otrd.tells(json!([table(64, json!([["first"]])), state(4096)]));
    alice.otr_says("c63");
    alice.otr_says("first");
    let before = most_resident(znc.process().pid());
    let wide = || json!("w".repeat(20_000));
    let rows = |row: Value, count: usize| Value::Array(vec![row; count]);
    let mut many = rows(json!([]), 9_000);
    many.as_array_mut().expect("rows").push(json!([wide()]));
    let mut wide_head = table(1, rows(json!([]), 9_000));
    wide_head["columns"] = json!([wide()]);
    for effect in [
        table(65, json!([])),
        table(1, json!([vec!["x"; 65]])),
        table(1, many),
        table(64, rows(json!([]), 15_000)),
        wide_head,
        state(4097),
    ] {
        alice.forgets();
        otrd.tells(json!([effect]));
        alice.otr_says("otrd says what this module does not understand");
    }
    let after = most_resident(znc.process().pid());
    assert!(after < before + (32 << 10), "from {before} to {after} KiB");
}
