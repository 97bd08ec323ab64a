//! Peers who change their nick, and peers who are forgotten.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::{Person, peer, private_pair, pump};
use otr::{RenameError, State, Trust};

/// Bob changes his nick: he and Alice go on as before.
fn follow(alice: &mut Person, bob: &mut Person, new: &str) {
    alice.otr.rename(&bob.nick, &peer(new)).unwrap();
    bob.nick = peer(new);
}

fn still_talking(alice: &mut Person, bob: &mut Person) {
    let session = alice.private_with(&bob.nick.clone());
    alice.say(&bob.nick.clone(), session.instance, "to you");
    pump(&mut [alice, bob]);
    assert_eq!(bob.heard(), ["to you"]);
    let back = bob.private_with(&peer("alice")).instance;
    bob.say(&peer("alice"), back, "to me");
    pump(&mut [alice, bob]);
    assert_eq!(alice.heard(), ["to me"]);
}

#[test]
fn a_session_follows_its_peer_through_many_names() {
    for version in ["?OTRv2?", "?OTRv3?"] {
        let (mut alice, mut bob) = private_pair(version);
        // Neighbours in libotr's sorted list, on either side.
        for name in ["aaron", "bob_", "zoe"] {
            alice.otr.add_fingerprint(&peer(name), alice.fingerprint(), &Trust::None);
        }
        for name in ["bob_away", "a", "zz", "bob__", "B", "bob"] {
            follow(&mut alice, &mut bob, name);
            still_talking(&mut alice, &mut bob);
            let names: Vec<_> = alice.otr.known().into_iter().map(|one| one.peer).collect();
            assert!(names.is_sorted(), "{names:?}");
        }
        assert_eq!(alice.otr.peers_in_session(), [peer("bob")]);
        assert!(alice.otr.sessions(&peer("bob_away")).is_empty());
    }
}

#[test]
fn trust_stays_with_the_name_under_which_it_was_given() {
    let (mut alice, mut bob) = private_pair("?OTRv3?");
    let his = bob.fingerprint();
    let other = alice.fingerprint();
    alice.otr.set_trust(&peer("bob"), his, &Trust::Manual);
    alice.otr.add_fingerprint(&peer("bob"), other, &Trust::SharedSecret);
    alice.otr.add_fingerprint(&peer("carol"), other, &Trust::Manual);

    // To a name of which other keys are known: they stay, his is new there.
    follow(&mut alice, &mut bob, "carol");
    still_talking(&mut alice, &mut bob);
    assert_eq!(alice.otr.trust(&peer("carol"), his), Some(Trust::None));
    assert_eq!(alice.otr.trust(&peer("carol"), other), Some(Trust::Manual));
    assert_eq!(alice.otr.trust(&peer("bob"), his), Some(Trust::Manual));
    assert_eq!(alice.otr.trust(&peer("bob"), other), Some(Trust::SharedSecret));
    let active = |name: &str| -> Vec<bool> {
        alice.otr.known_of(&peer(name)).iter().map(|one| one.active).collect()
    };
    assert_eq!(active("bob"), [false, false]);
    assert!(active("carol").contains(&true));

    // And back.
    follow(&mut alice, &mut bob, "bob");
    still_talking(&mut alice, &mut bob);
    assert_eq!(alice.otr.trust(&peer("bob"), his), Some(Trust::Manual));
    assert_eq!(alice.otr.trust(&peer("bob"), other), Some(Trust::SharedSecret));
}

