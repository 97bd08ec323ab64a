//! What is forgotten leaves no memory behind. Alone in its program, for it
//! looks at the whole process.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::{Person, peer};

/// libotr leaks 728 bytes for each context that it forgets, and leaves the
/// master pointing at the child that is gone.
#[test]
fn forgotten_contexts_take_their_memory_along() {
    let mut alice = Person::new("alice");
    let mut mallory = Person::new("mallory");
    mallory.hear(&peer("alice"), b"?OTRv3?");
    mallory.max = 10_000;
    mallory.hear(&peer("alice"), b"?OTRv3?");
    let commitment = mallory.out.pop_back().unwrap().1;
    let round = |alice: &mut Person| {
        alice.hear(&peer("mallory"), &commitment);
        alice.out.clear();
        assert_eq!(alice.otr.context_count(), 2);
        // The child is the master's most recent: forget it alone, then use the master.
        alice.otr.forget_peer(&peer("mallory"));
        assert_eq!(alice.otr.context_count(), 0);
        alice.hear(&peer("mallory"), b"?OTRv3?");
        alice.out.clear();
        alice.otr.forget_peer(&peer("mallory"));
    };
    for _ in 0..20 {
        round(&mut alice);
    }
    let before = memory_in_use();
    for _ in 0..100 {
        round(&mut alice);
    }
    let grown = memory_in_use().saturating_sub(before);
    // Three contexts a round would be 218 kB.
    assert!(grown < 50_000, "{grown} bytes");
}

fn memory_in_use() -> usize {
    // SAFETY: only reads malloc's own figures.
    let figures = unsafe { libc::mallinfo2() };
    figures.uordblks
}
