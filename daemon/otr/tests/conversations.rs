//! Two people talk, and nobody interferes.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::{Person, handle, peer, private_pair, pump};
use otr::message::classify;
use otr::{Event, Fingerprint, SendError, Session, State, Trust, Version};

#[test]
fn version_3_becomes_private_and_carries_text_both_ways() {
    let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
    let query = alice.otr.query();
    alice.post(&peer("bob"), &query);
    pump(&mut [&mut alice, &mut bob]);
    let news = alice.news();
    let private = Event::Private {
        instance: bob.otr.instag(),
        fingerprint: bob.fingerprint(),
        version: Version::V3,
    };
    assert!(news.contains(&private), "{news:?}");
    assert!(news.contains(&Event::InstagsChanged));
    assert_eq!(alice.new_keys, [bob.fingerprint()]);

    let with_bob = alice.private_with(&peer("bob"));
    let with_alice = bob.private_with(&peer("alice"));
    assert_eq!(with_bob.fingerprint, Some(bob.fingerprint()));
    assert_eq!(with_alice.fingerprint, Some(alice.fingerprint()));
    assert_eq!(with_bob.session_id, with_alice.session_id);
    assert_eq!((with_bob.session_id.len(), with_bob.our_instance), (8, alice.otr.instag()));

    for round in 0..4 {
        alice.say(&peer("bob"), with_bob.instance, &format!("hello {round}"));
        pump(&mut [&mut alice, &mut bob]);
        bob.say(&peer("alice"), with_alice.instance, "grüß dich");
        pump(&mut [&mut alice, &mut bob]);
    }
    assert_eq!(bob.heard(), ["hello 0", "hello 1", "hello 2", "hello 3"]);
    assert_eq!(alice.heard().len(), 4);
}

/// Otherwise a text that waited for the session would overtake the signature.
#[test]
fn the_line_that_completes_an_exchange_comes_before_the_news_of_it() {
    let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
    (alice.max, bob.max) = (10_000, 10_000);
    alice.hear(&peer("bob"), b"?OTRv3?");
    bob.hear(&peer("alice"), &alice.out.pop_front().unwrap().1);
    alice.hear(&peer("bob"), &bob.out.pop_front().unwrap().1);
    let opening = alice.out.pop_front().unwrap().1;
    let events = bob.otr.receive(handle("alice"), &classify(&opening), &opening).events;
    assert!(matches!(events[..], [Event::Inject { .. }, Event::Private { .. }, ..]), "{events:?}");
    bob.take(&peer("alice"), events);
    let with_alice = bob.private_with(&peer("alice")).instance;
    bob.say(&peer("alice"), with_alice, "at once");
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(alice.heard(), ["at once"]);
}

#[test]
fn version_2_has_no_instances() {
    let (mut alice, mut bob) = private_pair("?OTRv2?");
    let session = alice.private_with(&peer("bob"));
    assert_eq!((session.instance, session.version), (0, Version::V2));
    alice.say(&peer("bob"), 0, "hello");
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.heard(), ["hello"]);
}

/// Whoever can use a peer's nick can begin an exchange that never comes about.
#[test]
fn what_begins_an_exchange_in_another_version_leaves_a_session_readable() {
    for (spoken, query) in [
        ("?OTRv2?", "?OTRv3?"),
        ("?OTRv2?", "?OTRv23?"),
        ("?OTRv2?", "?OTR?v23?"),
        ("?OTRv3?", "?OTRv2?"),
    ] {
        let mut stranger = Person::new("mallory").called("bob");
        stranger.max = 100_000;
        stranger.hear(&peer("alice"), query.as_bytes());
        let (_, commitment) = stranger.out.pop_front().expect("a commitment");
        for line in [query.as_bytes().to_vec(), commitment] {
            let (mut alice, mut bob) = private_pair(spoken);
            let before = alice.private_with(&peer("bob"));
            alice.hear(&peer("bob"), &line);
            alice.out.clear();
            let session = alice.private_with(&peer("bob"));
            let who = |session: &Session| (session.instance, session.version);
            assert_eq!(who(&session), who(&before), "{spoken} {query}");
            let to_alice = bob.private_with(&peer("alice")).instance;
            alice.say(&peer("bob"), session.instance, "under the keys that there are");
            bob.say(&peer("alice"), to_alice, "as before");
            pump(&mut [&mut alice, &mut bob]);
            assert_eq!(bob.heard(), ["under the keys that there are"], "{spoken} {query}");
            assert_eq!(alice.heard(), ["as before"], "{spoken} {query}");
        }
    }
}

