//! The link between module and worker breaks: nothing is lost, and nothing happens twice.

use crate::common::user::PERHAPS_SHOWN;
use crate::common::user::{Shown, UNCHECKED};
use crate::common::world::{Dir, World, heard, returned, told};

fn sent(news: &[Shown], words: &str) -> usize {
    let echoes = |one: &&Shown| matches!(one, Shown::Echo { text, .. } if text == words);
    news.iter().filter(echoes).count()
}

/// Alice and bob are private, and the reply that holds bob's words is lost.
fn words_on_their_way() -> World {
    let mut w = World::new();
    w.private();
    w.alice.lose_next_reply = true;
    w.bob.say(b"on its way");
    w.settle();
    assert!(!w.alice.up && heard(&w.alice.news()).is_empty());
    w
}

#[test]
fn what_was_decrypted_is_shown_once_the_module_is_back() {
    let mut w = words_on_their_way();
    w.alice.connect();
    let news = w.alice.news();
    assert_eq!(heard(&news), ["on its way"]);
    assert!(!told(&news, "cannot"));
    w.bob.say(b"and on");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["and on"]);
}

#[test]
fn and_when_it_comes_back_late() {
    let mut w = words_on_their_way();
    w.alice.waits(200);
    w.alice.connect();
    assert_eq!(heard(&w.alice.news()), ["on its way"]);
}

#[test]
fn another_module_shows_it_and_says_that_it_may_have_been_shown() {
    let mut w = words_on_their_way();
    w.alice.reload(true);
    assert_eq!(heard(&w.alice.news()), [format!("{PERHAPS_SHOWN}on its way")]);
    w.bob.say(b"and on");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["and on"]);
    // It was seen by now, and is not kept any more.
    w.alice.waits(1);
    w.alice.reload(true);
    assert!(heard(&w.alice.news()).is_empty());
}

#[test]
fn a_module_that_said_goodbye_has_shown_what_it_has_seen() {
    let mut w = World::new();
    w.private();
    w.bob.say(b"seen");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["seen"]);
    w.alice.reload(false);
    assert!(heard(&w.alice.news()).is_empty());
}

#[test]
fn a_request_that_was_not_read_is_asked_again() {
    let mut w = World::new();
    w.private();
    w.alice.lose_next_request = true;
    w.bob.say(b"not read yet");
    w.settle();
    w.alice.says("bob", "gone already?");
    assert_eq!(returned(&w.alice.news(), "gone already?"), 1);
    w.alice.connect();
    assert_eq!(heard(&w.alice.news()), ["not read yet"]);
    w.alice.says("bob", "here we are");
    w.settle();
    assert_eq!(w.bob.read, ["here we are"]);
}

#[test]
fn what_is_typed_is_sent_once_where_the_link_comes_back() {
    for decided in [true, false] {
        let mut w = World::new();
        w.private();
        (w.alice.lose_next_reply, w.alice.lose_next_request) = (decided, !decided);
        w.alice.says("bob", "once");
        w.settle();
        assert!(w.bob.read.is_empty());
        w.alice.connect();
        w.settle();
        assert_eq!(w.bob.read, ["once"]);
        let news = w.alice.news();
        assert_eq!((sent(&news, "once"), returned(&news, "once")), (1, 0));
    }
}

#[test]
fn and_comes_back_where_the_link_does_not() {
    for decided in [true, false] {
        let mut w = World::new();
        w.private();
        (w.alice.lose_next_reply, w.alice.lose_next_request) = (decided, !decided);
        w.alice.says("bob", "never");
        w.alice.waits(5);
        w.alice.connect();
        w.settle();
        assert!(w.bob.read.is_empty());
        let news = w.alice.news();
        assert_eq!((sent(&news, "never"), returned(&news, "never")), (0, 1));
    }
}

/// A line of alice's waits for a private conversation.
fn line_waits() -> World {
    let mut w = World::new();
    w.bob_hears = false;
    w.alice.command("start bob");
    w.alice.says("bob", "patience");
    w.settle();
    assert!(told(&w.alice.news(), "Your message waits"));
    w.bob_hears = true;
    w
}

#[test]
fn a_line_that_waits_goes_on_waiting() {
    let mut w = line_waits();
    w.alice.disconnect();
    w.alice.connect();
    w.alice.command("start bob");
    w.settle();
    let news = w.alice.news();
    assert_eq!((sent(&news, "patience"), returned(&news, "patience")), (1, 0));
    assert_eq!(w.bob.read, ["patience"]);
}

