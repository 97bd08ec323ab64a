//! Everything in any order. `OTRD_MODEL_CASES` says how many sequences (a million in the long
//! form), `OTRD_MODEL_STEPS` how long each may be.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::oracle::run;
use common::play::{BEGINNINGS, op};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

fn number(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).ok().and_then(|word| word.parse().ok()).unwrap_or(usual)
}

#[test]
fn nothing_leaks_is_lost_or_faked() {
    let cases = number("OTRD_MODEL_CASES", 1500);
    let steps = number("OTRD_MODEL_STEPS", 24) as usize;
    let config = ProptestConfig {
        cases,
        max_shrink_iters: 4000,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    };
    proptest!(config, |(start in 0..BEGINNINGS, ops in vec(op(), 1..steps))| {
        run(start, &ops);
    });
}
