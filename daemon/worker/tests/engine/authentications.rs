//! How often a peer may authenticate unasked: each time costs milliseconds and words to the user.

use crate::common::person::Person;
use crate::common::user::Shown;
use crate::common::world::{World, heard, told};
use otr::Smp;
use worker::limits::{SMP_ABORTS_BURST_ALL, SMP_BURST, SMP_BURST_ALL, SMP_EVERY};

/// How often `*otr` said so.
fn times(news: &[Shown], words: &str) -> u32 {
    let says = |one: &&Shown| matches!(one, Shown::Otr(_, text) if text.contains(words));
    u32::try_from(news.iter().filter(says).count()).unwrap()
}

const ASKED: &str = "They ask you to authenticate with a secret";
const TOO_MANY: &str = "Too many authentications: some of theirs are not looked at.";

#[test]
fn who_asks_without_end_is_looked_at_now_and_then() {
    let mut w = World::new();
    w.private();
    let lines = w.wire.len();
    for number in 0..SMP_BURST * 3 {
        w.bob.ask(None, b"secret");
        w.bob.say(format!("number {number}").as_bytes());
        w.settle();
    }
    let news = w.alice.news();
    assert_eq!(times(&news, ASKED), SMP_BURST);
    assert!(times(&news, TOO_MANY) >= 1);
    assert!(times(&news, "aborted by the peer") <= SMP_BURST);
    // What he writes in between is read all the same, and nothing goes back to him.
    let all: Vec<String> = (0..SMP_BURST * 3).map(|number| format!("number {number}")).collect();
    assert_eq!(heard(&news), all);
    assert!(w.wire[lines..].iter().all(|sent| sent.from != "alice"));

    // After a while he is looked at again, once.
    w.alice.waits(SMP_EVERY.as_secs());
    for _ in 0..3 {
        w.bob.ask(None, b"secret");
        w.settle();
    }
    assert_eq!(times(&w.alice.news(), ASKED), 1);
    w.alice.waits(SMP_EVERY.as_secs());
    w.bob.ask(None, b"secret");
    w.settle();
    w.alice.command("auth bob secret");
    w.settle();
    assert!(told(&w.alice.news(), "Successfully authenticated."));
    assert!(matches!(w.bob.smp().last(), Some(Smp::Verified(_))));
}

/// Steps that fit nothing are answered, and that, too, only so often.
#[test]
fn who_makes_steps_up_is_answered_now_and_then() {
    let mut w = World::new();
    w.private();
    let mut answers = 0;
    for _ in 0..SMP_BURST * 3 {
        // His second step, to a question that was broken off meanwhile.
        w.alice.command("auth bob secret");
        w.settle();
        w.bob_hears = false;
        w.alice.command("authabort bob");
        w.settle();
        w.bob_hears = true;
        w.bob.answer(b"secret");
        let lines = w.wire.len();
        w.settle();
        answers += w.wire[lines..].iter().filter(|sent| sent.from == "alice").count();
    }
    let news = w.alice.news();
    assert_eq!(times(&news, "Authentication was broken off"), SMP_BURST);
    assert!(times(&news, TOO_MANY) >= 1);
    // Whatever else she types waits behind them.
    assert_eq!(answers, SMP_ABORTS_BURST_ALL as usize);
}

/// What a person does who mistypes a secret, or changes their mind.
#[test]
fn several_tries_in_a_row_are_all_looked_at() {
    let mut w = World::new();
    w.private();
    for number in 0..SMP_BURST - 1 {
        w.bob.ask(None, b"secret");
        w.settle();
        match number % 2 {
            0 => w.alice.command("auth bob wrong"),
            _ => w.alice.command("authabort bob"),
        }
        w.settle();
    }
    w.bob.ask(None, b"secret");
    w.settle();
    w.alice.command("auth bob secret");
    w.settle();
    let news = w.alice.news();
    assert_eq!((times(&news, ASKED), times(&news, TOO_MANY)), (SMP_BURST, 0));
    assert!(told(&news, "Successfully authenticated."));
    // What she asks is not counted: nothing is left of what he may ask.
    for _ in 0..2 {
        w.alice.command("auth bob other");
        w.settle();
        w.bob.answer(b"other");
        w.settle();
    }
    assert_eq!(times(&w.alice.news(), "Successfully authenticated."), 2);
}

/// Strangers with a session each share what there is for all.
#[test]
fn many_who_ask_are_one_flood() {
    let mut w = World::new();
    let mut asked = 0;
    for stranger in 0..SMP_BURST_ALL / SMP_BURST + 2 {
        w.mallory = Person::new("mallory");
        w.mallory.nick = format!("stranger{stranger}");
        w.mallory.start();
        w.settle();
        assert!(w.mallory.is_private());
        for _ in 0..SMP_BURST {
            w.mallory.ask(None, b"secret");
            w.settle();
        }
        asked += times(&w.alice.news(), ASKED);
    }
    assert_eq!(asked, SMP_BURST_ALL);
}
