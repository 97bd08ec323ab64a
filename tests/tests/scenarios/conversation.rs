//! A private conversation: begun by either side, carried both ways, never in clear on the wire.

use otrd_tests::{Casemapping, Ircd, Pair, Scene, Way, ZncUser};

#[test]
fn alice_begins() {
    let scene = Scene::new();
    scene.alice.types_to("bob", "?OTR?");
    scene.bob.is_private();
    scene.alice_is("encrypted");
    scene.alice.types_to("bob", "between us");
    scene.bob.reads("alice", "between us");
    scene.wire.never_carried("between us");
}

#[test]
fn bob_begins() {
    let scene = Scene::new();
    scene.bob.starts_otr_with("alice");
    scene.bob.is_private();
    scene.alice_is("encrypted");
    scene.bob.types_to("alice", "between us");
    scene.alice.reads("bob", "between us");
    scene.wire.never_carried("between us");
}

#[test]
fn start_begins_as_the_query_does() {
    let scene = Scene::new();
    scene.alice.otr("start bob");
    scene.bob.is_private();
    scene.alice_is("encrypted");
}

#[test]
fn words_and_actions_go_both_ways() {
    let scene = Scene::private();
    let (alice, bob) = (&scene.alice, &scene.bob);
    for text in ["one", "grüße, 你好 🙂", "100% of /this", "trailing blanks  "] {
        alice.types_to("bob", text);
        bob.reads("alice", text);
        bob.types_to("alice", text);
        alice.reads("bob", text);
    }
    alice.acts_to("bob", "waves");
    bob.reads_action("alice", "waves");
    bob.acts_to("alice", "waves back");
    alice.reads_action("bob", "waves back");
    for text in ["one", "grüße", "100%", "trailing", "waves"] {
        scene.wire.never_carried(&format!(":{text}"));
        scene.wire.never_carried(&format!("ACTION {text}"));
    }
    // No fragment of the protocol was ever shown to alice.
    alice.never_saw("?OTR:");
    alice.never_saw("?OTR|");
}

#[test]
fn what_znc_sends_only_later_is_not_stopped() {
    let build = Scene::build().line_by_line();
    let scene = build.alice(ZncUser::new("alice").module("send_raw")).begin();
    scene.goes_private();
    let texts: Vec<String> = (0..6).map(|number| format!("number {number}")).collect();
    for text in &texts {
        scene.alice.types_to("bob", text);
    }
    // What nobody ordered is, however many orders are open.
    scene.alice.types_to("*send_raw", "server alice net PRIVMSG bob :slipped in");
    scene.bob.reads("alice", "number 5");
    scene.alice.otr_says("[bob] Stopped, it was not encrypted");
    assert_eq!(scene.bob.texts_from("alice"), texts);
    let said = scene.alice.texts_from("*otr");
    assert_eq!(said.iter().filter(|line| line.contains("Stopped")).count(), 1, "{said:?}");
    scene.wire.never_carried("number");
    scene.wire.never_carried("slipped in");
}

#[test]
fn order_is_kept() {
    let scene = Scene::private();
    let texts: Vec<String> = (0..40).map(|number| format!("number {number}")).collect();
    for text in &texts {
        scene.alice.types_to("bob", text);
        scene.bob.types_to("alice", text);
    }
    scene.bob.reads("alice", "number 39");
    scene.alice.reads("bob", "number 39");
    assert_eq!(scene.alice.texts_from("bob"), texts);
    assert_eq!(scene.bob.texts_from("alice"), texts);
}

#[test]
fn long_lines_go_both_ways() {
    let scene = Scene::private();
    let words: Vec<String> = (0..600).map(|number| format!("w{number:03}")).collect();
    let long = words.join(" ");
    assert!(long.len() >= 2999);
    scene.alice.types_to("bob", &long);
    scene.bob.reads_in_pieces("alice", &long);
    scene.bob.types_to("alice", &long);
    scene.alice.reads_in_pieces("bob", &long);
    scene.wire.never_carried(" w0");
    for line in scene.wire.lines(Way::Out) {
        assert!(line.len() <= 510, "a line of {} bytes left ZNC: {line}", line.len());
    }
}

#[test]
fn others_are_left_alone() {
    let scene = Scene::private();
    let carol = scene.ircd.client("carol");
    carol.joins("#room");
    scene.alice.joins("#room");
    scene.alice.types_to("#room", "hello room");
    carol.reads("alice", "hello room");
    carol.types_to("#room", "hello alice");
    scene.alice.reads("carol", "hello alice");
    carol.types_to("alice", "in clear");
    scene.alice.reads("carol", "in clear");
    scene.alice.types_to("carol", "in clear too");
    let line = carol.expect("alice's words", |line| line.is("PRIVMSG", "alice"));
    assert_eq!(line.text().trim_end(), "in clear too");
    carol.notices("alice", "note");
    scene.alice.reads_notice("carol", "note");
}

#[test]
fn the_first_words_offer_a_private_conversation() {
    let build = Scene::build();
    // ngIRCd would strip the tag, which is made of blanks.
    let ircd = Ircd::inspircd(build.world(), Casemapping::Rfc1459);
    let scene = build.ircd(ircd).begin();
    scene.alice.types_to("bob", "hello");
    scene.bob.is_private();
    scene.alice_is("encrypted");
    scene.alice.types_to("bob", "between us");
    scene.bob.reads("alice", "between us");
    scene.wire.never_carried("between us");
}

#[test]
fn two_accounts_of_otrd_understand_each_other() {
    let Pair { alice, dave, wire, .. } = &Pair::private();
    let long = "a long and hidden word ".repeat(125);
    alice.types_to("dave", long.trim_end());
    dave.reads_in_pieces("alice", long.trim_end());
    dave.types_to("alice", "a short one");
    alice.reads("dave", "a short one");
    wire.never_carried("hidden");
    wire.never_carried("a short one");
}
