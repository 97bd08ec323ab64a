//! The stage itself: real programs without otrd. If one of these fails, look here first.

use otrd_tests::{
    Casemapping, Friend, Ircd, Irssi, ScriptedServer, Way, Wire, World, ZncBuilder, ZncNetwork,
    ZncUser, children_of,
};

#[test]
fn two_clients_talk_over_ngircd() {
    let world = World::new();
    two_clients_talk(&Ircd::ngircd(&world));
}

#[test]
fn two_clients_talk_over_inspircd() {
    let world = World::new();
    let ircd = Ircd::inspircd(&world, Casemapping::Rfc1459);
    two_clients_talk(&ircd);
    let (alice, bob) = (ircd.client("alice"), ircd.client("bob"));
    alice.types_to("bob", "trailing blanks \t  \t ");
    bob.reads("alice", "trailing blanks \t  \t ");
}

fn two_clients_talk(ircd: &Ircd) {
    let (alice, mut bob) = (ircd.client("alice"), ircd.client("bob"));
    alice.types_to("bob", "hello");
    bob.reads("alice", "hello");
    bob.acts_to("alice", "waves");
    alice.reads_action("bob", "waves");
    alice.send_bytes(b"PRIVMSG bob :not UTF-8: \xff\xfe");
    bob.reads_bytes("alice", b"not UTF-8: \xff\xfe");
    bob.takes_nick("robert");
    alice.notices("robert", "psst");
    bob.reads_notice("alice", "psst");
    bob.never_saw("waves");
}

#[test]
fn the_scripted_server_says_what_it_is_told_to_say() {
    let world = World::new();
    let server = ScriptedServer::start(&world);
    server.supports("CHANTYPES=#&b STATUSMSG=bo");
    let network = ZncNetwork::new("net", server.port());
    let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network)).start(&world);
    let alice = znc.attach("alice", "net");
    let bob = Friend::start(&world, "bob", server.port());

    // It carries what anybody means, in the most liberal reading.
    for line in ["PRIVMSG bob :a", "\tprivmsg bob :b", "CPRIVMSG bob #c :c", "NOTICE ~bob!x@y :d"] {
        alice.send(line);
    }
    for text in ["a", "b", "c"] {
        bob.told(&format!("clear alice {text}"));
    }
    server.hears("alice", "NOTICE ~bob!x@y :d");
    bob.types_to("alice", "good morning");
    alice.reads("bob", "good morning");

    // It says anything, as anybody.
    server.says("alice", ":alice!a@h NICK alicia");
    alice.expect("another nick", |line| line.is("NICK", "alice") && line.text() == "alicia");
    server.says("alice", ":mallory PRIVMSG alicia,alicia :forged");
    alice.expect("a forged line", |line| line.source == "mallory" && line.text() == "forged");
    server.answers(|login, line| {
        let own = login == "alice" && line.command == "WHOIS";
        own.then(|| vec![format!(":irc.test.net 401 alicia {} :nobody", line.target())])
    });
    alice.send("WHOIS carol");
    alice.sees_numeric("401");

    // A connection ends, and the next one has the same name.
    let first = server.connection_of("alice");
    server.hangs_up_on("alice");
    alice.expect("ZNC on IRC again", |line| line.is("NICK", "alicia") && line.text() == "alice");
    assert!(server.connection_of("alice") > first);
}

#[test]
fn znc_carries_and_keeps() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let wire = Wire::new(&world, ircd.port());
    let network = ZncNetwork::new("net", wire.port());
    let user = ZncUser::new("alice").network(network);
    let mut znc = ZncBuilder::new().user(user).user(ZncUser::new("idle")).start(&world);
    let alice = znc.attach("alice", "net");
    let echoed = znc.attach_with("alice", "net", &["echo-message"]);
    let selfish = znc.attach_with("alice", "net", &["znc.in/self-message"]);
    let plain = znc.attach("alice", "net");
    let bob = ircd.client("bob");

    alice.types_to("bob", "through the bouncer");
    bob.reads("alice", "through the bouncer");
    echoed.sees_own("bob", "through the bouncer");
    selfish.sees_own("bob", "through the bouncer");
    plain.settled();
    plain.never_saw("through the bouncer");
    echoed.types_to("bob", "typed on another");
    echoed.sees_own("bob", "typed on another");
    selfish.types_to("bob", "and on a third");
    echoed.sees_own("bob", "and on a third");
    selfish.settled();
    selfish.never_saw("and on a third");
    wire.carries(Way::Out, "through the bouncer");
    bob.types_to("alice", "and back");
    alice.reads("bob", "and back");
    echoed.reads("bob", "and back");

    // The loop's own latency, seen by a user who has no network.
    let idle = znc.attach_idle("idle");
    assert!(idle.slowest_ping(20).as_secs() < 5);

    // Nobody attached: the next client gets the buffer.
    for client in [&alice, &echoed, &selfish, &plain] {
        client.send("QUIT");
        client.is_disconnected();
    }
    bob.types_to("alice", "while you were away");
    wire.carries(Way::In, "while you were away");
    let again = znc.attach("alice", "net");
    again.reads("bob", "while you were away");

    // A new ZNC, the same data.
    assert!(!znc.process().maps().contains("libotr"));
    znc.restart();
    again.is_disconnected();
    let after = znc.attach("alice", "net");
    after.types_to("bob", "again");
    bob.reads("alice", "again");
    znc.crash();
    after.is_disconnected();
    znc.starts_again();
    znc.attach("alice", "net");
}

