//! Do both know the same secret? The socialist millionaires' protocol.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::{Person, handle, peer, private_pair, pump};
use otr::message::classify;
use otr::{Event, Initiator, Smp, SmpError, SmpOutcome, Trust};

fn start(who: &mut Person, with: &str, question: Option<&str>, secret: &str) {
    let instance = who.private_with(&peer(with)).instance;
    let question = question.map(str::as_bytes);
    let events = who.otr.smp_start(handle(with), instance, question, secret.as_bytes());
    who.take(&peer(with), events.expect("a private session"));
}

fn respond(who: &mut Person, with: &str, secret: &str) {
    let instance = who.private_with(&peer(with)).instance;
    let events = who.otr.smp_respond(handle(with), instance, secret.as_bytes());
    who.take(&peer(with), events.expect("the peer has asked"));
}

#[test]
fn the_same_secret_proves_both_to_each_other() {
    for version in ["?OTRv2?", "?OTRv3?"] {
        let (mut alice, mut bob) = private_pair(version);
        start(&mut alice, "bob", None, "old man and the sea");
        pump(&mut [&mut alice, &mut bob]);
        assert_eq!(bob.smp_news(), [Smp::Asked { question: None }]);
        assert!(bob.private_with(&peer("alice")).smp_asked);
        assert!(alice.private_with(&peer("bob")).smp_running);
        respond(&mut bob, "alice", "old man and the sea");
        pump(&mut [&mut alice, &mut bob]);
        let proof = |initiator| SmpOutcome { initiator, question: false };
        let (we, them) = (proof(Initiator::We), proof(Initiator::Peer));
        assert_eq!(alice.smp_news(), [Smp::Progress(60), Smp::Verified(we)]);
        assert_eq!(bob.smp_news(), [Smp::Verified(them)]);
        assert!(we.proves_peer() && them.proves_peer());
        let session = bob.private_with(&peer("alice"));
        assert!(!session.smp_asked && !session.smp_running);
    }
}

#[test]
fn an_answered_question_proves_only_the_one_who_answered() {
    let (mut alice, mut bob) = private_pair("?OTRv23?");
    start(&mut alice, "bob", Some("which book?"), "the sea");
    pump(&mut [&mut alice, &mut bob]);
    let question = Some(b"which book?".to_vec());
    assert_eq!(bob.smp_news(), [Smp::Asked { question }]);
    respond(&mut bob, "alice", "the sea");
    pump(&mut [&mut alice, &mut bob]);
    let we = SmpOutcome { initiator: Initiator::We, question: true };
    let them = SmpOutcome { initiator: Initiator::Peer, question: true };
    assert_eq!(alice.smp_news(), [Smp::Progress(60), Smp::Verified(we)]);
    assert_eq!(bob.smp_news(), [Smp::Verified(them)]);
    assert!(we.proves_peer() && !them.proves_peer());
}

#[test]
fn another_secret_fails_and_no_trust_is_taken_or_given() {
    let (mut alice, mut bob) = private_pair("?OTRv23?");
    let (hers, his) = (alice.fingerprint(), bob.fingerprint());
    assert!(alice.known.trust(&peer("bob"), his).is_some());
    alice.known.put(&peer("bob"), his, Trust::Manual);
    for (secret, answer) in [("right", "wrong"), ("right", "right")] {
        start(&mut alice, "bob", None, secret);
        pump(&mut [&mut alice, &mut bob]);
        respond(&mut bob, "alice", answer);
        pump(&mut [&mut alice, &mut bob]);
        // libotr itself would have taken it away the first time.
        assert_eq!(alice.known.trust(&peer("bob"), his), Some(Trust::Manual));
        assert_eq!(bob.known.trust(&peer("alice"), hers), Some(Trust::None));
        let (a, b) = (alice.smp_news(), bob.smp_news());
        if secret == answer {
            assert!(
                matches!(a[..], [_, Smp::Verified(_)]) && matches!(b[..], [_, Smp::Verified(_)])
            );
        } else {
            assert!(matches!(a[..], [_, Smp::Failed(_)]) && matches!(b[..], [_, Smp::Failed(_)]));
        }
    }
}

