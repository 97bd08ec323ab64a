//! What is typed before a conversation is private waits for it, or comes back.

use std::time::Duration;

use otrd_tests::{Alone, Scene, Way};

/// Longer than the 60 seconds after which a line comes back.
const A_MINUTE_AND_MORE: Duration = Duration::from_secs(90);

#[test]
fn lines_wait_and_go_out_encrypted_in_order() {
    let scene = Scene::new();
    let texts: Vec<String> = (0..10).map(|number| format!("number {number}")).collect();
    scene.alice.otr("start bob");
    for text in &texts {
        scene.alice.types_to("bob", text);
    }
    scene.alice.otr_says("[bob] Your message waits until the conversation is private.");
    scene.bob.reads("alice", "number 9");
    assert_eq!(scene.bob.texts_from("alice"), texts);
    scene.wire.never_carried("number");
}

#[test]
fn what_nobody_answers_comes_back_after_a_minute() {
    let scene = Alone::new();
    let carol = scene.ircd.client("carol");
    let alice = &scene.alice;
    alice.otr("start carol");
    alice.types_to("carol", "the first");
    alice.acts_to("carol", "the second");
    alice.otr("policy frank required");
    alice.types_to("frank", "the third");
    let status = alice.asks_otr("status", |line| line.starts_with("[frank] Lines that wait"));
    assert!(status.contains(&"[carol] Lines that wait: 2.".to_owned()), "{status:?}");
    assert!(status.contains(&"[frank] Lines that wait: 1.".to_owned()), "{status:?}");
    let info = alice.asks_otr("info carol", |line| line.starts_with("Your fingerprint"));
    assert!(info.contains(&"Lines that wait: 2.".to_owned()), "{info:?}");

    let back = |text: &str| {
        let found = alice.within(A_MINUTE_AND_MORE, |line| {
            line.is("PRIVMSG", "*otr")
                && line.plain_text().contains("Not sent")
                && line.plain_text().ends_with(text)
        });
        assert!(found.is_some(), "{text:?} did not come back");
    };
    back(": the first");
    back(": the second");
    back(": the third");
    alice.otr("status");
    alice.otr_says("Nothing waits.");
    // carol's is an open conversation again.
    alice.types_to("carol", "in clear");
    scene.wire.carries(Way::Out, "in clear");
    carol.expect("alice's words", |line| line.text().trim_end() == "in clear");
    for text in ["the first", "the second", "the third"] {
        scene.wire.never_carried(text);
    }
}

#[test]
fn nothing_goes_to_a_changed_key_until_it_is_trusted() {
    let (scene, bob) = Alone::private();
    scene.alice.otr("trust bob");
    scene.alice.otr_says("trusted!");
    bob.types_to("alice", "it was me");
    scene.alice.reads("bob", "it was me");
    bob.vanishes();
    // Somebody else with his nick, and another key.
    let other = loop_until_free(&scene);
    other.starts_otr_with("alice");
    other.told("secured alice");
    scene.alice.otr_says("THE KEY HAS CHANGED");
    scene.alice.otr_says(other.fingerprint());
    scene.alice.types_to("bob", "for the real bob");
    scene
        .alice
        .otr_says("Your message waits: trust the new key first, or finish the conversation.");
    other.types_to("alice", "trust me");
    scene.alice.reads("bob", "[UNVERIFIED NEW KEY] trust me");
    scene.alice.otr("status");
    scene.alice.otr_says("[bob] Lines that wait: 1.");
    other.never_saw("for the real bob");

    scene.alice.otr("trust bob");
    other.reads("alice", "for the real bob");
    scene.wire.never_carried("for the real bob");
}

/// The server may take a moment to notice that the former bob is gone.
fn loop_until_free(scene: &Alone) -> otrd_tests::NodePeer {
    otrd_tests::eventually("bob is gone", || {
        scene.alice.send("WHOIS bob");
        scene
            .alice
            .expect("an answer", |line| line.command == "401" || line.command == "318")
            .command
            == "401"
    });
    scene.peer("bob", "23")
}