#[test]
fn znc_takes_a_long_line_in_one_write() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let network = ZncNetwork::new("net", ircd.port());
    let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network)).start(&world);
    let alice = znc.attach("alice", "net");
    let other = znc.attach("alice", "net");
    let long = "long ".repeat(600);
    alice.types_to("*status", &long);
    alice.reads_about("*status", "Unknown command");
    alice.settled();
    other.settled();
}

#[test]
fn the_wire_tells_what_it_carried() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let wire = Wire::new(&world, ircd.port());
    let network = ZncNetwork::new("net", wire.port());
    let znc = ZncBuilder::new().user(ZncUser::new("alice").network(network)).start(&world);
    let alice = znc.attach("alice", "net");
    let bob = ircd.client("bob");
    alice.types_to("bob", "first words");
    bob.reads("alice", "first words");
    assert_eq!(wire.count(Way::Out, "first words"), 1);
    assert_eq!(wire.count(Way::In, "first words"), 0);
    wire.never_carried("another");
    let seen = std::panic::catch_unwind(|| wire.never_carried("first words"));
    assert!(seen.is_err());
    wire.cut();
    alice.reads_about("*status", "Disconnected from IRC");
    alice.reads_about("*status", "Connected!");
}

#[test]
fn two_irssis_hold_a_private_conversation() {
    let world = World::new();
    let ircd = Ircd::ngircd(&world);
    let wire = Wire::new(&world, ircd.port());
    let alice = Irssi::start(&world, "alice", wire.port());
    let bob = Irssi::start(&world, "bob", ircd.port());

    alice.starts_otr_with("bob");
    alice.is_private();
    bob.is_private();
    let fingerprint = bob.fingerprint();
    assert!(alice.lines().iter().any(|line| line.contains(&fingerprint)));

    alice.types_to("bob", "for your eyes only; 100% /so");
    bob.reads("alice", "for your eyes only; 100% /so");
    bob.types_to("alice", "grüße…");
    alice.reads("bob", "grüße…");
    bob.acts_to("alice", "waves");
    alice.reads_action("bob", "waves");
    let long: Vec<String> = (0..500).map(|number| format!("w{number:03}")).collect();
    let long = long.join(" ");
    alice.types_to("bob", &long);
    bob.reads_in_pieces("alice", &long);

    alice.auths_with_question("bob", "what is it?", "a secret");
    bob.sees("Question: what is it?");
    bob.auths("alice", "a secret");
    bob.auth_succeeds("alice");
    alice.auth_succeeds("bob");
    bob.auths("alice", "one thing");
    alice.sees("bob wants to authenticate");
    alice.auths("bob", "another");
    alice.auth_fails("bob");
    bob.auth_fails("alice");

    bob.finishes_otr_with("alice");
    alice.sees("bob has finished the OTR session");
    alice.types_to("bob", "into the void");
    alice.finishes_otr_with("bob");
    alice.sees("Finished conversation with bob");
    alice.types_to("bob", "in clear");
    bob.reads("alice", "in clear");
    bob.never_saw("into the void");
    for secret in ["for your eyes", " w0", "what is it?", "a secret", "into the void"] {
        wire.never_carried(secret);
    }
    wire.carries(Way::Out, "in clear");
}

#[test]
fn nothing_outlives_its_scene() {
    let world = World::new();
    let path = world.path().to_owned();
    let ircd = Ircd::ngircd(&world);
    let bob = Irssi::start(&world, "bob", ircd.port());
    let pid = ircd.process().pid();
    assert!(children_of(std::process::id() as i32).iter().any(|(child, _)| *child == pid));
    drop((bob, ircd, world));
    assert!(!children_of(std::process::id() as i32).iter().any(|(child, _)| *child == pid));
    assert!(!path.exists());
}
