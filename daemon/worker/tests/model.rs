//! Everything in any order: the same 6,000 sequences each time, or as many new ones as
//! `OTRD_MODEL_CASES` says, of all parts together. `OTRD_MODEL_STEPS` says how long each may be;
//! with `OTRD_MODEL_PROGRESS` it says how far it is. `tests/run --soak` sets them.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;
#[path = "common/gcrypt_cache.rs"]
mod gcrypt_cache;

use common::initial_states::Start;
use common::invariants::run;
use common::steps::op;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{FileFailurePersistence, RngSeed};
use std::cell::Cell;
use std::time::Instant;

/// Parts that run side by side.
const PARTS: u32 = 4;

/// Nobody is private yet, or there is no key.
#[test]
fn nothing_leaks_is_lost_or_faked() {
    play("beginning in clear", &[Start::Clear, Start::NoKey]);
}

/// Bob is private, trusted or not.
#[test]
fn nothing_leaks_is_lost_or_faked_once_private() {
    play("beginning in private", &[Start::Private, Start::Trusted]);
}

/// Several people, one of them the enemy.
#[test]
fn nothing_leaks_is_lost_or_faked_among_several() {
    play("beginning with several", &[Start::TwoNicks, Start::EnemyToo]);
}

/// Dave has otrd, too.
#[test]
fn nothing_leaks_is_lost_or_faked_between_two_of_us() {
    play("between two of us", &[Start::Dave, Start::DavePrivate, Start::DaveTrusted]);
}

fn play(part: &str, starts: &'static [Start]) {
    let cases = number("OTRD_MODEL_CASES", 6_000).div_ceil(PARTS);
    let steps = number("OTRD_MODEL_STEPS", 24) as usize;
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 4000,
        rng_seed: seed(),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    };
    let progress = Progress::new(part, cases);
    let dave = starts.contains(&Start::Dave);
    proptest!(config, |(start in select(starts), ops in vec(op(dave), 1..steps))| {
        gcrypt_cache::begin(0);
        run(start, &ops);
        progress.one_more();
    });
}

/// The usual form plays the same sequences each time: what it says of a change is the change's own.
/// Whoever asks for a count, as `tests/run --soak` does, gets new ones.
fn seed() -> RngSeed {
    match std::env::var_os("OTRD_MODEL_CASES") {
        Some(_) => RngSeed::Random,
        None => RngSeed::Fixed(4),
    }
}

fn number(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).ok().and_then(|word| word.parse().ok()).unwrap_or(usual)
}

struct Progress<'a> {
    part: &'a str,
    of: u32,
    done: Cell<u32>,
    since: Instant,
    /// Say so each time so many are done.
    every: Option<u32>,
}

impl<'a> Progress<'a> {
    fn new(part: &'a str, of: u32) -> Self {
        let every = std::env::var_os("OTRD_MODEL_PROGRESS").map(|_| (of / 100).max(1));
        Self { part, of, done: Cell::new(0), since: Instant::now(), every }
    }

    fn one_more(&self) {
        let done = self.done.get() + 1;
        self.done.set(done);
        if self.every.is_some_and(|every| done.is_multiple_of(every)) {
            let Self { part, of, since, .. } = self;
            println!("{part}: {done} of {of} in {} s", since.elapsed().as_secs());
        }
    }
}
