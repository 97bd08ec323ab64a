//! The shared secret of a key exchange is worked out once by each side, and then no longer known.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::{Person, peer, pump};
use otr::shared_secrets_used_twice as used_twice;

/// Up to where `other` has what it needs, and only its last line is still on its way to `waiting`.
/// The lines of `other`.
fn all_but_the_last_line(waiting: &mut Person, other: &mut Person) -> [Vec<u8>; 2] {
    let (one, two) = (waiting.nick.clone(), other.nick.clone());
    (waiting.max, other.max) = (10_000, 10_000);
    waiting.hear(&two, b"?OTRv3?");
    other.hear(&one, &waiting.out.pop_front().unwrap().1);
    let key = other.out.pop_front().unwrap().1;
    waiting.hear(&two, &key);
    other.hear(&one, &waiting.out.pop_front().unwrap().1);
    assert!(other.is_private_with(&one));
    [key, other.out.pop_front().unwrap().1]
}

fn talk(one: &mut Person, other: &mut Person) {
    for (from, to) in [(0, 1), (1, 0), (0, 1)] {
        let mut people = [&mut *one, &mut *other];
        let with = people[to].nick.clone();
        let instance = people[from].private_with(&with).instance;
        people[from].say(&with, instance, "hello");
        pump(&mut people);
        assert_eq!(people[to].heard(), ["hello"]);
    }
}

#[test]
fn each_side_uses_it_for_the_session_without_working_it_out_again() {
    let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
    let mut count = used_twice();
    for _ in 0..3 {
        let query = alice.otr.query();
        alice.post(&peer("bob"), &query);
        pump(&mut [&mut alice, &mut bob]);
        assert_eq!(used_twice(), count + 2);
        talk(&mut alice, &mut bob);
        count += 2;
        assert_eq!(used_twice(), count, "nothing of it is left for messages");
    }
}

#[test]
fn another_line_of_the_peer_in_between_wipes_it() {
    let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
    let [key, last] = all_but_the_last_line(&mut alice, &mut bob);
    alice.hear(&peer("bob"), &key);
    let count = used_twice();
    alice.hear(&peer("bob"), &last);
    assert_eq!(used_twice(), count);
    talk(&mut alice, &mut bob);
}

#[test]
fn it_is_kept_for_the_latest_exchange_alone() {
    let mut alice = Person::new("alice");
    let (mut bob, mut carol) = (Person::new("bob"), Person::new("bob").called("carol"));
    let [_, of_bob] = all_but_the_last_line(&mut alice, &mut bob);
    let [_, of_carol] = all_but_the_last_line(&mut alice, &mut carol);
    let count = used_twice();
    alice.hear(&peer("bob"), &of_bob);
    assert_eq!(used_twice(), count);
    alice.hear(&peer("carol"), &of_carol);
    assert_eq!(used_twice(), count + 1);
    talk(&mut alice, &mut bob);
    talk(&mut alice, &mut carol);
}

#[test]
fn ending_the_conversation_or_time_wipes_it() {
    let ends: [fn(&mut Person); 3] = [
        |alice| drop(alice.otr.finish(&peer("bob"))),
        |alice| alice.otr.poll(),
        |alice| alice.otr.forget_peer(&peer("bob")),
    ];
    for end in ends {
        let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
        let [_, last] = all_but_the_last_line(&mut alice, &mut bob);
        end(&mut alice);
        let count = used_twice();
        alice.hear(&peer("bob"), &last);
        assert_eq!(used_twice(), count);
    }
}