#[test]
fn the_query_is_one_line_that_names_nobody() {
    let query = Person::new("alice").otr.query();
    assert!(query.starts_with(b"?OTRv23? ") && query.len() < 200);
    assert!(query.is_ascii() && !query.iter().any(u8::is_ascii_control));
    assert!(!query.windows(5).any(|word| word == b"alice") && !query.contains(&b'<'));
}

#[test]
fn a_refresh_keeps_the_session() {
    for version in ["?OTRv2?", "?OTRv3?"] {
        let (mut alice, mut bob) = private_pair(version);
        let before = alice.private_with(&peer("bob"));
        alice.post(&peer("bob"), version.as_bytes());
        pump(&mut [&mut alice, &mut bob]);
        let refreshed =
            Event::Refreshed { instance: before.instance, fingerprint: bob.fingerprint() };
        assert_eq!(alice.news(), [refreshed]);
        let after = alice.private_with(&peer("bob"));
        assert_eq!(after.since, before.since);
        assert_ne!(after.session_id, before.session_id);
        alice.say(&peer("bob"), after.instance, "still here");
        pump(&mut [&mut alice, &mut bob]);
        assert_eq!(bob.heard(), ["still here"]);
    }
}

#[test]
fn whoever_finishes_the_other_is_told_and_can_send_nothing() {
    let (mut alice, mut bob) = private_pair("?OTRv23?");
    let instance = alice.private_with(&peer("bob")).instance;
    let events = alice.otr.finish(handle("bob"));
    alice.take(&peer("bob"), events);
    pump(&mut [&mut alice, &mut bob]);

    assert!(alice.otr.sessions(handle("bob")).is_empty());
    assert_eq!(alice.otr.send(handle("bob"), instance, b"x").unwrap_err(), SendError::NotPrivate);
    let with_alice = alice.otr.instag();
    assert_eq!(bob.news(), [Event::Ended { instance: with_alice }]);
    let session = &bob.otr.sessions(handle("alice"))[0];
    assert_eq!((session.state, session.fingerprint), (State::Finished, None));
    let refused = bob.otr.send(handle("alice"), with_alice, b"in clear?").unwrap_err();
    assert_eq!(refused, SendError::Finished);

    // Bob finishes too, and says nothing about it; then they begin again.
    assert_eq!(bob.otr.finish(handle("alice")), []);
    assert!(bob.otr.sessions(handle("alice")).is_empty());
    bob.post(&peer("alice"), b"?OTRv23?");
    pump(&mut [&mut alice, &mut bob]);
    let news = bob.news();
    assert!(matches!(news[..], [Event::Private { .. }]), "{news:?}");
    assert_eq!(bob.new_keys, []);
}

#[test]
fn text_that_mentions_otr_is_not_lost_in_a_session() {
    let (mut alice, mut bob) = private_pair("?OTRv23?");
    let instance = alice.private_with(&peer("bob")).instance;
    let texts = ["?OTR?", "?OTRv23?", "type ?OTRv2? to begin", "?OTR Error: none", "?OTR:AAMDx."];
    for text in texts {
        alice.say(&peer("bob"), instance, text);
    }
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.heard(), texts);
    // libotr itself puts a query of its own in place of the text.
    let mut raw = common::raw::Raw::new("alice", common::key_file("alice"));
    let line = raw.send("bob", "type ?OTRv2? to begin").unwrap();
    assert!(line.starts_with(b"?OTRv23?\n<b>alice</b>"));
}

