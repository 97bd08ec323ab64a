//! Several clients, networks, users and instances.

use otrd_tests::{
    Alone, FakeOtrd, Ircd, NodePeer, Otrd, Way, Wire, World, ZncBuilder, ZncNetwork, ZncUser,
    eventually,
};
use serde_json::json;

#[test]
fn clients_of_different_abilities() {
    let (scene, bob) = Alone::private();
    let plain = scene.znc.attach("alice", "net");
    let timed = scene.znc.attach_with("alice", "net", &["server-time", "znc.in/self-message"]);
    let echoed = scene.znc.attach_with("alice", "net", &["echo-message"]);

    bob.types_to("alice", "for all");
    for client in [&scene.alice, &plain, &echoed] {
        let line = client.reads("bob", "for all");
        assert_eq!(line.tags, "");
    }
    let line = timed.reads("bob", "for all");
    assert!(line.tags.contains("time=20"), "{line}");

    plain.types_to("bob", "from the plain one");
    bob.reads("alice", "from the plain one");
    timed.sees_own("bob", "from the plain one");
    echoed.sees_own("bob", "from the plain one");
    echoed.types_to("bob", "from the echoed one");
    bob.reads("alice", "from the echoed one");
    echoed.sees_own("bob", "from the echoed one");
    timed.sees_own("bob", "from the echoed one");
    // Without self-message a client cannot show own words that it did not type.
    for client in [&scene.alice, &plain] {
        client.settled();
        client.never_saw(":from the");
        client.never_saw("?OTR:");
        client.never_saw("?OTR|");
    }
    // What *otr says goes to all.
    plain.otr("info");
    plain.otr_says("Your fingerprint: ");
}

#[test]
fn each_network_has_an_otr_of_its_own() {
    let world = World::new();
    let (near, far) = (Ircd::ngircd(&world), Ircd::ngircd(&world));
    let otrd = Otrd::start(&world);
    let wire = Wire::new(&world, near.port());
    let user = ZncUser::new("alice")
        .network(ZncNetwork::new("near", wire.port()).otr(&otrd))
        .network(ZncNetwork::new("far", far.port()).otr(&otrd));
    let znc = ZncBuilder::new().user(user).start(&world);
    let (alice, elsewhere) = (znc.attach("alice", "near"), znc.attach("alice", "far"));
    eventually("two workers", || otrd.workers().len() == 2);
    let bob = NodePeer::start(&world, "bob", near.port(), "23");
    let other_bob = NodePeer::start(&world, "bob", far.port(), "23");
    elsewhere.settled();
    elsewhere.forgets();

    alice.types_to("bob", "?OTR?");
    let own = bob.is_private("alice", "v3");
    alice.becomes("bob", "encrypted");
    alice.otr("ignore carol");
    alice.otr_says_exactly("Added carol to OTR ignore list.");
    elsewhere.settled();
    assert!(!elsewhere.lines().iter().any(|line| line.text().contains("bob")));

    // The other network's bob is another person, and the key is another one.
    elsewhere.types_to("bob", "in clear there");
    other_bob.reads_clear("alice", "in clear there");
    elsewhere.otr("ignore");
    elsewhere.otr_says("OTR is not disabled for any nick.");
    elsewhere.types_to("bob", "?OTR?");
    let other_own = other_bob.is_private("alice", "v3");
    assert_ne!(own, other_own);
    elsewhere.becomes("bob", "encrypted");
    let info = elsewhere.info();
    assert!(info.iter().any(|line| line.contains(other_bob.fingerprint())), "{info:?}");
    assert!(!info.iter().any(|line| line.contains(bob.fingerprint())), "{info:?}");
    assert!(!alice.lines().iter().any(|line| line.text().contains(other_bob.fingerprint())));
    alice.types_to("bob", "here");
    bob.reads("alice", "here");
    elsewhere.types_to("bob", "there");
    other_bob.reads("alice", "there");
}

#[test]
fn several_users_at_once() {
    const USERS: usize = 4;
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let otrd = Otrd::start(&world);
    let wire = Wire::new(&world, ircd.port());
    let name = |number: usize| format!("user{number}");
    let mut znc = ZncBuilder::new();
    for number in 0..USERS {
        let network = ZncNetwork::new("net", wire.port()).otr(&otrd);
        znc = znc.user(ZncUser::new(&name(number)).network(network));
    }
    let znc = znc.start(&world);
    let clients: Vec<_> = (0..USERS).map(|number| znc.attach(&name(number), "net")).collect();
    eventually("a worker each", || otrd.workers().len() == USERS);
    // Everybody with everybody, at once.
    for (number, client) in clients.iter().enumerate() {
        (number + 1..USERS).for_each(|other| client.types_to(&name(other), "?OTR?"));
    }
    for (number, client) in clients.iter().enumerate() {
        for other in (0..USERS).filter(|other| *other != number) {
            client.becomes(&name(other), "encrypted");
        }
    }
    for (number, client) in clients.iter().enumerate() {
        for other in (0..USERS).filter(|other| *other != number) {
            client.types_to(&name(other), &format!("hidden from {number} to {other}"));
        }
    }
    for (number, client) in clients.iter().enumerate() {
        for other in (0..USERS).filter(|other| *other != number) {
            client.reads(&name(other), &format!("hidden from {other} to {number}"));
        }
    }
    wire.never_carried("hidden");
    let mut keys: Vec<String> = clients.iter().filter_map(|client| client.info().pop()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), USERS);
}

