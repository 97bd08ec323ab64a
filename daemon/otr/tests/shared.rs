//! The shared secret of a key exchange is worked out once by each side, and then no longer known.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::{Person, peer, pump};
use otr::{MAX_STRANGERS, shared_secrets_used_twice as used_twice};

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
        assert!(people.iter().all(|one| !one.otr.keeps_a_shared_secret()));
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
    assert!(alice.otr.keeps_a_shared_secret() && !bob.otr.keeps_a_shared_secret());
    alice.hear(&peer("bob"), &key);
    assert!(!alice.otr.keeps_a_shared_secret());
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
    assert!(!alice.otr.keeps_a_shared_secret());
    talk(&mut alice, &mut bob);
    talk(&mut alice, &mut carol);
}

#[test]
fn the_end_of_the_conversation_time_or_another_name_wipes_it() {
    let ends: [fn(&mut Person); 5] = [
        |alice| drop(alice.otr.finish(&peer("bob"))),
        |alice| alice.otr.poll(),
        |alice| alice.otr.forget_peer(&peer("bob")),
        |alice| alice.otr.rename(&peer("bob"), &peer("robert")).unwrap(),
        // Somebody whose exchange is under way takes the nick of another one.
        |alice| {
            let mut mallory = Person::new("bob").called("mallory");
            mallory.hear(&peer("alice"), b"?OTRv3?");
            while let Some((_, line)) = mallory.out.pop_front() {
                alice.hear(&peer("mallory"), &line);
            }
            alice.otr.rename(&peer("mallory"), &peer("bob")).unwrap();
        },
    ];
    for (which, end) in ends.into_iter().enumerate() {
        let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
        let [_, last] = all_but_the_last_line(&mut alice, &mut bob);
        assert!(alice.otr.keeps_a_shared_secret());
        end(&mut alice);
        assert!(!alice.otr.keeps_a_shared_secret(), "{which}");
        let count = used_twice();
        alice.hear(&peer("bob"), &last);
        assert_eq!(used_twice(), count);
    }
}

#[test]
fn who_has_to_make_room_for_strangers_leaves_nothing_of_it() {
    let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
    all_but_the_last_line(&mut alice, &mut bob);
    for number in 0..=MAX_STRANGERS {
        alice.hear(&peer(&format!("stranger{number}")), b"?OTRv3?");
        if !alice.otr.keeps_a_shared_secret() {
            // He has given way, like everything of him.
            assert!(number > MAX_STRANGERS - 10);
            return;
        }
    }
    panic!("it is still kept");
}
