//! What somebody can do who has got hold of a peer's nick, but not of its key.
//! Each of these works against bare libotr 4.1.1.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::raw::Raw;
use common::{Person, handle, key_file, peer, private_pair, pump};
use otr::{Event, SendError, SmpError, State, Version};

/// Takes the one line that somebody wants to send.
fn line_of(who: &mut Person) -> Vec<u8> {
    who.max = 100_000;
    let line = who.out.pop_front().expect("something to send").1;
    assert!(who.out.is_empty());
    line
}

/// Mallory, under Bob's nick and with Bob's instance tag, which anybody sees on
/// the wire.
fn mallory_as(bob: &Person) -> Person {
    let mut mallory = Person::new("mallory").called("bob");
    let tags = String::from_utf8(bob.otr.instags_file()).unwrap().replace("bob", "mallory");
    mallory.otr.load_instags(tags.as_bytes()).unwrap();
    mallory
}

#[test]
fn a_forged_key_message_does_not_make_a_private_session_plain() {
    let (mut alice, mut bob) = private_pair("?OTRv3?");
    let session = alice.private_with(&peer("bob"));
    let mut mallory = mallory_as(&bob);
    assert_eq!(mallory.otr.instag(), session.instance);

    alice.hear(&peer("bob"), b"?OTRv3?");
    let commitment = line_of(&mut alice);
    mallory.hear(&peer("alice"), &commitment);
    let key_message = line_of(&mut mallory);
    alice.hear(&peer("bob"), &key_message);
    alice.out.clear();

    let after = alice.private_with(&peer("bob"));
    assert_eq!((after.fingerprint, &after.session_id), (session.fingerprint, &session.session_id));
    alice.say(&peer("bob"), session.instance, "still for bob only");
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.heard(), ["still for bob only"]);
    // And a real new exchange still works, and still is a refresh.
    alice.post(&peer("bob"), b"?OTRv3?");
    pump(&mut [&mut alice, &mut bob]);
    assert!(alice.news().iter().any(|event| matches!(event, Event::Refreshed { .. })));
}

#[test]
fn a_forged_key_message_does_not_unblock_a_finished_session() {
    let (mut alice, mut bob) = private_pair("?OTRv3?");
    let instance = alice.private_with(&peer("bob")).instance;
    let events = bob.otr.finish(handle("alice"));
    bob.take(&peer("alice"), events);
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(alice.otr.sessions(handle("bob"))[0].state, State::Finished);

    let mut mallory = mallory_as(&bob);
    alice.hear(&peer("bob"), b"?OTRv3?");
    let commitment = line_of(&mut alice);
    mallory.hear(&peer("alice"), &commitment);
    let key_message = line_of(&mut mallory);
    alice.hear(&peer("bob"), &key_message);
    let sessions = alice.otr.sessions(handle("bob"));
    assert_eq!((sessions[0].instance, sessions[0].state), (instance, State::Finished));
}

#[test]
fn a_forged_commitment_does_not_make_a_session_without_keys() {
    let (mut alice, mut bob) = private_pair("?OTRv2?");
    let mut mallory = Person::new("mallory").called("bob");
    mallory.hear(&peer("alice"), b"?OTRv3?");
    let commitment = line_of(&mut mallory);
    alice.hear(&peer("bob"), &commitment);
    alice.out.clear();

    let sessions = alice.otr.sessions(handle("bob"));
    assert_eq!((sessions.len(), sessions[0].version), (1, Version::V2));
    let forged = mallory.otr.instag();
    let refused = alice.otr.send(handle("bob"), forged, b"to whom?").unwrap_err();
    assert_eq!(refused, SendError::NotPrivate);
    let refused = alice.otr.smp_start(handle("bob"), forged, None, b"s");
    assert_eq!(refused, Err(SmpError::NotPrivate));
    alice.say(&peer("bob"), 0, "still for bob only");
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.heard(), ["still for bob only"]);
}

#[test]
fn a_forged_commitment_does_not_copy_a_finished_session_either() {
    let (mut alice, mut bob) = private_pair("?OTRv2?");
    let events = bob.otr.finish(handle("alice"));
    bob.take(&peer("alice"), events);
    pump(&mut [&mut alice, &mut bob]);
    let mut mallory = Person::new("mallory").called("bob");
    mallory.hear(&peer("alice"), b"?OTRv3?");
    let commitment = line_of(&mut mallory);
    alice.hear(&peer("bob"), &commitment);
    let sessions = alice.otr.sessions(handle("bob"));
    assert_eq!(sessions.len(), 1);
    assert_eq!((sessions[0].instance, sessions[0].state), (0, State::Finished));
}

