//! The fuzz targets over their seeds and over everything that was found (`tests/fuzz/found`).
//! `OTRD_FUZZ_SEEDS` names a directory to which the seeds are written for the fuzzer.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;
#[path = "common/gcrypt_cache.rs"]
mod gcrypt_cache;
#[path = "../../../tests/fuzz/src/targets.rs"]
mod targets;

use std::path::PathBuf;
use targets::TARGETS;

#[test]
fn seeds_and_what_was_found_break_no_promise() {
    let found = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/found");
    for target in &TARGETS {
        let seeds = (target.seeds)();
        assert!(seeds.len() > 4, "{} has too few seeds", target.name);
        if let Some(to) = std::env::var_os("OTRD_FUZZ_SEEDS") {
            let to = PathBuf::from(to).join(target.name);
            std::fs::create_dir_all(&to).unwrap();
            for (i, seed) in seeds.iter().enumerate() {
                std::fs::write(to.join(format!("seed-{i:03}")), seed).unwrap();
            }
        }
        let files = std::fs::read_dir(found.join(target.name)).into_iter().flatten();
        let found = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
        seeds.into_iter().chain(found).for_each(|input| (target.run)(&input));
    }
}