#[test]
fn the_other_can_break_it_off_and_be_asked_again() {
    let (mut alice, mut bob) = private_pair("?OTRv23?");
    start(&mut alice, "bob", None, "s");
    pump(&mut [&mut alice, &mut bob]);
    let instance = alice.private_with(&peer("bob")).instance;
    let events = alice.otr.smp_abort(handle("bob"), instance);
    alice.take(&peer("bob"), events);
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(bob.smp_news(), [Smp::Asked { question: None }, Smp::Aborted]);
    let back = bob.private_with(&peer("alice"));
    assert!(!back.smp_asked);
    let refused = bob.otr.smp_respond(handle("alice"), back.instance, b"s");
    assert_eq!(refused, Err(SmpError::NotAsked));

    start(&mut bob, "alice", Some("again?"), "t");
    pump(&mut [&mut alice, &mut bob]);
    respond(&mut alice, "bob", "t");
    pump(&mut [&mut alice, &mut bob]);
    assert!(matches!(bob.smp_news()[..], [Smp::Progress(60), Smp::Verified(_)]));
}

/// In libotr this is a read through a null pointer.
#[test]
fn nobody_answers_who_was_not_asked() {
    let (mut alice, mut bob) = private_pair("?OTRv23?");
    let with_bob = alice.private_with(&peer("bob")).instance;
    assert_eq!(alice.otr.smp_respond(handle("bob"), with_bob, b"s"), Err(SmpError::NotAsked));
    // Not after asking oneself either.
    start(&mut alice, "bob", None, "s");
    assert_eq!(alice.otr.smp_respond(handle("bob"), with_bob, b"s"), Err(SmpError::NotAsked));
    pump(&mut [&mut alice, &mut bob]);

    // A new key exchange: what was asked belongs to the old session.
    alice.post(&peer("bob"), b"?OTRv3?");
    pump(&mut [&mut alice, &mut bob]);
    let with_alice = bob.private_with(&peer("alice"));
    assert!(!with_alice.smp_asked);
    let refused = bob.otr.smp_respond(handle("alice"), with_alice.instance, b"s");
    assert_eq!(refused, Err(SmpError::NotAsked));
    assert!(!alice.private_with(&peer("bob")).smp_running);

    // The peer asks, and ends the session.
    start(&mut alice, "bob", None, "s");
    let events = alice.otr.finish(handle("bob"));
    alice.take(&peer("bob"), events);
    pump(&mut [&mut alice, &mut bob]);
    let refused = bob.otr.smp_respond(handle("alice"), with_alice.instance, b"s");
    assert_eq!(refused, Err(SmpError::NotPrivate));
    bob.post(&peer("alice"), b"?OTRv3?");
    pump(&mut [&mut alice, &mut bob]);
    let refused = bob.otr.smp_respond(handle("alice"), with_alice.instance, b"s");
    assert_eq!(refused, Err(SmpError::NotAsked));
}

#[test]
fn when_both_ask_at_once_it_is_broken_off_and_can_begin_again() {
    let (mut alice, mut bob) = private_pair("?OTRv23?");
    start(&mut alice, "bob", None, "s");
    start(&mut bob, "alice", None, "s");
    pump(&mut [&mut alice, &mut bob]);
    assert!(alice.smp_news().contains(&Smp::Error));
    assert!(bob.smp_news().contains(&Smp::Error));
    assert!(!alice.private_with(&peer("bob")).smp_running);
    assert!(!bob.private_with(&peer("alice")).smp_running);
    start(&mut alice, "bob", None, "s");
    pump(&mut [&mut alice, &mut bob]);
    respond(&mut bob, "alice", "s");
    pump(&mut [&mut alice, &mut bob]);
    assert!(matches!(alice.smp_news()[..], [Smp::Progress(60), Smp::Verified(_)]));
}

