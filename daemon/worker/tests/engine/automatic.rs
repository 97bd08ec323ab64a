//! Lines that a peer makes go out: answers to messages that cannot be read.

use crate::common::person::Person;
use crate::common::user::Shown;
use crate::common::world::{World, heard, told};
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

/// Lines of alice's since so many had gone out.
fn lines_of_alice(w: &World, since: usize) -> usize {
    w.wire[since..].iter().filter(|sent| sent.from == "alice").count()
}

/// In ten minutes ZNC's flood protection sends 300 lines, and what alice types has to be among them.
const FEW_LINES: usize = 150;

#[test]
fn strangers_who_begin_key_exchanges_without_end_hold_nobodys_lines_up() {
    let mut w = World::new();
    w.trusted();
    let lines = w.wire.len();
    for second in 0..600 {
        w.mallory = Person::new("mallory");
        w.mallory.nick = format!("stranger{second}");
        w.mallory.start();
        w.settle();
        w.alice.waits(1);
    }
    let sent = lines_of_alice(&w, lines);
    assert!((1..FEW_LINES).contains(&sent), "{sent} lines");

    // Whom she trusts is answered, and so is whom she asks.
    w.alice.news();
    w.bob.start();
    w.settle();
    assert!(told(&w.alice.news(), "session keys are new"));
    w.alice.command("start carol");
    w.settle();
    assert_eq!(w.alice.state("carol"), "encrypted");
    w.alice.command("refresh carol");
    w.settle();
    assert!(told(&w.alice.news(), "session keys are new"));
}

#[test]
fn many_whose_messages_cannot_be_read_are_asked_seldom() {
    let mut w = World::new();
    w.trusted();
    let mut all = Vec::new();
    for number in 0..60 {
        w.mallory = Person::new("mallory");
        w.mallory.nick = format!("stranger{number}");
        w.mallory.start();
        w.settle();
        w.alice.waits(40);
        assert!(w.mallory.is_private());
        let sealed = w.mallory.sealed(b"once");
        w.mallory.finish();
        w.settle();
        all.push((w.mallory.nick.clone(), sealed));
    }
    w.mallory = Person::new("mallory");
    let bobs = w.bob.sealed(b"his");
    w.bob.finish();
    w.settle();
    let lines = w.wire.len();
    for _ in 0..10 {
        w.alice.waits(61);
        for (nick, sealed) in &all {
            w.inject(nick, sealed);
            w.settle();
        }
    }
    let sent = lines_of_alice(&w, lines);
    assert!((1..FEW_LINES).contains(&sent), "{sent} lines");
    // Whom she trusts is asked all the same.
    w.bob_hears = false;
    w.inject("bob", &bobs);
    w.settle();
    assert_eq!(lines_of_alice(&w, lines), sent + 1);
}
