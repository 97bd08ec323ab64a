//! The engine in memory, with real libotr at each end: a user's module, friends, an enemy and the network
//! between them are in `common`. What `model.rs` finds becomes a story here.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;

mod authentications;
mod automatic;
mod broken_links;
mod crossing;
mod disk;
mod names;
mod persistence;
mod regressions;
mod scenarios;
mod states;
mod typed;
