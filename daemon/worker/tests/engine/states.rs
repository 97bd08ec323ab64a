//! What a module is told of how conversations stand, and of what protected a text. That it is always
//! what the engine itself holds for true, whatever happens, is looked at by the model at each step.

use crate::common::person::Person;
use crate::common::user::{User, nick};
use crate::common::world::{Dir, World};
use proto::shim::{MessageKind, Security, Smp, Standing, State, Trust};
use worker::limits::QUERY_TIMEOUT;

fn of<'a>(user: &'a User, who: &str) -> &'a Standing {
    user.states.get(&nick(who)).unwrap_or_else(|| panic!("nothing is known of {who}"))
}

fn state(user: &User, who: &str) -> (State, Trust) {
    let one = of(user, who);
    let is_one = |key: &String| {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        key.len() == 40 && key.bytes().all(digit)
    };
    assert_eq!(one.fingerprint.as_ref().is_some_and(is_one), one.state == State::Private);
    (one.state, one.trust)
}

#[test]
fn each_change_is_told() {
    let mut w = World::new();
    w.alice.says("bob", "hello there");
    assert!(w.alice.states.is_empty(), "nothing is to be said of who is clear");
    w.inward.holds = true;
    w.alice.command("start bob");
    w.alice.says("bob", "one");
    w.settle();
    assert_eq!(state(&w.alice, "bob"), (State::Asking, Trust::None));
    assert_eq!(of(&w.alice, "bob").waiting, 1);
    w.let_go(Dir::In);
    w.settle();
    assert_eq!(state(&w.alice, "bob"), (State::Private, Trust::None));
    assert_eq!(of(&w.alice, "bob").waiting, 0);
    assert_eq!(of(&w.alice, "bob").policy, "opportunistic");
    w.alice.command("trust bob");
    assert_eq!(state(&w.alice, "bob"), (State::Private, Trust::Manual));
    w.alice.command("distrust bob");
    assert_eq!(state(&w.alice, "bob"), (State::Private, Trust::None));
    w.alice.command("policy bob required");
    assert_eq!(of(&w.alice, "bob").policy, "required");
    w.bob.finish();
    w.settle();
    assert_eq!(state(&w.alice, "bob"), (State::Finished, Trust::None));
    w.alice.command("finish bob");
    assert_eq!(state(&w.alice, "bob"), (State::Clear, Trust::None));
    w.alice.knows_how_all_stand();
}

#[test]
fn an_authentication_is_told_with_its_question() {
    let mut w = World::new();
    w.private();
    w.bob.ask(Some(b"where did\x02 we\nmeet?"), b"in Rome");
    w.settle();
    let one = of(&w.alice, "bob");
    assert_eq!((one.smp, one.trust), (Smp::Asked, Trust::None));
    let question = one.question.as_ref().unwrap().as_bytes();
    assert_eq!(question, b"where did we meet?");
    // He never hears the answer.
    w.outward.holds = true;
    w.alice.command("auth bob in Rome");
    assert_eq!(of(&w.alice, "bob").smp, Smp::Answering);
    assert_eq!(of(&w.alice, "bob").question, None);
    w.alice.command("authabort bob");
    assert_eq!(of(&w.alice, "bob").smp, Smp::None);
}

#[test]
fn a_secret_that_is_right_is_told() {
    let mut w = World::new();
    w.private();
    w.alice.command("auth bob in Rome");
    w.settle();
    w.bob.answer(b"in Rome");
    w.settle();
    assert_eq!(state(&w.alice, "bob"), (State::Private, Trust::Secret));
}

#[test]
fn a_changed_key_is_told_and_what_comes_under_it() {
    let mut w = World::new();
    w.trusted();
    w.bob.say(b"one");
    w.settle();
    assert_eq!(w.alice.protected.last(), Some(&("one".into(), Security::Verified)));
    w.bob.restart(1);
    w.bob.start();
    w.settle();
    assert_eq!(state(&w.alice, "bob"), (State::Private, Trust::Changed));
    w.bob.say(b"two");
    w.settle();
    w.alice.hears("bob", MessageKind::Text, b"three");
    w.settle();
    let shown: Vec<Security> = w.alice.protected.iter().map(|(_, security)| *security).collect();
    assert_eq!(shown, [Security::Verified, Security::Changed, Security::Clear]);
    w.alice.command("trust bob");
    assert_eq!(state(&w.alice, "bob"), (State::Private, Trust::Manual));
}

#[test]
fn both_nicks_of_who_changes_it_are_told() {
    let mut w = World::new();
    w.trusted();
    w.rename(|w| &mut w.bob, "bobby");
    assert_eq!(state(&w.alice, "bob"), (State::Interrupted, Trust::None));
    assert_eq!(w.alice.states[&nick("bobby")].state, State::Private);
    // The trust does not travel.
    assert_eq!(state(&w.alice, "bobby"), (State::Private, Trust::None));
    w.rename(|w| &mut w.bob, "BOBBY");
    assert_eq!(state(&w.alice, "BOBBY"), (State::Private, Trust::None));
    assert_eq!(of(&w.alice, "bobby").state, State::Clear);
    w.alice.knows_how_all_stand();
}

#[test]
fn all_are_told_after_a_restart_and_what_changed_after_a_break() {
    let mut w = World::new();
    w.private();
    w.alice.restart_worker();
    assert_eq!(state(&w.alice, "bob").0, State::Asking, "a new session is asked for");
    w.settle();
    assert_eq!(state(&w.alice, "bob"), (State::Private, Trust::None));
    w.alice.disconnect();
    w.alice.connect();
    w.alice.knows_how_all_stand();
    w.alice.reload(false);
    assert_eq!(state(&w.alice, "bob"), (State::Private, Trust::None));
    w.alice.knows_how_all_stand();
}

#[test]
fn who_does_not_answer_is_clear_again() {
    let mut w = World::new();
    w.bob_hears = false;
    w.alice.command("start bob");
    w.settle();
    assert_eq!(state(&w.alice, "bob").0, State::Asking);
    w.alice.waits(QUERY_TIMEOUT.as_secs() + 1);
    assert_eq!(state(&w.alice, "bob").0, State::Clear);
}

/// Nobody asked for that.
#[test]
fn a_stranger_who_writes_makes_no_states() {
    let mut w = World::new();
    let mallory: &Person = &w.mallory;
    assert!(!mallory.is_private());
    w.alice.command("policy * required");
    for number in 0..100 {
        w.alice.hears(&format!("stranger{number}"), MessageKind::Text, b"hello");
    }
    assert!(w.alice.states.is_empty(), "{:?}", w.alice.states);
    w.alice.knows_how_all_stand();
}
