//! Lines that nobody typed: what a peer causes is bounded, and what clients say by themselves does
//! not get in the way.

use std::time::{Duration, Instant};

use otrd_tests::{Alone, Scene, Way};

#[test]
fn replays_without_end_are_answered_a_few_times() {
    let scene = Scene::build().line_by_line().begin_alone();
    let bob = scene.peer("bob", "3");
    scene.goes_private(&bob);
    let carol = scene.ircd.client("carol");
    let once = bob.encrypts_for("alice", "x");
    bob.sends(&format!("PRIVMSG alice :{once}"));
    scene.alice.reads("bob", "x");
    for _ in 0..300 {
        bob.sends(&format!("PRIVMSG alice :{once}"));
    }
    scene.alice.otr_says("Too many of their messages cannot be read");
    let start = Instant::now();
    scene.alice.types_to("carol", "no delay");
    carol.expect("no delay", |line| line.text().starts_with("no delay"));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    // They have all been looked at.
    bob.types_to("alice", "and on");
    scene.alice.reads("bob", "and on");
    let errors = scene.wire.count(Way::Out, "?OTR Error");
    assert!((1..=6).contains(&errors), "{errors} answers");
    let told = scene.alice.texts_from("*otr");
    assert_eq!(told.iter().filter(|line| line.contains("Too many of their")).count(), 1);
    scene.alice.types_to("bob", "still private");
    bob.reads("alice", "still private");
}

/// One query of each stranger's is answered by a line, and ZNC's flood protection has one line leave every two
/// seconds.
#[test]
fn a_hundred_strangers_who_ask_delay_nobody_for_long() {
    let scene = Scene::build().line_by_line().begin_alone();
    let bob = scene.peer("bob", "3");
    scene.goes_private(&bob);
    let carol = scene.ircd.client("carol");
    let strangers: Vec<_> =
        (0..100).map(|number| scene.ircd.client(&format!("stranger{number}"))).collect();
    for stranger in &strangers {
        stranger.send("PRIVMSG alice :?OTRv3?");
    }
    scene.alice.otr_says("[stranger99] Too many key exchanges");
    let start = Instant::now();
    scene.alice.types_to("carol", "little delay");
    let limit = Duration::from_secs(60);
    let came = carol.within(limit, |line| line.text().starts_with("little delay"));
    assert!(came.is_some(), "nothing after {:?}", start.elapsed());
    let answers = scene.wire.count(Way::Out, "PRIVMSG stranger");
    assert!((1..=30).contains(&answers), "{answers} answers");
    scene.alice.types_to("bob", "still private");
    bob.reads("alice", "still private");
}

#[test]
fn typing_notices_are_dropped_without_a_word() {
    let (scene, bob) = Alone::private();
    for notice in ["TYPING 1", "typing 0", "TYPING", "COMPOSING 1"] {
        scene.alice.send(&format!("PRIVMSG bob :\x01{notice}\x01"));
        scene.alice.send(&format!("NOTICE bob :\x01{notice}\x01"));
        bob.sends(&format!("PRIVMSG alice :\x01{notice}\x01"));
        bob.sends(&format!("NOTICE alice :\x01{notice}\x01"));
    }
    bob.types_to("alice", "written");
    scene.alice.reads("bob", "written");
    scene.alice.types_to("bob", "answered");
    bob.reads("alice", "answered");
    scene.alice.never_saw("NOT ENCRYPTED");
    scene.alice.never_saw("cannot be encrypted");
    scene.alice.never_saw("held back");
    scene.alice.never_saw("TYPING 1");
    for line in scene.wire.lines(Way::Out) {
        assert!(!line.to_uppercase().contains("TYPING"), "{line}");
    }
    // Other requests are still said.
    scene.alice.send("PRIVMSG bob :\x01VERSION\x01");
    scene.alice.otr_says("notices and CTCP requests cannot be encrypted");
}

#[test]
fn in_clear_they_pass() {
    let scene = Alone::new();
    let carol = scene.ircd.client("carol");
    scene.alice.send("PRIVMSG carol :\x01TYPING 1\x01");
    carol.expect("a notice", |line| line.text() == "\x01TYPING 1\x01");
    carol.send("PRIVMSG alice :\x01TYPING 0\x01");
    scene.alice.expect("hers", |line| line.text() == "\x01TYPING 0\x01");
}