#[test]
fn of_a_peers_clients_the_newest_is_used() {
    let (scene, first) = Alone::private();
    scene.alice.joins("#room");
    first.quits("to another computer");
    let second = NodePeer::start_with_key_of(&first, &scene.world, "bob", scene.ircd.port());
    second.starts_otr_with("alice");
    scene.alice.otr_says("[bob] The conversation is private now (OTRv3).");
    scene.alice.types_to("bob", "to the second");
    second.reads("alice", "to the second");
    let info = scene.alice.asks_otr("info bob", |line| line.starts_with("Your fingerprint"));
    let tags: Vec<&String> =
        info.iter().filter(|line| line.starts_with("Instance tags: theirs ")).collect();
    assert_eq!(tags.len(), 2, "{info:?}");
    assert_eq!(tags.iter().filter(|line| line.ends_with(", in use.")).count(), 1, "{info:?}");

    // Both can be read; the newest session is the one that is answered in.
    second.quits("back");
    first.comes_back();
    first.types_to("alice", "from the first");
    scene.alice.reads("bob", "from the first");
    first.quits("and forth");
    second.comes_back();
    scene.alice.types_to("bob", "still to the second");
    second.reads("alice", "still to the second");

    // Once that ends, the other is used, which was heard since.
    second.finishes_otr_with("alice");
    scene.alice.otr_says("It goes on with another one, instance ");
    scene.alice.becomes("bob", "encrypted");
    second.quits("for good");
    first.comes_back();
    scene.alice.types_to("bob", "to the first again");
    first.reads("alice", "to the first again");
    first.finishes_otr_with("alice");
    scene.alice.becomes("bob", "finished");
    scene.wire.never_carried(":to the");
}

#[test]
fn a_client_that_is_silent_since_is_not_used_again() {
    let (scene, first) = Alone::private();
    first.quits("for good");
    let second = NodePeer::start_with_key_of(&first, &scene.world, "bob", scene.ircd.port());
    second.starts_otr_with("alice");
    scene.alice.otr_says("[bob] The conversation is private now (OTRv3).");
    scene.alice.types_to("bob", "hello");
    second.reads("alice", "hello");
    second.finishes_otr_with("alice");
    scene.alice.becomes("bob", "finished");
    scene.alice.types_to("bob", "into the void");
    scene.alice.otr_says("into the void");
    assert_eq!(scene.wire.count(Way::Out, "into the void"), 0);
}

#[test]
fn what_otr_says_waits_for_a_client_within_bounds() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let otrd = FakeOtrd::start(&world);
    let network = ZncNetwork::new("net", ircd.port()).otr_at(otrd.shim_socket());
    let user = ZncUser::new("alice").network(network);
    let znc = ZncBuilder::new().user(user).user(ZncUser::new("idle")).start(&world);
    let lines: Vec<_> = (0..250)
        .map(|number| json!({"do": "print", "text": format!("line {number}."), "style": "good"}))
        .collect();
    otrd.tells(json!(lines));
    otrd.tells(json!([{"do": "print", "text": "the end", "style": "plain"}]));
    // ZNC has read it all by the time that it has answered another client a few times.
    znc.attach_idle("idle").slowest_ping(5);
    let alice = znc.attach("alice", "net");
    alice.otr_says_exactly("51 older lines were dropped.");
    alice.otr_says_exactly("line 51.");
    alice.otr_says_exactly("line 249.");
    alice.otr_says_exactly("the end");
    alice.never_saw("line 50.");
    // In the colours of ZNC's own modules, and once.
    assert!(alice.lines().iter().any(|line| line.text().starts_with("\u{3}03line 51.")));
    let second = znc.attach("alice", "net");
    second.settled();
    second.never_saw("line 249.");
}

/// A peer or a server can make `*otr` say much: what the user typed goes last, and outlives the module.
#[test]
fn what_comes_back_while_nobody_is_there_is_not_lost() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let otrd = FakeOtrd::start(&world);
    let network = ZncNetwork::new("net", ircd.port()).otr_at(otrd.shim_socket());
    let user = ZncUser::new("alice").network(network);
    let mut znc = ZncBuilder::new().user(user).user(ZncUser::new("idle")).start(&world);
    let idle = znc.attach_idle("idle");
    let back = |text: &str| json!([{"do": "refuse", "to": "bob", "why": "so", "text": text}]);
    let print = json!({"do": "print", "text": "somebody's doing", "style": "plain"});
    otrd.tells(back("typed first"));
    otrd.tells(json!(vec![print; 300]));
    idle.slowest_ping(5);
    let alice = znc.attach("alice", "net");
    alice.otr_says_exactly("[bob] Not sent (so): typed first");
    alice.otr_says_exactly("101 older lines were dropped.");
    alice.hangs_up();
    idle.slowest_ping(5);
    otrd.tells(back("typed before an update"));
    idle.slowest_ping(5);
    idle.types_to("*status", "updatemod otr");
    idle.expect("it is updated", |line| line.text() == "Done");
    let alice = znc.attach("alice", "net");
    alice.otr_says_exactly("[bob] Not sent (so): typed before an update");
    assert_eq!(alice.returned("typed before an update"), 1);
    // The module that is there now has its connection.
    alice.types_to("bob", "is it there?");
    otrd.last_typed();
    alice.hangs_up();
    idle.slowest_ping(5);
    otrd.tells(back("typed before a restart"));
    idle.slowest_ping(5);
    znc.restart();
    // Nobody comes to read it before the next one.
    znc.attach_idle("idle").slowest_ping(5);
    znc.restart();
    let alice = znc.attach("alice", "net");
    let said = alice.otr_says("ZNC ended before you read");
    assert!(said.contains(", of which 1 gave back what you had typed"), "{said}");
}
