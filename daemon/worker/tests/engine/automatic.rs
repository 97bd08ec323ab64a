//! Lines that a peer makes go out: answers to messages that cannot be read.

use crate::common::person::Person;
use crate::common::user::Shown;
use crate::common::world::{World, heard};
use worker::limits::{ERROR_REPLIES_BURST, ERROR_REPLIES_BURST_ALL, ERROR_REPLIES_EVERY};

const TOO_MANY: &str = "Too many of their messages cannot be read";

/// How often alice has answered that something cannot be read, since `lines` had gone out.
fn answers(w: &World, lines: usize) -> usize {
    let is_one = |line: &[u8]| line.starts_with(b"?OTR Error");
    w.wire[lines..].iter().filter(|sent| sent.from == "alice" && is_one(&sent.text)).count()
}

fn times(news: &[Shown], words: &str) -> usize {
    let says = |one: &&Shown| matches!(one, Shown::Otr(_, text) if text.contains(words));
    news.iter().filter(says).count()
}

#[test]
fn who_replays_without_end_is_answered_a_few_times_and_the_user_told_once() {
    let mut w = World::new();
    w.private();
    let (lines, again) = (w.wire.len(), w.bob.sealed(b"once"));
    for _ in 0..300 {
        w.inject("bob", &again);
        w.settle();
    }
    let news = w.alice.news();
    assert_eq!(heard(&news), ["once"]);
    assert_eq!(answers(&w, lines), ERROR_REPLIES_BURST as usize);
    assert_eq!(times(&news, TOO_MANY), 1);

    // After a while one more, and the user is told of the next series.
    w.alice.waits(ERROR_REPLIES_EVERY.as_secs());
    for _ in 0..300 {
        w.inject("bob", &again);
        w.settle();
    }
    assert_eq!(answers(&w, lines), ERROR_REPLIES_BURST as usize + 1);
    assert_eq!(times(&w.alice.news(), TOO_MANY), 1);
    w.bob.say(b"and on");
    w.settle();
    assert_eq!(heard(&w.alice.news()), ["and on"]);
}

#[test]
fn many_who_replay_are_one_flood() {
    let mut w = World::new();
    let lines = w.wire.len();
    for stranger in 0..6 {
        w.mallory = Person::new("mallory");
        w.mallory.nick = format!("stranger{stranger}");
        w.mallory.start();
        w.settle();
        assert!(w.mallory.is_private());
        let again = w.mallory.sealed(b"once");
        let nick = w.mallory.nick.clone();
        for _ in 0..50 {
            w.inject(&nick, &again);
            w.settle();
        }
    }
    assert_eq!(answers(&w, lines), ERROR_REPLIES_BURST_ALL as usize);
}