#[test]
fn an_error_line_and_a_new_exchange_do_not_make_the_last_message_go_to_another_key() {
    for attacker_commits in [true, false] {
        let (mut alice, mut bob) = private_pair("?OTRv2?");
        alice.say(&peer("bob"), 0, "for bob's eyes only");
        pump(&mut [&mut alice, &mut bob]);
        alice.news();

        let mut mallory = Person::new("mallory").called("bob");
        mallory.post(&peer("alice"), b"?OTR Error: please say that again");
        if attacker_commits {
            mallory.hear(&peer("alice"), b"?OTRv2?");
        } else {
            mallory.post(&peer("alice"), b"?OTRv2?");
        }
        pump(&mut [&mut alice, &mut mallory]);
        assert!(mallory.is_private_with(&peer("alice")));
        assert_eq!(mallory.heard(), Vec::<String>::new());
        let news = alice.news();
        let text = b"please say that again".to_vec();
        assert!(news.contains(&Event::ErrorFromPeer { text }), "{news:?}");
        // The other key is a change that the caller hears of.
        let other = mallory.fingerprint();
        assert!(news.iter().any(|event| matches!(
            event,
            Event::Private { fingerprint, .. } if *fingerprint == other
        )));
        assert_eq!(alice.new_keys, [other]);
    }
}

/// The numbers of a real public key, to leave most of them as they are.
fn real_numbers() -> [Vec<u8>; 4] {
    let text = String::from_utf8(key_file("mallory").to_vec()).unwrap();
    ["p", "q", "g", "y"].map(|name| {
        let start = text.find(&format!("({name} #")).expect("the number") + name.len() + 3;
        let hex: String = text[start..]
            .chars()
            .take_while(|c| *c != '#')
            .filter(char::is_ascii_hexdigit)
            .collect();
        let bytes: Vec<u8> = hex
            .as_bytes()
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect();
        bytes.into_iter().skip_while(|byte| *byte == 0).collect()
    })
}

/// Runs a key exchange in which the attacker claims these numbers as its key.
fn exchange(numbers: [&[u8]; 4], attacker_begins: bool) -> (Vec<Event>, bool, Duration) {
    let mut alice = Person::new("alice");
    alice.max = 100_000;
    let mut mallory = Raw::new("mallory", key_file("mallory"));
    mallory.claim_public_key(numbers);
    if attacker_begins {
        mallory.receive("alice", b"?OTRv3?");
    } else {
        alice.hear(&peer("bob"), b"?OTRv3?");
    }
    let begin = Instant::now();
    loop {
        if let Some((_, line)) = alice.out.pop_front() {
            mallory.receive("alice", &line);
        } else if let Some(line) = mallory.out.pop() {
            alice.hear(&peer("bob"), &line);
        } else {
            break;
        }
    }
    (alice.news(), alice.is_private_with(&peer("bob")), begin.elapsed())
}

#[test]
fn a_degenerate_public_key_is_refused_before_it_is_used() {
    let real = real_numbers();
    let [p, q, g, y] = real.each_ref().map(|number| &number[..]);
    let (news, private, _) = exchange([p, q, g, y], true);
    assert!(private, "the real key is taken: {news:?}");
    let (even_p, even_q) = (make_even(p), make_even(q));
    let mut composite = q.to_vec();
    // An odd number with 160 bits that 3 divides.
    composite.fill(0xff);
    let (huge, long) = (vec![0xff; 12_000], vec![0xff; 60]);
    let cases: [[&[u8]; 4]; 14] = [
        [&[], q, g, y],
        [p, &[], g, y],
        [p, q, &[], y],
        [p, q, g, &[]],
        [&[1], &[1], &[1], &[1]],
        [&even_p, q, g, y],
        [p, &even_q, g, y],
        [p, &composite, g, y],
        [p, &long, g, y],
        [&huge, q, g, y],
        [p, q, &[1], y],
        [p, q, g, &[1]],
        [p, q, p, y],
        [p, q, g, &huge],
    ];
    for numbers in cases {
        for attacker_begins in [true, false] {
            let (news, private, time) = exchange(numbers, attacker_begins);
            assert!(!private);
            let why = "the peer's key is malformed and was refused".to_owned();
            let failed = Event::SetupFailed { reason: why };
            assert!(news.contains(&failed), "{news:?}");
            assert!(time < Duration::from_secs(1), "{time:?}");
        }
    }
}

