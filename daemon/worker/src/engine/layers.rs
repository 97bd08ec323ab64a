//! Parts know nothing of the engine, and there are no circles: each uses only those before it.

use std::path::{Path, PathBuf};

/// In an order in which they could have been written.
const PARTS: [&str; 35] = [
    "action",
    "messages",
    "module_view",
    "output",
    "policy",
    "patterns",
    "policies",
    "allowances",
    "casemapping",
    "persistence",
    "key_dates",
    "known_keys",
    "split_lines",
    "crossing",
    "own_key",
    "conversation",
    "conversations",
    "remembered",
    "key_search",
    "peers",
    "standing",
    "info",
    "overview",
    "help",
    "pattern_lists",
    "forgetting",
    "nicks",
    "casemapping_change",
    "hashes",
    "takeover",
    "closed",
    "peer_limits",
    "load",
    "foreign_files",
    "versions",
];

/// The files of a part: its own, and those in the directory of its name.
fn files(part: &str) -> Vec<PathBuf> {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine");
    let mut files = vec![engine.join(part).with_extension("rs")];
    for entry in std::fs::read_dir(engine.join(part)).into_iter().flatten() {
        files.push(entry.unwrap().path());
    }
    files.retain(|file| file.is_file() && !file.to_string_lossy().ends_with("_tests.rs"));
    files
}

/// What is named behind a path in the code that is no test.
fn named<'a>(source: &'a str, path: &'a str) -> impl Iterator<Item = &'a str> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(move |line| line.split(path).skip(1))
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
}

#[test]
fn a_part_uses_only_parts_before_it() {
    for (number, part) in PARTS.iter().enumerate() {
        let files = files(part);
        for (index, file) in files.iter().enumerate() {
            let source = std::fs::read_to_string(file).unwrap();
            // From a file of its directory, `super` is the part itself.
            let above = if index == 0 { "super::" } else { "super::super::" };
            for name in named(&source, above).chain(named(&source, "crate::engine::")) {
                let before = PARTS.iter().take(number).any(|before| *before == name);
                assert!(before, "{} uses {name:?}", file.display());
            }
        }
    }
}
