//! The fuzz targets over their seeds and over everything that was found (`tests/fuzz/found`).
//! `OTRD_FUZZ_SEEDS` names a directory to which the seeds are written for the fuzzer.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod common;
#[path = "common/gcrypt_cache.rs"]
mod gcrypt_cache;
#[path = "../../../tests/fuzz/src/targets.rs"]
mod targets;

use std::fs;
use std::path::PathBuf;
use targets::TARGETS;

fn fuzz(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz").join(name)
}

#[test]
fn seeds_and_what_was_found_break_no_promise() {
    let found = fuzz("found");
    for target in &TARGETS {
        let seeds = (target.seeds)();
        assert!(seeds.len() > 4, "{} has too few seeds", target.name);
        if let Some(to) = std::env::var_os("OTRD_FUZZ_SEEDS") {
            let to = PathBuf::from(to).join(target.name);
            fs::create_dir_all(&to).unwrap();
            for (i, seed) in seeds.iter().enumerate() {
                fs::write(to.join(format!("seed-{i:03}")), seed).unwrap();
            }
        }
        let files = fs::read_dir(found.join(target.name)).into_iter().flatten();
        let found = files.map(|file| fs::read(file.unwrap().path()).unwrap());
        seeds.into_iter().chain(found).for_each(|input| (target.run)(&input));
    }
}

/// They are built for the fuzzer only: one line each, in which nothing but the name can be wrong.
#[test]
fn each_target_is_a_program_of_the_fuzzer() {
    let package = fs::read_to_string(fuzz("Cargo.toml")).unwrap();
    for name in TARGETS.map(|target| target.name) {
        let program = fs::read_to_string(fuzz(&format!("fuzz_targets/{name}.rs"))).unwrap();
        let call = format!("fuzz_target!(|input: &[u8]| otrd_fuzz::targets::{name}(input));");
        assert_eq!(program, format!("#![no_main]\nlibfuzzer_sys::{call}\n"));
        assert!(package.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}