#[test]
fn a_line_that_waits_comes_back_when_the_link_does_not() {
    let mut w = line_waits();
    w.alice.disconnect();
    w.alice.waits(5);
    assert_eq!(returned(&w.alice.news(), "patience"), 1);
    w.alice.connect();
    w.alice.command("start bob");
    w.settle();
    w.alice.waits(200);
    let news = w.alice.news();
    assert_eq!((sent(&news, "patience"), returned(&news, "patience")), (0, 0));
    assert!(w.bob.is_private() && w.bob.read.is_empty());
}

#[test]
fn a_line_that_waits_comes_back_when_the_worker_dies() {
    let mut w = line_waits();
    w.alice.restart_worker();
    let news = w.alice.news();
    assert_eq!((sent(&news, "patience"), returned(&news, "patience")), (0, 1));
    w.alice.command("start bob");
    w.settle();
    assert!(w.bob.is_private() && w.bob.read.is_empty());
}

#[test]
fn a_line_that_waits_comes_back_when_the_module_is_loaded_anew() {
    for killed in [true, false] {
        let mut w = line_waits();
        w.alice.reload(killed);
        let news = w.alice.news();
        assert_eq!((sent(&news, "patience"), returned(&news, "patience")), (0, 1));
        w.alice.command("start bob");
        w.settle();
        assert!(w.bob.is_private() && w.bob.read.is_empty());
    }
}

/// It came back after 5 seconds; the worker, which gives it back after 60, does not know.
#[test]
fn what_came_back_before_says_so_to_the_next_module() {
    let mut w = line_waits();
    w.alice.disconnect();
    w.alice.waits(61);
    assert_eq!(returned(&w.alice.news(), "patience"), 1);
    w.alice.reload(false);
    let news = w.alice.news();
    let why = news.iter().find_map(|one| match one {
        Shown::Refused { why, text, .. } if text == "patience" => Some(why.as_str()),
        _ => None,
    });
    assert!(why.is_some_and(|why| why.ends_with(" (may be a repeat)")), "{why:?}");
}

/// The reply that says that it waits, or that it went out, is lost; then the worker dies.
#[test]
fn a_line_comes_back_when_the_worker_dies_before_it_said_what_became_of_it() {
    let mut w = World::new();
    w.alice.command("policy bob required");
    w.alice.lose_next_reply = true;
    w.alice.says("bob", "one");
    w.alice.restart_worker();
    assert_eq!(returned(&w.alice.news(), "one"), 1);

    let mut w = line_waits();
    w.alice.lose_next_reply = true;
    w.bob.start();
    w.settle();
    w.alice.restart_worker();
    w.settle();
    let news = w.alice.news();
    assert_eq!((sent(&news, "patience"), returned(&news, "patience")), (0, 1));
}

#[test]
fn what_goes_out_with_a_lost_reply_goes_out_later() {
    let mut w = line_waits();
    w.inward.holds = true;
    w.alice.command("start bob");
    w.settle();
    // All but the last line of the key exchange, which makes alice private and her line go out.
    w.let_go(Dir::In);
    let mut rounds = 0;
    while w.bob.read.is_empty() {
        rounds += 1;
        assert!(rounds < 9, "bob never reads it");
        w.alice.lose_next_reply = true;
        w.settle();
        w.alice.connect();
    }
    assert_eq!(w.bob.read, ["patience"]);
    let news = w.alice.news();
    assert_eq!((sent(&news, "patience"), returned(&news, "patience")), (1, 0));
}

#[test]
fn plain_words_that_are_in_doubt_come_in_order_and_once() {
    let mut w = World::new();
    w.alice.lose_next_reply = true;
    w.inject("carol", b"first");
    w.inject("carol", b"second");
    assert!(w.alice.news().is_empty());
    w.alice.connect();
    w.inject("carol", b"third");
    assert_eq!(heard(&w.alice.news()), ["first", "second", "third"]);

    w.alice.lose_next_reply = true;
    w.inject("carol", b"fourth");
    w.inject("carol", b"fifth");
    w.alice.waits(5);
    w.inject("carol", b"sixth");
    let unchecked = ["fourth", "fifth", "sixth"].map(|words| format!("{UNCHECKED}{words}"));
    assert_eq!(heard(&w.alice.news()), unchecked);
    w.alice.connect();
    assert!(heard(&w.alice.news()).is_empty());
}