fn make_even(number: &[u8]) -> Vec<u8> {
    let mut number = number.to_vec();
    *number.last_mut().unwrap() &= 0xfe;
    number
}

#[test]
fn instance_tags_are_bounded_and_a_session_survives_a_flood_of_them() {
    let (mut alice, mut bob) = private_pair("?OTRv3?");
    let session = alice.private_with(&peer("bob"));
    let mut mallory = Person::new("mallory").called("bob");
    for _ in 0..50 {
        mallory.otr.load_instags(b"").unwrap();
        mallory.otr = otr::Otr::new("mallory").unwrap();
        mallory.otr.load_key(key_file("mallory")).unwrap();
        mallory.hear(&peer("alice"), b"?OTRv3?");
        let commitment = line_of(&mut mallory);
        alice.hear(&peer("bob"), &commitment);
    }
    assert_eq!(alice.otr.context_count(), 1 + otr::MAX_INSTANCES);
    alice.out.clear();
    alice.say(&peer("bob"), session.instance, "still there");
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.heard(), ["still there"]);
}

#[test]
fn stray_messages_make_no_contexts() {
    let (mut alice, mut bob) = private_pair("?OTRv3?");
    let line = {
        let instance = bob.private_with(&peer("alice")).instance;
        bob.otr.send(handle("alice"), instance, b"x").unwrap().0
    };
    let count = alice.otr.context_count();
    for kind in ["D", "R", "S", "K"] {
        let mut stray = line.clone();
        stray[8] = kind.as_bytes()[0];
        alice.hear(&peer("carol"), &stray);
        alice.hear(&peer("carol"), format!("?OTR:AAI{kind}AAAAAAAA.").as_bytes());
    }
    // To libotr an error line is a reason to send the last message again.
    alice.hear(&peer("carol"), b"?OTR Error: please say that again");
    // For somebody else, and from nobody.
    alice.hear(&peer("carol"), b"?OTR:AAMCAAABAAAAAQAAADE.");
    alice.hear(&peer("carol"), b"?OTR:AAMCAAAAAQAAAAAAADE.");
    assert_eq!(alice.otr.context_count(), count);
    let news = alice.news();
    assert!(news.contains(&Event::OtherInstance), "{news:?}");
    assert!(news.contains(&Event::Malformed), "{news:?}");
}

#[test]
fn strangers_are_bounded_and_give_way_before_anybody_with_a_session() {
    let (mut alice, mut bob) = private_pair("?OTRv3?");
    for i in 0..otr::MAX_STRANGERS + 20 {
        // A commitment that makes no sense still makes a context.
        alice.hear(&peer(&format!("stranger{i}")), b"?OTR:AAICAAAAAAAA.");
    }
    assert!(alice.otr.context_count() <= otr::MAX_STRANGERS + 2);
    let instance = alice.private_with(&peer("bob")).instance;
    alice.say(&peer("bob"), instance, "still there");
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.heard(), ["still there"]);
}

#[test]
fn garbage_under_a_peers_nick_does_nothing_but_say_so() {
    let (mut alice, mut bob) = private_pair("?OTRv3?");
    let instance = bob.private_with(&peer("alice")).instance;
    let good = bob.otr.send(handle("alice"), instance, b"genuine").unwrap().0;
    // Up to the MAC: what follows it is not authenticated, nor of any use.
    for i in 5..good.len() - 16 {
        let mut bad = good.clone();
        bad[i] = if bad[i] == b'x' { b'y' } else { b'x' };
        alice.hear(&peer("bob"), &bad);
        let mut short = good.clone();
        short.truncate(i);
        alice.hear(&peer("bob"), &short);
    }
    assert!(alice.texts.is_empty());
    alice.hear(&peer("bob"), &good);
    assert_eq!(alice.heard(), ["genuine"]);
    let long = [b"?OTR:AAID".to_vec(), vec![b'A'; otr::MAX_LINE], b".".to_vec()].concat();
    alice.news();
    alice.hear(&peer("bob"), &long);
    alice.hear(&peer("bob"), b"?OTRv3? with a \0 in it");
    let news = alice.news();
    assert!(matches!(news[..], [Event::NotPrivate { .. }, Event::Malformed]), "{news:?}");
}
