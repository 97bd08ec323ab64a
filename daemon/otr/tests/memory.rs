//! What libotr 4.1.1 leaks, and we do not. One test, for it looks at the whole
//! process. musl's malloc tells nobody how much is in use.
#![cfg(not(target_env = "musl"))]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::raw::Raw;
use common::{Person, handle, key_file, peer, private_pair, pump};

#[test]
fn memory_does_not_grow() {
    contexts_that_are_forgotten();
    exchanges_that_are_repeated();
    commitments_whose_opening_proves_nothing();
}

/// 728 bytes for each context.
fn contexts_that_are_forgotten() {
    let (mut alice, mut mallory) = (Person::new("alice"), Person::new("mallory"));
    mallory.max = 10_000;
    mallory.hear(&peer("alice"), b"?OTRv3?");
    let commitment = mallory.out.pop_back().unwrap().1;
    stays_the_same(|| {
        alice.hear(&peer("mallory"), &commitment);
        alice.out.clear();
        assert_eq!(alice.otr.context_count(), 2);
        // The child is the most recent one of the master, which is forgotten with it.
        alice.otr.forget(handle("mallory"));
        assert_eq!(alice.otr.context_count(), 0);
        alice.hear(&peer("mallory"), b"?OTRv3?");
        alice.out.clear();
        alice.otr.forget(handle("mallory"));
    });
}

/// 10.7 kB for each exchange in version 3.
fn exchanges_that_are_repeated() {
    for query in ["?OTRv2?", "?OTRv3?"] {
        let (mut alice, mut bob) = private_pair(query);
        stays_the_same(|| {
            bob.post(&peer("alice"), query.as_bytes());
            pump(&mut [&mut alice, &mut bob]);
            alice.news();
            bob.news();
        });
        assert!(alice.is_private_with(&peer("bob")));
    }
}

/// 10.7 kB for each line, to anybody.
fn commitments_whose_opening_proves_nothing() {
    let mut alice = Person::new("alice");
    alice.max = 10_000;
    let mut mallory = Raw::new("mallory", key_file("mallory"));
    mallory.claim_public_key([&[1], &[1], &[1], &[1]]);
    mallory.receive("alice", b"?OTRv3?");
    alice.hear(&peer("bob"), &mallory.out.pop().unwrap());
    mallory.receive("alice", &alice.out.pop_front().unwrap().1);
    let opening = mallory.out.pop().unwrap();
    stays_the_same(|| {
        alice.hear(&peer("bob"), &opening);
        let news = alice.news();
        assert!(matches!(news.last(), Some(otr::Event::SetupFailed { .. })), "{news:?}");
    });
}

fn stays_the_same(mut round: impl FnMut()) {
    for _ in 0..10 {
        round();
    }
    let before = memory_in_use();
    for _ in 0..40 {
        round();
    }
    // libgcrypt's numbers grow a little until each has been as long as it gets.
    let grown = memory_in_use().saturating_sub(before);
    assert!(grown < 25_000, "{grown} bytes in 40 rounds");
}

fn memory_in_use() -> usize {
    // SAFETY: only reads malloc's own figures.
    let figures = unsafe { libc::mallinfo2() };
    figures.uordblks
}
