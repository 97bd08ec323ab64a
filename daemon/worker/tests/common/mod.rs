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

use std::sync::OnceLock;

/// Keys are made once for each test program: name of the account, and which of its keys.
const KEYS: [(&str, usize); 8] = [
    ("alice", 0),
    ("alice", 1),
    ("bob", 0),
    ("bob", 1),
    ("carol", 0),
    ("mallory", 0),
    ("dave", 0),
    ("dave", 1),
];

/// The key file of an account.
pub fn key_file(account: &str, which: usize) -> &'static [u8] {
    static MADE: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        otr::init().expect("libotr");
        otr::dsa_check_in_force().expect("the check of keys");
        KEYS.iter().map(|(name, _)| otr::generate_key(name).expect("a key").to_vec()).collect()
    });
    let at = KEYS.iter().position(|key| *key == (account, which)).expect("a known key");
    &made[at]
}
