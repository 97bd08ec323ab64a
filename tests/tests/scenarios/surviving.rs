//! A private conversation outlives changes on the user's own side.

use std::fs;

use otrd_tests::{Alone, NodePeer, Pair, Way};

#[test]
fn her_own_nick() {
    let mut pair = Pair::private();
    let (alice, dave, wire) = (&mut pair.alice, &pair.dave, &pair.wire);
    alice.joins("#room");
    dave.joins("#room");
    alice.takes_nick("alicia");
    dave.otr_says("alice is now known as alicia; the private conversation goes on there.");
    alice.types_to("dave", "under another name");
    dave.reads("alicia", "under another name");
    dave.types_to("alicia", "so I see");
    alice.reads("dave", "so I see");
    wire.never_carried("another name");
    wire.never_carried("so I see");
}

#[test]
fn her_own_connection_to_irc() {
    let (scene, bob) = Alone::private();
    scene.wire.cut();
    scene.alice.reads_about("*status", "Disconnected from IRC");
    scene.alice.reads_about("*status", "Connected!");
    both_read(&scene, &bob, "after a reconnect");
    scene.alice.types_to("*status", "jump");
    scene.alice.reads_about("*status", "Connected!");
    both_read(&scene, &bob, "after a jump");
}

#[test]
fn while_not_connected_nothing_is_lost() {
    let (scene, bob) = Alone::private();
    let dave = scene.ircd.client("dave");
    dave.joins("#room");
    scene.alice.joins("#room");
    scene.alice.types_to("*status", "disconnect");
    scene.alice.reads_about("*status", "Disconnected from IRC");
    // A server that still knows her gives her another nick when she comes again.
    dave.expect("her going", |line| line.is("QUIT", "alice"));
    scene.alice.types_to("bob", "into the air");
    scene.alice.otr_says(
        "[bob] Not sent (ZNC is not connected to this network: try again then): into the air",
    );
    scene.alice.acts_to("bob", "waves");
    scene.alice.otr_says("): waves");
    scene.alice.otr("start carol");
    scene.alice.otr_says("[carol] ZNC is not connected to this network");
    scene.alice.types_to("*status", "connect");
    scene.alice.reads_about("*status", "Connected!");
    both_read(&scene, &bob, "connected again");
    scene.wire.never_carried("into the air");
    scene.wire.never_carried("ACTION waves");
}

#[test]
fn the_module() {
    let (scene, bob) = Alone::private();
    scene.alice.types_to("*status", "reloadmod otr");
    scene.alice.reads_about("*status", "Reloaded module otr");
    scene.alice.has_otr();
    both_read(&scene, &bob, "after reloadmod");

    // As systemd/install replaces it. Nothing of the module that ran before stays in ZNC.
    let (module, new) = (scene.znc.dir().join("modules/otr.so"), scene.znc.dir().join("new.so"));
    fs::copy(&module, &new).expect("a copy of the module");
    fs::rename(&new, &module).expect("a new module");
    assert!(scene.znc.process().maps().contains("otr.so (deleted)"));
    scene.alice.types_to("*status", "updatemod otr");
    scene.alice.reads_about("*status", "Done");
    scene.alice.has_otr();
    let maps = scene.znc.process().maps();
    assert!(maps.contains("otr.so") && !maps.contains("otr.so (deleted)"), "{maps}");
    both_read(&scene, &bob, "after updatemod");

    scene.alice.types_to("*status", "unloadmod otr");
    scene.alice.reads_about("*status", "unloaded");
    bob.types_to("alice", "meanwhile");
    scene.wire.carries(Way::In, "?OTR");
    scene.alice.types_to("*status", "loadmod otr");
    scene.alice.reads_about("*status", "Loaded module otr");
    scene.alice.has_otr();
    scene.alice.becomes("bob", "encrypted");
    both_read(&scene, &bob, "after unloadmod and loadmod");
}

#[test]
fn znc() {
    let (mut scene, bob) = Alone::private();
    scene.znc.restart();
    let alice = scene.znc.attach("alice", "net");
    alice.has_otr();
    alice.becomes("bob", "encrypted");
    alice.types_to("bob", "a new bouncer");
    bob.reads("alice", "a new bouncer");
    bob.types_to("alice", "the same keys");
    alice.reads("bob", "the same keys");
    scene.znc.crash();
    scene.znc.starts_again();
    let alice = scene.znc.attach("alice", "net");
    alice.has_otr();
    alice.becomes("bob", "encrypted");
    alice.types_to("bob", "after a crash");
    bob.reads("alice", "after a crash");
    scene.wire.never_carried("a new bouncer");
    scene.wire.never_carried("after a crash");
}

#[track_caller]
fn both_read(scene: &Alone, bob: &NodePeer, text: &str) {
    scene.alice.types_to("bob", text);
    bob.reads("alice", text);
    bob.types_to("alice", &format!("{text}, back"));
    scene.alice.reads("bob", &format!("{text}, back"));
    scene.wire.never_carried(text);
}
