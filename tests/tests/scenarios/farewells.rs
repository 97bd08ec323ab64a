//! otrd ends a connection and says why: what is typed meanwhile waits, and no two modules take an
//! account from each other without end.

use std::time::Duration;

use otrd_tests::{Alone, Client, Wire, Znc, ZncBuilder, ZncNetwork, ZncUser, eventually};

/// Longer than a module that comes back by itself takes for it.
const A_WHILE: Duration = Duration::from_secs(4);

#[test]
fn what_is_typed_while_otrd_restarts_waits_for_it() {
    let (mut scene, bob) = Alone::private();
    let carol = scene.ircd.client("carol");
    scene.otrd.stop();
    scene.alice.types_to("carol", "in clear meanwhile");
    scene.alice.types_to("bob", "privately meanwhile");
    carol.types_to("alice", "answered meanwhile");
    scene.alice.otr("version");
    scene.alice.settled();
    scene.otrd.starts_again();
    carol.reads("alice", "in clear meanwhile");
    scene.alice.reads("carol", "answered meanwhile");
    scene.alice.otr_says("otrd ");
    bob.reads("alice", "privately meanwhile");
    scene.alice.never_saw("Not sent");
    scene.alice.never_saw("not checked");
    scene.alice.never_saw("not running");
    scene.wire.never_carried("privately meanwhile");
    assert_eq!(scene.wire.count(otrd_tests::Way::Out, "in clear meanwhile"), 1);
}

#[test]
fn twice_in_a_row_as_well() {
    let mut scene = Alone::new();
    let carol = scene.ircd.client("carol");
    for words in ["the first time", "the second time"] {
        scene.otrd.stop();
        scene.alice.types_to("carol", words);
        scene.alice.settled();
        scene.otrd.starts_again();
        carol.reads("alice", words);
    }
    scene.alice.never_saw("Not sent");
}

#[test]
fn what_waits_for_an_otrd_that_does_not_come_back_comes_back_itself() {
    let (mut scene, bob) = Alone::private();
    scene.otrd.stop();
    scene.alice.types_to("bob", "into the void");
    scene.alice.types_to("bob", "and once more");
    bob.types_to("alice", "unheard of");
    scene.alice.otr_says("otrd is not running or not answering");
    scene.alice.otr_says("Not sent (otrd is not running");
    scene.alice.otr_says("and once more");
    for text in ["into the void", "and once more"] {
        assert_eq!(scene.alice.returned(text), 1, "{text}");
    }
    // From now on at once.
    scene.alice.types_to("bob", "no longer waiting");
    scene.alice.settled();
    assert_eq!(scene.alice.returned("no longer waiting"), 1);
    scene.otrd.starts_again();
    scene.alice.otr_says("otrd is back.");
    scene.alice.becomes("bob", "encrypted");
    scene.alice.types_to("bob", "there again");
    bob.reads("alice", "there again");
    for text in ["into the void", "and once more", "no longer waiting"] {
        bob.never_saw(text);
        scene.wire.never_carried(text);
    }
}

/// alice has the same account in a second ZNC, whose data are a copy: with another identity it would be
/// another account.
fn another_znc(scene: &Alone) -> (Znc, Client, Wire) {
    let wire = Wire::new(&scene.world, scene.ircd.port());
    let network = ZncNetwork::new("net", wire.port()).otr(&scene.otrd);
    let registry = "users/alice/networks/net/moddata/otr/.registry";
    let znc = ZncBuilder::new()
        .user(ZncUser::new("alice").network(network))
        .file(&scene.znc.dir().join(registry), registry)
        .start(&scene.world);
    let client = znc.attach("alice", "net");
    client.has_otr();
    (znc, client, wire)
}

/// How many connections of modules otrd has handed to a worker.
fn handed_over(scene: &Alone) -> usize {
    scene.otrd.log().matches("module handed over").count()
}

#[test]
fn who_was_taken_over_comes_back_when_its_user_says_so() {
    let (scene, bob) = Alone::private();
    let before = handed_over(&scene);
    let (_znc, other, wire) = another_znc(&scene);
    scene.alice.otr_says("has taken this account over");
    assert_eq!(handed_over(&scene), before + 1);
    let again = |line: &otrd_tests::Line| line.plain_text().contains("taken this account over");
    assert!(other.within(A_WHILE, again).is_none(), "it came back by itself");
    assert_eq!(handed_over(&scene), before + 1);

    // Nothing leaves from there, and it says why.
    scene.alice.types_to("bob", "from the wrong place");
    scene.alice.otr_says("Not sent (Another ZNC");
    assert_eq!(scene.alice.returned("from the wrong place"), 1);
    // Said once.
    let said = scene.alice.texts_from("*otr");
    assert_eq!(said.iter().filter(|line| line.contains("Until then,")).count(), 1);

    scene.alice.otr("version");
    scene.alice.otr_says("otrd ");
    other.otr_says("has taken this account over");
    assert_eq!(handed_over(&scene), before + 2);
    scene.alice.becomes("bob", "encrypted");
    scene.alice.types_to("bob", "from the right place");
    bob.reads("alice", "from the right place");
    for wire in [&scene.wire, &wire] {
        wire.never_carried("from the right place");
        wire.never_carried("from the wrong place");
    }
}

#[test]
fn one_that_is_loaded_anew_takes_the_account_back() {
    let scene = Alone::new();
    let (_znc, other, _wire) = another_znc(&scene);
    scene.alice.otr_says("has taken this account over");
    scene.alice.types_to("*status", "reloadmod otr");
    other.otr_says("has taken this account over");
    scene.alice.has_otr();
}

/// Modules of others may not be so patient.
#[test]
fn hellos_without_end_are_refused_and_logged_once() {
    let scene = Alone::new();
    let hello = |connection: &mut otrd_tests::Rpc| {
        let params = serde_json::json!({"version": 1, "user": "alice", "network": "flood"});
        connection.ask("hello", params)["error"]["code"].as_i64()
    };
    let answers: Vec<_> = (0..300).map(|_| hello(&mut scene.otrd.shim())).collect();
    let refused = answers.iter().filter(|code| **code == Some(-32006)).count();
    assert!(answers.iter().all(|code| matches!(code, None | Some(-32006))), "{answers:?}");
    assert!(answers[..30].iter().all(Option::is_none), "{answers:?}");
    assert!(refused > 200, "only {refused} of 300 are refused");
    assert_eq!(scene.otrd.log().matches("too many hellos").count(), 1);
    // Neither do lines that are no hello fill the log.
    for _ in 0..100 {
        assert!(!scene.otrd.shim().ask("nonsense", serde_json::json!({}))["error"].is_null());
    }
    assert!(scene.otrd.log().matches("a hello is refused").count() < 30);
    // Other accounts, and in a moment this one, are served.
    let mut other = scene.otrd.shim();
    let params = serde_json::json!({"version": 1, "user": "alice", "network": "calm"});
    assert!(other.ask("hello", params)["error"].is_null());
    eventually("it is served again", || hello(&mut scene.otrd.shim()).is_none());
}
