//! A stage in memory: one or two users with an engine and a module each, friends with bare libotr,
//! an enemy who sees and forges every line, and the IRC network between them.
//!
//! * [`store`]: files that can refuse.
//! * [`person`]: a friend, or the enemy's own client.
//! * [`user`]: the engine, and the module; [`effects`]: which it performs as the shim does.
//! * [`module`]: the link between the two.
//! * [`world`]: the network, the clock and the log of the wire.
//! * [`steps`]: what can happen, [`user_actions`] at a user's own end; [`initial_states`]: from where.
//! * [`invariants`]: what must always hold; [`user_invariants`]: for one user.
#![allow(dead_code, reason = "each test program uses a part")]

pub mod effects;
pub mod initial_states;
pub mod invariants;
pub mod module;
pub mod person;
pub mod steps;
pub mod store;
pub mod user;
pub mod user_actions;
pub mod user_invariants;
pub mod world;

/// A throwaway key file of an account, and which of its keys. To make one takes a processor a tenth of a
/// second and more, and each test is a process.
pub fn key_file(account: &str, which: usize) -> &'static [u8] {
    match (account, which) {
        ("alice", 0) => include_bytes!("../../../../tests/keys/alice.key"),
        ("alice", 1) => include_bytes!("../../../../tests/keys/alice-2.key"),
        ("bob", 0) => include_bytes!("../../../../tests/keys/bob.key"),
        ("bob", 1) => include_bytes!("../../../../tests/keys/bob-2.key"),
        ("carol", 0) => include_bytes!("../../../../tests/keys/carol.key"),
        ("mallory", 0) => include_bytes!("../../../../tests/keys/mallory.key"),
        ("dave", 0) => include_bytes!("../../../../tests/keys/dave.key"),
        ("dave", 1) => include_bytes!("../../../../tests/keys/dave-2.key"),
        _ => panic!("{account} has no key {which}"),
    }
}
