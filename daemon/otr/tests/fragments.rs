//! Long messages in short lines, and back.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

use std::time::Duration;

use otr::Peer;
use otr::fragment::{
    FragmentError, LIFETIME, MAX_MESSAGE, MAX_OPEN, MAX_OPEN_PER_PEER, Outcome, Reassembler, cut,
};
use otr::message::{OtrLine, classify};
use proptest::prelude::*;

const V2: &str = "?OTR:AAID";
/// From 0x100 to 0x101.
const V3: &str = "?OTR:AAMDAAABAAAAAQEA";
const NOW: Duration = Duration::from_secs(1000);

fn peer(name: &str) -> Peer {
    Peer::new(name.as_bytes()).unwrap()
}

fn message(head: &str, length: usize) -> Vec<u8> {
    format!("{head}{}.", "A".repeat(length - head.len() - 1)).into_bytes()
}

fn push(reassembler: &mut Reassembler, from: &str, line: &[u8]) -> Outcome {
    push_at(reassembler, NOW, from, line)
}

fn push_at(reassembler: &mut Reassembler, now: Duration, from: &str, line: &[u8]) -> Outcome {
    let OtrLine::Fragment(piece) = classify(line) else { panic!("{}", line.escape_ascii()) };
    reassembler.push(now, &peer(from), &piece, Some(0x101))
}

proptest! {
    #[test]
    fn every_message_survives_every_line_length(
        v3 in any::<bool>(),
        length in 40_usize..4000,
        max in 19_usize..500,
    ) {
        let (head, overhead) = if v3 { (V3, 36) } else { (V2, 18) };
        let max = max.max(overhead + 1);
        let whole = message(head, length);
        let lines = cut(&whole, max).unwrap();
        if length <= max {
            prop_assert_eq!(&lines, &[whole]);
            return Ok(());
        }
        let (last, full) = lines.split_last().unwrap();
        prop_assert!(full.iter().all(|line| line.len() == max) && last.len() <= max);
        prop_assert_eq!(lines.len(), length.div_ceil(max - overhead));
        let mut reassembler = Reassembler::new();
        for line in full {
            prop_assert_eq!(push(&mut reassembler, "bob", line), Outcome::Pending);
        }
        prop_assert_eq!(push(&mut reassembler, "bob", last), Outcome::Complete(whole));
        prop_assert_eq!(reassembler.open(), 0);
    }

    #[test]
    fn no_line_makes_it_stumble(line in prop::collection::vec(any::<u8>(), 0..200), max in 0_usize..100) {
        let _ = classify(&line);
        let with_head = [b"?OTR:AAMD", &line[..]].concat();
        if let Ok(lines) = cut(&with_head, max) {
            prop_assert!(lines.iter().all(|line| line.len() <= max));
        }
        let fragment = [b"?OTR|", &line[..]].concat();
        let _ = classify(&fragment);
    }

    #[test]
    fn pieces_in_any_order_never_make_another_message(order in prop::collection::vec(0_usize..5, 0..40)) {
        let whole = message(V3, 5 * 64);
        let lines = cut(&whole, 100).unwrap();
        prop_assert_eq!(lines.len(), 5);
        let mut reassembler = Reassembler::new();
        for which in order {
            if let Outcome::Complete(made) = push(&mut reassembler, "bob", &lines[which]) {
                prop_assert_eq!(&made, &whole);
            }
        }
    }
}

#[test]
fn a_line_as_short_as_its_own_header_is_an_error() {
    for (head, overhead) in [(V2, 18), (V3, 36)] {
        let whole = message(head, 60);
        for max in 0..=overhead {
            let least = overhead + 1;
            assert_eq!(cut(&whole, max), Err(FragmentError::TooShort { max, least }));
        }
        assert_eq!(cut(&whole, overhead + 1).unwrap().len(), 60);
    }
    assert_eq!(cut(&message(V2, 65_536), 19), Err(FragmentError::TooManyPieces));
    assert_eq!(cut(&message(V2, 65_535), 19).unwrap().len(), 65_535);
}

#[test]
fn only_messages_are_cut() {
    for line in ["?OTRv23? please", "hello", "?OTR Error: no"] {
        assert_eq!(cut(line.as_bytes(), 4), Err(FragmentError::NotAMessage));
        assert_eq!(cut(line.as_bytes(), 20).unwrap(), [line.as_bytes()]);
    }
}

#[test]
fn pieces_look_like_libotrs() {
    let lines = cut(&message(V2, 20), 30).unwrap();
    assert_eq!(lines.len(), 1);
    let lines = cut(&message(V2, 31), 30).unwrap();
    assert_eq!(lines[0], b"?OTR,00001,00003,?OTR:AAIDAAA,");
    let lines = cut(&message(V3, 60), 50).unwrap();
    assert_eq!(lines[4], b"?OTR|00000100|00000101,00005,00005,AAA.,");
}