#[test]
fn a_name_with_a_session_of_its_own_is_not_taken_over() {
    let (mut alice, mut bob) = private_pair("?OTRv3?");
    let mut mallory = Person::new("mallory");
    alice.post(&peer("mallory"), b"?OTRv3?");
    pump(&mut [&mut alice, &mut mallory]);
    assert_eq!(alice.otr.rename(&peer("mallory"), &peer("bob")), Err(RenameError::InUse));
    assert!(alice.is_private_with(&peer("bob")) && alice.is_private_with(&peer("mallory")));
    still_talking(&mut alice, &mut bob);
    // Not a finished one either: it still blocks clear text.
    let events = bob.otr.finish(&peer("alice"));
    bob.take(events);
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(alice.otr.rename(&peer("mallory"), &peer("bob")), Err(RenameError::InUse));
    // But it can itself be followed.
    alice.otr.rename(&peer("bob"), &peer("bobby")).unwrap();
    assert_eq!(alice.otr.sessions(&peer("bobby"))[0].state, State::Finished);
    alice.otr.rename(&peer("mallory"), &peer("bob")).unwrap();
    mallory.nick = peer("bob");
    still_talking(&mut alice, &mut mallory);
}

#[test]
fn a_key_exchange_under_way_is_followed_and_its_instances_too() {
    let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
    bob.hear(&peer("alice"), b"?OTRv3?");
    let commitment = bob.out.pop_front().unwrap().1;
    alice.max = 10_000;
    alice.hear(&peer("bob"), &commitment);
    let answer = alice.out.pop_front().unwrap().1;
    follow(&mut alice, &mut bob, "robert");
    bob.hear(&peer("alice"), &answer);
    pump(&mut [&mut alice, &mut bob]);
    still_talking(&mut alice, &mut bob);

    let mut phone = Person::new("mallory").called("robert");
    alice.max = 400;
    alice.post(&peer("robert"), b"?OTRv3?");
    pump(&mut [&mut alice, &mut bob, &mut phone]);
    assert_eq!(alice.otr.sessions(&peer("robert")).len(), 2);
    alice.otr.rename(&peer("robert"), &peer("rob")).unwrap();
    assert_eq!(alice.otr.sessions(&peer("rob")).len(), 2);
    assert!(alice.otr.sessions(&peer("robert")).is_empty());
}

#[test]
fn names_without_a_session_stay_as_they_are() {
    let mut alice = Person::new("alice");
    alice.otr.add_fingerprint(&peer("bob"), alice.fingerprint(), &Trust::Manual);
    let file = alice.otr.fingerprints_file();
    for (old, new) in [("bob", "carol"), ("nobody", "bob"), ("bob", "bob")] {
        alice.otr.rename(&peer(old), &peer(new)).unwrap();
    }
    assert_eq!(alice.otr.fingerprints_file(), file);
}

#[test]
fn an_smp_run_goes_along() {
    let (mut alice, mut bob) = private_pair("?OTRv3?");
    let with_alice = bob.private_with(&peer("alice")).instance;
    let events = bob.otr.smp_start(&peer("alice"), with_alice, None, b"s").unwrap();
    bob.take(events);
    pump(&mut [&mut alice, &mut bob]);
    follow(&mut alice, &mut bob, "bobby");
    let session = alice.private_with(&peer("bobby"));
    assert!(session.smp_asked);
    let events = alice.otr.smp_respond(&peer("bobby"), session.instance, b"s").unwrap();
    alice.take(events);
    pump(&mut [&mut alice, &mut bob]);
    assert!(matches!(bob.smp_news()[..], [_, otr::Smp::Verified(_)]));
}

#[test]
fn forgetting_keeps_what_is_worth_keeping() {
    let (mut alice, mut bob) = private_pair("?OTRv3?");
    alice.otr.forget_peer(&peer("bob"));
    still_talking(&mut alice, &mut bob);
    alice.otr.finish(&peer("bob"));
    alice.otr.forget_peer(&peer("bob"));
    // The master stays for the fingerprint's sake.
    assert_eq!((alice.otr.context_count(), alice.otr.known().len()), (1, 1));
    alice.otr.forget_fingerprint(&peer("bob"), bob.fingerprint()).unwrap();
    alice.otr.forget_peer(&peer("bob"));
    alice.otr.forget_peer(&peer("nobody"));
    assert_eq!(alice.otr.context_count(), 0);
    // And it can begin again.
    bob.otr.finish(&peer("alice"));
    alice.post(&peer("bob"), b"?OTRv3?");
    pump(&mut [&mut alice, &mut bob]);
    still_talking(&mut alice, &mut bob);
}
