//! `proto/PROTOCOL.md` and `proto/EXAMPLES.md`: every conversation on the pages is held with a real
//! otrd and its workers. With `UPDATE=1` the answers are written anew.
//!
//! A conversation is a block of `json`. What its lines mean is said at the top of EXAMPLES.md; the
//! directions are in `stage.rs`. An otrd that has said nothing yet serves each of them.

use std::collections::BTreeMap;

use otrd_tests::World;
use serde_json::Value;

use crate::stage::Stage;

/// Members with another value at each run, or in each release: the page's is one of the same type.
const DIFFERS: [&str; 13] = [
    "daemon",
    "libotr",
    "libgcrypt",
    "pid",
    "uptime",
    "memory",
    "since",
    "first_used",
    "last_used",
    "directory",
    "sandbox",
    "qr",
    "made",
];

#[test]
fn every_example_of_the_protocols_page_is_true() {
    plays("PROTOCOL.md", include_str!("../../../proto/PROTOCOL.md"));
}

#[test]
fn every_conversation_on_the_page_of_examples_is_true() {
    plays("EXAMPLES.md", include_str!("../../../proto/EXAMPLES.md"));
}

fn plays(name: &str, page: &str) {
    let mut wrong = Vec::new();
    let mut anew: Vec<String> = Vec::new();
    let mut number = 1;
    for (index, part) in page.split("```").enumerate() {
        let block = (index % 2 == 1).then(|| part.strip_prefix("json\n")).flatten();
        let Some(block) = block.filter(|block| can_be_held(block)) else {
            number += part.matches('\n').count();
            anew.push(part.to_owned());
            continue;
        };
        let said: Vec<&str> = block.lines().collect();
        let mut held = Stage::new().holds(&said);
        for (at, line) in held.iter_mut().enumerate() {
            match said.get(at) {
                Some(page) if fits(page, line) => (*page).clone_into(line),
                page => wrong.push(format!(
                    "{name}:{}: page: {}\n  true: {line}",
                    number + at + 1,
                    page.unwrap_or(&"nothing"),
                )),
            }
        }
        for (at, line) in said.iter().enumerate().skip(held.len()) {
            wrong.push(format!("{name}:{}: page: {line}\n  true: nothing", number + at + 1));
        }
        number += part.matches('\n').count();
        anew.push(format!("json\n{}\n", held.join("\n")));
    }
    if std::env::var_os("UPDATE").is_some() {
        let path = format!("{}/../proto/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, anew.join("```")).expect("the page");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether we are somebody who can play all of a block; says where not.
fn can_be_held(block: &str) -> bool {
    let can = !block.contains("as another Unix user") || World::has_other_users();
    if !can {
        eprintln!("skipped: only root can be two users: {block}");
    }
    can
}

/// The same line, but for [`DIFFERS`].
fn fits(page: &str, line: &str) -> bool {
    let value = |line: &str| serde_json::from_str(line.strip_prefix("<-- ")?).ok();
    match (value(page), value(line)) {
        (Some(page), Some(line)) => same(&page, &line),
        _ => page == line,
    }
}

fn same(page: &Value, line: &Value) -> bool {
    match (page, line) {
        (Value::Object(page), Value::Object(line)) => {
            let (page, line): (BTreeMap<_, _>, BTreeMap<_, _>) =
                (page.iter().collect(), line.iter().collect());
            let is_pid = page.get(&"what".to_owned()).is_some_and(|what| *what == "worker");
            let differs = |name: &str| DIFFERS.contains(&name) || is_pid && name == "now";
            page.keys().eq(line.keys())
                && page.iter().all(|(name, value)| match differs(name) {
                    true => std::mem::discriminant(*value) == std::mem::discriminant(line[name]),
                    false => same(value, line[name]),
                })
        }
        (Value::Array(page), Value::Array(line)) => {
            page.len() == line.len() && page.iter().zip(line).all(|(page, line)| same(page, line))
        }
        _ => page == line,
    }
}
