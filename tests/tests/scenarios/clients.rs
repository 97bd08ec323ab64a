//! A user with several clients, or none.

use otrd_tests::{Scene, Way};

#[test]
fn every_client_reads_the_conversation() {
    let scene = Scene::private();
    let second = scene.znc.attach_with("alice", "net", &["znc.in/self-message"]);
    let third = scene.znc.attach_with("alice", "net", &["echo-message"]);

    scene.bob.types_to("alice", "to all of you");
    for client in [&scene.alice, &second, &third] {
        client.reads("bob", "to all of you");
    }

    scene.alice.types_to("bob", "typed on the first");
    scene.bob.reads("alice", "typed on the first");
    second.sees_own("bob", "typed on the first");
    third.sees_own("bob", "typed on the first");

    third.types_to("bob", "typed on the third");
    scene.bob.reads("alice", "typed on the third");
    third.sees_own("bob", "typed on the third");
    second.sees_own("bob", "typed on the third");

    third.acts_to("bob", "waves");
    scene.bob.reads_action("alice", "waves");
    second.expect("her own wave", |line| line.action().as_deref() == Some("waves"));

    for client in [&scene.alice, &second, &third] {
        client.settled();
        client.never_saw("?OTR:");
        client.never_saw("?OTR|");
    }
    // Each saw each text once.
    let times = |lines: Vec<otrd_tests::Line>, text: &str| {
        lines.iter().filter(|line| line.text() == text).count()
    };
    assert_eq!(times(scene.alice.lines(), "typed on the first"), 0);
    assert_eq!(times(second.lines(), "typed on the first"), 1);
    assert_eq!(times(third.lines(), "typed on the third"), 1);
    scene.wire.never_carried("typed on");
}

#[test]
fn who_was_away_reads_it_at_the_next_login() {
    let scene = Scene::private();
    scene.alice.send("QUIT");
    scene.alice.is_disconnected();
    scene.bob.types_to("alice", "for later");
    scene.wire.carries(Way::In, "?OTR:");
    scene.bob.types_to("alice", "and this");
    scene.bob.acts_to("alice", "waits");

    let back = scene.znc.attach("alice", "net");
    back.reads("bob", "for later");
    back.reads("bob", "and this");
    back.reads_action("bob", "waits");
    back.settled();
    back.never_saw("?OTR:");
    assert_eq!(back.texts_from("bob").len(), 3);
    scene.wire.never_carried("for later");

    // And the conversation goes on as if nothing had been.
    back.types_to("bob", "here again");
    scene.bob.reads("alice", "here again");
}

#[test]
fn bob_may_begin_while_alice_is_away() {
    let scene = Scene::new();
    scene.alice.send("QUIT");
    scene.alice.is_disconnected();
    scene.bob.starts_otr_with("alice");
    scene.bob.is_private();
    scene.bob.types_to("alice", "found you");
    let back = scene.znc.attach("alice", "net");
    back.reads("bob", "found you");
    back.becomes("bob", "encrypted");
    scene.wire.never_carried("found you");
}

#[test]
fn a_private_conversation_outlives_znc() {
    let mut scene = Scene::private();
    scene.znc.restart();
    let alice = scene.znc.attach("alice", "net");
    alice.has_otr();
    alice.becomes("bob", "encrypted");
    alice.types_to("bob", "a new bouncer");
    scene.bob.reads("alice", "a new bouncer");
    scene.bob.types_to("alice", "the same keys");
    alice.reads("bob", "the same keys");
    scene.wire.never_carried("a new bouncer");
}