#[test]
fn lines_that_are_no_otr_come_back_as_they_were() {
    let mut alice = Person::new("alice");
    for text in ["hello", "what is ?OTRv23? for", "?OTR,1,2,x,", "a \t  \t\t\t\t \t \t \t  "] {
        let text = text.as_bytes();
        let received = alice.otr.receive(handle("bob"), &classify(text), text);
        let event = Event::Unencrypted { text: text.into() };
        assert_eq!((received.text, received.events), (None, vec![event]));
    }
    assert_eq!(alice.otr.receive(handle("bob"), &classify(b"?OTR?"), b"?OTR?").events, []);
    assert_eq!(alice.otr.context_count(), 0);
}

#[test]
fn what_cannot_be_encrypted_is_refused() {
    let (mut alice, _bob) = private_pair("?OTRv23?");
    let instance = alice.private_with(&peer("bob")).instance;
    let mut refusal = |text: &[u8]| alice.otr.send(handle("bob"), instance, text).unwrap_err();
    assert_eq!(refusal(b""), SendError::Empty);
    assert_eq!(refusal(b"a\0b"), SendError::Nul);
    assert_eq!(refusal(&[b'x'; otr::MAX_TEXT + 1]), SendError::TooLong(otr::MAX_TEXT));
    for wrong in [0, 1, 2, 3, 4, 0x100] {
        let refused = alice.otr.send(handle("bob"), wrong, b"x").unwrap_err();
        assert_eq!(refused, SendError::NotPrivate);
    }
    assert_eq!(alice.otr.send(handle("carol"), 0, b"x").unwrap_err(), SendError::NotPrivate);
}

#[test]
fn long_text_goes_through_short_lines() {
    let (mut alice, mut bob) = private_pair("?OTRv23?");
    let instance = alice.private_with(&peer("bob")).instance;
    let long = "é".repeat(otr::MAX_TEXT / 2);
    for max in [100, 1000, 100_000] {
        alice.max = max;
        alice.say(&peer("bob"), instance, &long);
        for (_, line) in std::mem::take(&mut alice.out) {
            bob.hear(&peer("alice"), &line);
        }
        assert_eq!(bob.heard(), [&*long]);
    }
}

#[test]
fn one_peer_on_two_clients_is_two_sessions() {
    let mut alice = Person::new("alice");
    let (mut desk, mut phone) = (Person::new("bob"), Person::new("mallory").called("bob"));
    alice.post(&peer("bob"), b"?OTRv3?");
    pump(&mut [&mut alice, &mut desk, &mut phone]);
    let sessions = alice.otr.sessions(handle("bob"));
    assert_eq!(sessions.len(), 2);
    assert!(sessions[0].last_heard > sessions[1].last_heard);

    let (at_desk, at_phone) = (desk.otr.instag(), phone.otr.instag());
    alice.say(&peer("bob"), at_desk, "at your desk");
    alice.say(&peer("bob"), at_phone, "on your phone");
    pump(&mut [&mut alice, &mut desk, &mut phone]);
    assert_eq!(
        (desk.heard(), phone.heard()),
        (vec!["at your desk".into()], vec!["on your phone".into()])
    );

    let back = alice.otr.instag();
    desk.say(&peer("alice"), back, "yes?");
    pump(&mut [&mut alice, &mut desk, &mut phone]);
    assert_eq!(alice.texts, [(at_desk, "yes?".to_owned())]);
    assert_eq!(alice.otr.sessions(handle("bob"))[0].instance, at_desk);

    // The phone leaves, the desk stays.
    let events = phone.otr.finish(handle("alice"));
    phone.take(&peer("alice"), events);
    pump(&mut [&mut alice, &mut desk, &mut phone]);
    let states: Vec<_> =
        alice.otr.sessions(handle("bob")).iter().map(|one| (one.instance, one.state)).collect();
    assert!(
        states.contains(&(at_desk, State::Encrypted))
            && states.contains(&(at_phone, State::Finished))
    );
}

