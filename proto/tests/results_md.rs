//! What `PROTOCOL.md` says of the results for admins, against the types.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proto::admin::import_export::{Exported, Forgotten, Imported, KeyOutcome, PeerOutcome};
use proto::admin::{AccountEncrypted, Accounts, EncryptionState, Output, Renewed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const PAGE: &str = include_str!("../PROTOCOL.md");

/// Whether the row of a method has a word.
fn names(method: &str, word: &str) -> bool {
    let section = PAGE.split("\n## Results for admins\n").nth(1).unwrap();
    let start = format!("| `{method}`");
    let row = section.lines().find(|line| line.starts_with(&start)).unwrap();
    row.split('`').skip(3).step_by(2).any(|said| said == word)
}

/// The members of a value with all that its type knows.
fn members<T: Serialize + DeserializeOwned>(full: Value) -> Vec<String> {
    let written = serde_json::to_value(serde_json::from_value::<T>(full.clone()).unwrap()).unwrap();
    assert_eq!(written, full, "not all members are written");
    let inner = ["owners", "peers", "former"].iter().filter_map(|list| full[*list].get(0));
    let objects = [&full].into_iter().chain(inner);
    objects.flat_map(|one| one.as_object().unwrap().keys().cloned()).collect()
}

#[test]
fn every_member_stands_in_the_row_of_its_method() {
    let former = json!({"uid": 0, "user": "alice", "network": "libera", "directory": ".x"});
    let imported = json!({
        "owners": [{"account": "alice", "protocol": "irc", "key": "94A1353B", "known": 1}],
        "from": "alice", "key": "new", "fingerprint": "94A1353B",
        "peers": [{"nick": "bob", "fingerprint": "94A1353B", "trust": "manual", "outcome": "new"}],
        "known": 1, "changed": 1, "skipped": 0, "unknown_trust": ["x"],
    });
    let encryption = json!({"master": true, "old": false, "at_rest": "plain"});
    for (method, members) in [
        ("command", members::<Output>(json!({"output": []}))),
        ("renew", members::<Renewed>(json!({"was": "1"}))),
        ("forget-account", members::<Forgotten>(json!({"aside": ".x"}))),
        (
            "accounts",
            members::<Accounts>(json!({"accounts": [], "more": true, "former": [former]})),
        ),
        ("import", members::<Imported>(imported)),
        ("export", members::<Exported>(json!({"fingerprint": "94A1353B", "known": 1}))),
        ("encryption", members::<EncryptionState>(encryption)),
        ("encrypt-account", members::<AccountEncrypted>(json!({"at_rest": "plain"}))),
    ] {
        for member in members {
            assert!(names(method, &member), "{method}: {member}");
        }
    }
}

#[test]
fn what_can_come_of_an_import_stands_there() {
    // With another variant, a match does not compile: it belongs on the page, too.
    for outcome in [KeyOutcome::None, KeyOutcome::Same, KeyOutcome::New, KeyOutcome::Replaced] {
        match outcome {
            KeyOutcome::None | KeyOutcome::Same | KeyOutcome::New | KeyOutcome::Replaced => {}
        }
        assert!(names("import", serde_json::to_value(outcome).unwrap().as_str().unwrap()));
    }
    for outcome in [PeerOutcome::New, PeerOutcome::Same, PeerOutcome::Kept, PeerOutcome::Changed] {
        match outcome {
            PeerOutcome::New | PeerOutcome::Same | PeerOutcome::Kept | PeerOutcome::Changed => {}
        }
        assert!(names("import", serde_json::to_value(outcome).unwrap().as_str().unwrap()));
    }
}