#[test]
fn asking_instead_of_answering_breaks_the_others_run_off() {
    let (mut alice, mut bob) = private_pair("?OTRv23?");
    start(&mut alice, "bob", None, "s");
    pump(&mut [&mut alice, &mut bob]);
    start(&mut bob, "alice", None, "t");
    pump(&mut [&mut alice, &mut bob]);
    assert_eq!(alice.smp_news(), [Smp::Aborted, Smp::Asked { question: None }]);
    respond(&mut alice, "bob", "t");
    pump(&mut [&mut alice, &mut bob]);
    assert!(matches!(bob.smp_news()[..], [_, Smp::Progress(60), Smp::Verified(_)]));
}

#[test]
fn words_that_do_not_fit_are_refused() {
    let (mut alice, _bob) = private_pair("?OTRv23?");
    let instance = alice.private_with(&peer("bob")).instance;
    let mut refusal = |question: Option<&[u8]>, secret: &[u8]| {
        alice.otr.smp_start(handle("bob"), instance, question, secret).unwrap_err()
    };
    let long = [b'x'; 1001];
    assert_eq!(refusal(None, b""), SmpError::EmptySecret);
    assert_eq!(refusal(None, &long), SmpError::TooLong(otr::MAX_SECRET));
    assert_eq!(refusal(Some(&long), b"s"), SmpError::TooLong(otr::MAX_QUESTION));
    assert_eq!(refusal(Some(b"a\0b"), b"s"), SmpError::Nul);
    alice.otr.forget_key();
    let refused = alice.otr.smp_start(handle("bob"), instance, None, b"s");
    assert_eq!(refused, Err(SmpError::NoKey));
    assert_eq!(alice.otr.smp_start(handle("carol"), 0, None, b"s"), Err(SmpError::NotPrivate));
    assert_eq!(alice.otr.smp_abort(handle("carol"), 0), []);
}

#[test]
fn who_does_not_listen_reads_on_and_takes_part_in_what_was_begun() {
    for version in ["?OTRv2?", "?OTRv3?"] {
        let (mut alice, mut bob) = private_pair(version);
        let to_alice = bob.private_with(&peer("alice")).instance;
        bob.max = 100_000;
        start(&mut bob, "alice", Some("which book?"), "the sea");
        let question = bob.out.pop_front().unwrap().1;
        let received =
            alice.otr.receive_ignoring_smp(handle("bob"), &classify(&question), &question);
        let unheard = |event: &Event| matches!(event, Event::Smp { event: Smp::SmpIgnored, .. });
        assert!(received.events.len() == 1 && unheard(&received.events[0]), "{received:?}");
        let session = alice.private_with(&peer("bob"));
        assert!(!session.smp_asked && !session.smp_running);
        let (line, _) = bob.otr.send(handle("alice"), to_alice, b"hello?").unwrap();
        let received = alice.otr.receive_ignoring_smp(handle("bob"), &classify(&line), &line);
        assert_eq!(received.text.as_deref(), Some(&b"hello?"[..]));

        // What alice asks is gone on with.
        bob.otr.smp_abort(handle("alice"), to_alice);
        alice.max = 100_000;
        start(&mut alice, "bob", None, "s");
        pump(&mut [&mut alice, &mut bob]);
        respond(&mut bob, "alice", "s");
        while let Some((_, line)) = bob.out.pop_front() {
            let received = alice.otr.receive_ignoring_smp(handle("bob"), &classify(&line), &line);
            alice.take(&peer("bob"), received.events);
            while let Some((_, line)) = alice.out.pop_front() {
                bob.hear(&peer("alice"), &line);
            }
        }
        assert!(matches!(alice.smp_news()[..], [Smp::Progress(60), Smp::Verified(_)]));
    }
}