#[test]
fn what_is_out_of_order_or_for_somebody_else_is_dropped() {
    let mut all = Reassembler::new();
    let lines = cut(&message(V3, 200), 100).unwrap();
    assert_eq!(lines.len(), 4);
    assert_eq!(push(&mut all, "bob", &lines[1]), Outcome::Dropped);
    assert_eq!(push(&mut all, "bob", &lines[0]), Outcome::Pending);
    assert_eq!(push(&mut all, "bob", &lines[2]), Outcome::Dropped);
    assert_eq!(push(&mut all, "bob", &lines[1]), Outcome::Dropped);
    // Twice the same, and another count.
    assert_eq!(push(&mut all, "bob", &lines[0]), Outcome::Pending);
    assert_eq!(push(&mut all, "bob", &lines[0]), Outcome::Pending);
    let other = String::from_utf8(lines[1].clone()).unwrap().replace("00004", "00005");
    assert_eq!(push(&mut all, "bob", other.as_bytes()), Outcome::Dropped);
    let elsewhere = b"?OTR|00000100|00000102,1,2,x,";
    assert_eq!(push(&mut all, "bob", elsewhere), Outcome::Dropped);
    assert_eq!(push(&mut all, "bob", b"?OTR|ff|0,1,2,x,"), Outcome::Dropped);
    assert_eq!(push(&mut all, "bob", b"?OTR|00000100|0,1,2,x,"), Outcome::Pending);
}

#[test]
fn peers_and_instances_do_not_mix() {
    let mut all = Reassembler::new();
    for from in ["bob", "carol"] {
        for tag in ["100", "200"] {
            let line = format!("?OTR|{tag}|0,1,2,{from}{tag},");
            assert_eq!(push(&mut all, from, line.as_bytes()), Outcome::Pending);
        }
    }
    assert_eq!(all.open(), 4);
    let done = push(&mut all, "carol", b"?OTR|200|0,2,2,!,");
    assert_eq!(done, Outcome::Complete(b"carol200!".to_vec()));
    all.forget(&peer("bob"));
    assert_eq!(all.open(), 1);
}

/// By as many messages as each may leave unfinished.
#[test]
fn a_few_nicks_do_not_push_out_what_another_is_sending() {
    let mut all = Reassembler::new();
    assert_eq!(push(&mut all, "bob", b"?OTR,1,2,x,"), Outcome::Pending);
    for nick in 0..2 * MAX_OPEN / MAX_OPEN_PER_PEER {
        for tag in 0x100..0x100 + MAX_OPEN_PER_PEER {
            push(&mut all, &format!("nick{nick}"), format!("?OTR|{tag:x}|0,1,2,x,").as_bytes());
        }
    }
    assert_eq!(all.open(), MAX_OPEN);
    assert_eq!(push(&mut all, "bob", b"?OTR,2,2,y,"), Outcome::Complete(b"xy".to_vec()));
}

#[test]
fn what_is_unfinished_is_bounded_in_size_number_and_time() {
    let mut all = Reassembler::new();
    let big = "x".repeat(MAX_MESSAGE / 2);
    assert_eq!(push(&mut all, "bob", format!("?OTR,1,9,{big},").as_bytes()), Outcome::Pending);
    assert_eq!(push(&mut all, "bob", format!("?OTR,2,9,{big},").as_bytes()), Outcome::Pending);
    assert_eq!(push(&mut all, "bob", b"?OTR,3,9,x,"), Outcome::Dropped);
    assert_eq!(all.open(), 0);

    for tag in 0x100..0x200 {
        push(&mut all, "bob", format!("?OTR|{tag:x}|0,1,2,x,").as_bytes());
    }
    assert_eq!(all.open(), MAX_OPEN_PER_PEER);
    for i in 0..2 * MAX_OPEN {
        push(&mut all, &format!("nick{i}"), b"?OTR,1,2,x,");
    }
    assert_eq!(all.open(), MAX_OPEN);

    let mut all = Reassembler::new();
    push_at(&mut all, NOW, "bob", b"?OTR,1,2,x,");
    push_at(&mut all, NOW, "carol", b"?OTR,1,2,x,");
    let late = NOW + LIFETIME;
    assert_eq!(
        push_at(&mut all, late - Duration::from_nanos(1), "bob", b"?OTR,2,2,y,"),
        Outcome::Complete(b"xy".to_vec())
    );
    assert_eq!(push_at(&mut all, late, "carol", b"?OTR,2,2,y,"), Outcome::Dropped);
}