#[test]
fn after_a_restart_a_message_that_cannot_be_read_is_reported_at_once() {
    for version in ["?OTRv2?", "?OTRv3?"] {
        let (mut alice, mut bob) = private_pair(version);
        let tags = bob.otr.instags_file();
        bob = Person::new("bob");
        bob.otr.load_instags(&tags).unwrap();
        let session = alice.private_with(&peer("bob"));
        alice.say(&peer("bob"), session.instance, "are you there?");
        let events = alice.otr.smp_start(handle("bob"), session.instance, None, b"s").unwrap();
        alice.take(&peer("bob"), events);
        pump(&mut [&mut alice, &mut bob]);
        let instance = if version == "?OTRv2?" { 0 } else { alice.otr.instag() };
        let not_private = |ignorable| Event::NotPrivate { instance, ignorable };
        assert_eq!(bob.news(), [not_private(false), not_private(true)]);
        // A query makes a libotr peer start anew even while it thinks it is private.
        bob.post(&peer("alice"), version.as_bytes());
        pump(&mut [&mut alice, &mut bob]);
        assert!(bob.is_private_with(&peer("alice")));
        alice.say(&peer("bob"), session.instance, "there you are");
        pump(&mut [&mut alice, &mut bob]);
        assert_eq!(bob.heard(), ["there you are"]);
    }
}

#[test]
fn without_a_key_nothing_becomes_private_and_it_is_said() {
    let mut alice = Person::new("alice");
    let mut bob = Person::new("bob");
    bob.otr.forget_key();
    assert!(!bob.otr.has_key());
    alice.post(&peer("bob"), b"?OTRv3?");
    pump(&mut [&mut alice, &mut bob]);
    assert!(bob.news().contains(&Event::KeyNeeded));
    assert!(!alice.is_private_with(&peer("bob")));
}

#[test]
fn unanswered_exchanges_are_wiped_by_polling() {
    let mut alice = Person::new("alice");
    assert_eq!(alice.otr.poll_every(), None);
    alice.hear(&peer("bob"), b"?OTRv3?");
    assert_eq!(alice.otr.poll_every(), Some(std::time::Duration::from_secs(70)));
    alice.otr.poll();
    // Still fresh: it goes on waiting.
    assert!(alice.otr.poll_every().is_some());
    alice.otr.finish(handle("bob"));
    alice.otr.poll();
    assert_eq!(alice.otr.poll_every(), None);
}

/// Bare libotr would answer either commitment, and then wait for ever: both have asked at the same
/// time, as two do whose programs were started again together.
#[test]
fn two_who_ask_at_once_become_private() {
    for _ in 0..8 {
        let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
        alice.hear(&peer("bob"), b"?OTRv23?");
        bob.hear(&peer("alice"), b"?OTRv23?");
        pump(&mut [&mut alice, &mut bob]);
        assert!(alice.is_private_with(&peer("bob")) && bob.is_private_with(&peer("alice")));
        // And again, with the session there.
        alice.news();
        bob.news();
        alice.hear(&peer("bob"), b"?OTRv23?");
        bob.hear(&peer("alice"), b"?OTRv23?");
        pump(&mut [&mut alice, &mut bob]);
        let refreshed = |event: &Event| matches!(event, Event::Refreshed { .. });
        assert!(alice.news().iter().any(refreshed) && bob.news().iter().any(refreshed));
        let instance = alice.private_with(&peer("bob")).instance;
        alice.say(&peer("bob"), instance, "after all");
        pump(&mut [&mut alice, &mut bob]);
        assert_eq!(bob.heard(), ["after all"]);
    }
}

/// A commitment that nobody answered does not keep a later one of the peer's waiting.
#[test]
fn a_lost_commitment_is_made_good() {
    for _ in 0..8 {
        let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob"));
        alice.hear(&peer("bob"), b"?OTRv23?");
        alice.out.clear();
        bob.hear(&peer("alice"), b"?OTRv23?");
        pump(&mut [&mut alice, &mut bob]);
        assert!(alice.is_private_with(&peer("bob")) && bob.is_private_with(&peer("alice")));
    }
}

