//! The packets between front and worker, of each version that is served.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use proto::worker::{OLDEST, ToFront, ToWorker, VERSION, is_served};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeSet;

fn packets<T: Serialize + DeserializeOwned>(version: u32, way: &str) -> Vec<(Value, T)> {
    let file = format!("{}/vectors/control-{version}.json", env!("CARGO_MANIFEST_DIR"));
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let packets = vectors[way].as_array().unwrap().clone();
    let parse = |packet: Value| match serde_json::from_value(packet.clone()) {
        Ok(message) => (packet, message),
        Err(error) => panic!("version {version}: {packet}: {error}"),
    };
    packets.into_iter().map(parse).collect()
}

/// The names of the kinds of packets.
fn kinds<T>(packets: &[(Value, T)]) -> BTreeSet<String> {
    let kind = |packet: &Value| match packet {
        Value::String(kind) => kind.clone(),
        packet => packet.as_object().unwrap().keys().next().unwrap().clone(),
    };
    packets.iter().map(|(packet, _)| kind(packet)).collect()
}

#[test]
fn this_version_and_the_one_before_are_served() {
    assert_eq!((OLDEST, VERSION), (1, 2));
    assert!(is_served(1) && is_served(2) && !is_served(0) && !is_served(3));
    for version in OLDEST..=VERSION {
        packets::<ToWorker>(version, "to_worker");
        packets::<ToFront>(version, "to_front");
    }
}

#[test]
fn packets_of_this_version_are_written_as_they_are_read() {
    fn check<T: Serialize + DeserializeOwned>(way: &str) {
        for (packet, message) in packets::<T>(VERSION, way) {
            assert_eq!(serde_json::to_value(message).unwrap(), packet);
        }
    }
    check::<ToWorker>("to_worker");
    check::<ToFront>("to_front");
}

/// What the version before does not know is said only to an end that named a newer one.
#[test]
fn what_came_with_this_version_is_known() {
    let new = |way: &str| -> Vec<String> {
        let (old, now) = match way {
            "to_worker" => (
                kinds(&packets::<ToWorker>(OLDEST, way)),
                kinds(&packets::<ToWorker>(VERSION, way)),
            ),
            _ => {
                (kinds(&packets::<ToFront>(OLDEST, way)), kinds(&packets::<ToFront>(VERSION, way)))
            }
        };
        assert!(old.is_subset(&now));
        now.difference(&old).cloned().collect()
    };
    assert_eq!(new("to_worker"), ["do", "state", "take_up"]);
    assert_eq!(new("to_front"), ["here", "state"]);
}

/// A start of the version before names none, and members that are not known are ignored.
#[test]
fn a_front_that_names_no_version_speaks_the_first() {
    let (_, start) = packets::<ToWorker>(1, "to_worker").swap_remove(0);
    let ToWorker::Start { control, .. } = start else { panic!("{start:?}") };
    assert_eq!(control, 1);
    let newer = r#"{"here":{"seq":1,"control":3,"version":"9","account":{"uid":1,"user":"a","network":"n"},"keygen":false,"more":[1]}}"#;
    assert!(matches!(serde_json::from_str(newer), Ok(ToFront::Here(_))));
}
