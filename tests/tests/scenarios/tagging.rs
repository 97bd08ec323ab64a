//! The whitespace tag: where it goes, and where it never goes.

use otrd_tests::{Alone, Casemapping, Ircd, Scene, Way};

/// The tag's beginning; InspIRCd keeps trailing blanks, ngIRCd does not.
const TAG: &str = " \t  \t\t\t\t \t \t \t  ";

#[track_caller]
fn on_inspircd() -> Alone {
    let build = Scene::build();
    let ircd = Ircd::inspircd(build.world(), Casemapping::Rfc1459);
    build.ircd(ircd).begin_alone()
}

#[test]
fn the_first_words_only_and_none_once_they_answer_without() {
    let scene = on_inspircd();
    let carol = scene.ircd.client("carol");
    scene.alice.types_to("carol", "first");
    assert!(said(&scene, "first").contains(TAG));
    scene.alice.types_to("carol", "second");
    assert!(!said(&scene, "second").contains(TAG));
    carol.types_to("alice", "I have no OTR");
    scene.alice.reads("carol", "I have no OTR");
    scene.alice.types_to("carol", "third");
    assert!(!said(&scene, "third").contains(TAG));
    // Another one gets their own.
    scene.alice.types_to("dave", "hello");
    assert!(said(&scene, "hello").contains(TAG));
}

#[test]
fn never_to_services_channels_actions_and_commands() {
    let scene = on_inspircd();
    let carol = scene.ircd.client("carol");
    scene.alice.joins("#room");
    carol.joins("#room");
    for (target, text) in [
        ("NickServ", "to a service"),
        ("ChanServ", "to another service"),
        ("alis", "to a list"),
        ("Global", "to all"),
        ("*playback", "to a module"),
        ("#room", "to a channel"),
        ("@#room", "to the operators"),
        ("+#room", "to the voiced"),
        ("erin1", "!command of a bot"),
        ("erin2", "\u{1}ACTION waves\u{1}"),
        ("erin3", "\u{1}PING 1\u{1}"),
        ("erin4", ".op"),
        ("erin5", "/msg"),
    ] {
        scene.alice.types_to(target, text);
    }
    scene.alice.notices("erin6", "a notice");
    scene.alice.types_to("erin7", "the last");
    assert!(said(&scene, "the last").contains(TAG));
    let tagged = scene.wire.lines(Way::Out).into_iter().filter(|line| line.contains(TAG)).count();
    assert_eq!(tagged, 1, "the last line's alone: {:?}", scene.wire.lines(Way::Out));
    scene.wire.carries(Way::Out, "to a service");
    scene.wire.carries(Way::Out, "to the operators");
}

#[test]
fn only_where_the_line_stays_within_its_limit() {
    let scene = on_inspircd();
    let carol = scene.ircd.client("carol");
    // 512 with the line end, as carol gets it from the server.
    let frame = ":alice!alice@127.0.0.1 PRIVMSG carol :\r\n".len();
    let long = "x".repeat(512 - frame);
    scene.alice.types_to("carol", &long);
    carol.reads("alice", &long);
    let nearly = "y".repeat(512 - frame - 20);
    scene.alice.types_to("carol", &nearly);
    carol.reads("alice", &nearly);
    scene.alice.types_to("carol", "short");
    let line = carol.expect("short", |line| line.text().starts_with("short"));
    assert!(line.text().contains(TAG));
    // A long line in clear is no OTR line, and is not cut into pieces of one.
    scene.wire.never_carried("?OTR");
    for line in scene.wire.lines(Way::Out) {
        assert!(line.len() <= 510, "{line}");
    }
}

#[test]
fn a_plain_action_stays_one() {
    let scene = on_inspircd();
    let carol = scene.ircd.client("carol");
    scene.alice.acts_to("carol", "waves");
    let line = carol.reads_action("alice", "waves");
    assert_eq!(line.bytes(), b"\x01ACTION waves\x01");
    carol.acts_to("alice", "waves back");
    let line = scene.alice.reads_action("carol", "waves back");
    assert_eq!(line.bytes(), b"\x01ACTION waves back\x01");
}

#[test]
fn a_peers_tag_is_answered_and_not_shown() {
    let scene = on_inspircd();
    let bob = scene.peer("bob", "23");
    scene.alice.types_to("bob", "hello");
    bob.reads_clear("alice", "hello");
    bob.told("secured alice v3");

    let carol = scene.ircd.client("carol");
    carol.types_to("alice", "from carol \t  \t\t\t\t \t \t \t    \t\t  \t\t");
    scene.alice.reads("carol", "from carol");
    carol.expect("a key exchange", |line| line.text().starts_with("?OTR:AAMC"));
}

#[test]
fn manual_neither_tags_nor_answers_tags() {
    let scene = on_inspircd();
    let carol = scene.ircd.client("carol");
    scene.alice.otr("policy * manual");
    scene.alice.types_to("carol", "hello");
    carol.reads("alice", "hello");
    carol.types_to("alice", "from carol \t  \t\t\t\t \t \t \t    \t\t  \t\t");
    scene.alice.reads("carol", "from carol");
    carol.types_to("alice", "?OTRv3?");
    carol.expect("a key exchange", |line| line.text().starts_with("?OTR:AAMC"));
    assert_eq!(scene.wire.count(Way::Out, "?OTR:"), 1);
}

/// The line that went out with this text.
#[track_caller]
fn said(scene: &Alone, text: &str) -> String {
    scene.wire.carries(Way::Out, &format!(":{text}"))
}