/// With a peer whose program is libotr alone, which answers any commitment.
#[test]
fn asking_at_once_works_with_bare_libotr() {
    use std::collections::VecDeque;
    for _ in 0..8 {
        let mut alice = Person::new("alice");
        alice.max = 100_000;
        let mut bob = common::raw::Raw::new("bob", common::key_file("bob"));
        alice.hear(&peer("bob"), b"?OTRv23?");
        bob.receive("alice", b"?OTRv23?");
        let mut to_alice: VecDeque<Vec<u8>> = std::mem::take(&mut bob.out).into();
        for _ in 0..50 {
            if let Some((_, line)) = alice.out.pop_front() {
                bob.receive("alice", &line);
                to_alice.extend(std::mem::take(&mut bob.out));
            } else if let Some(line) = to_alice.pop_front() {
                alice.hear(&peer("bob"), &line);
            }
        }
        assert!(alice.is_private_with(&peer("bob")));
        let instance = alice.private_with(&peer("bob")).instance;
        alice.say(&peer("bob"), instance, "to libotr");
        let line = alice.out.pop_front().unwrap().1;
        assert_eq!(bob.receive("alice", &line).unwrap(), b"to libotr");
    }
}

/// By the caller's time: the wall clock, at which libotr looks, may be set.
#[test]
fn who_only_reads_sends_a_heartbeat_now_and_then() {
    for version in ["?OTRv2?", "?OTRv3?"] {
        let (mut alice, mut bob) = private_pair(version);
        (alice.max, bob.max) = (100_000, 100_000);
        let to_alice = bob.private_with(&peer("alice")).instance;
        let to_bob = alice.private_with(&peer("bob")).instance;
        let heartbeats = |alice: &mut Person, bob: &mut Person, seconds| {
            alice.otr.set_now(std::time::Duration::from_secs(seconds));
            bob.say(&peer("alice"), to_alice, "hello");
            alice.hear(&peer("bob"), &bob.out.pop_front().unwrap().1);
            std::mem::take(&mut alice.out).len()
        };
        let sent = [0, 60, 61, 62, 121, 122].map(|at| heartbeats(&mut alice, &mut bob, at));
        assert_eq!(sent, [0, 0, 1, 0, 0, 1]);
        // Whoever writes sends none.
        alice.otr.set_now(std::time::Duration::from_secs(200));
        alice.say(&peer("bob"), to_bob, "hello");
        alice.out.clear();
        assert_eq!(heartbeats(&mut alice, &mut bob, 260), 0);
    }
}

/// libotr walks its list for every line: who is only known of is not in it.
#[test]
fn a_long_history_is_not_in_libotrs_list() {
    let known = |index: u16| {
        let mut bytes = [7; 20];
        bytes[..2].copy_from_slice(&index.to_be_bytes());
        (peer(&format!("peer{index}")), Fingerprint::from_bytes(bytes))
    };
    let (mut alice, mut bob) = (Person::new("alice"), Person::new("bob").called("peer77"));
    for index in 0..1000 {
        let (peer, print) = known(index);
        alice.known.put(&peer, print, Trust::Manual);
    }
    assert_eq!((alice.otr.context_count(), alice.known.len()), (0, 1000));
    assert!(alice.known.trust(&known(3).0, known(3).1).is_some());
    alice.known.put(&known(3).0, known(3).1, Trust::None);
    assert_eq!(alice.known.trust(&known(3).0, known(3).1), Some(Trust::None));
    assert!(alice.known.forget(&known(4).0, known(4).1));
    assert!(!alice.known.forget(&known(4).0, known(4).1));

    let query = alice.otr.query();
    alice.post(&peer("peer77"), &query);
    pump(&mut [&mut alice, &mut bob]);
    assert!(alice.is_private_with(&peer("peer77")));
    // A master and its child; and the key that was known stays, behind the new one.
    assert_eq!((alice.otr.context_count(), alice.known.len()), (2, 1000));
    let of_bob: Vec<_> = alice.known.of(&peer("peer77")).collect();
    assert_eq!((of_bob[0].fingerprint, &of_bob[0].trust), (bob.fingerprint(), &Trust::None));
    assert_eq!((of_bob[1].fingerprint, &of_bob[1].trust), (known(77).1, &Trust::Manual));
    let file = alice.known.file();
    let mut again = Person::new("alice");
    again.known.load(&file).unwrap();
    assert_eq!(again.known.file(), file);
}
