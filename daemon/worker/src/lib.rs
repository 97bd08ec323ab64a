//! The process that owns the keys of one account: libotr, this account's files, and every
//! decision about a conversation.
//!
//! * [`event_loop`]: the poll loop that performs what the engine decides.
//! * [`engine`]: decides; pure steps.
//! * [`commands`]: what a user can say to `*otr`.
//! * [`store`], [`control`], [`connection`], [`chunking`]: files, the front, the ZNC module.
//! * [`outbox`]: what goes to the ZNC module, and what a broken connection must not lose.
//! * [`bundle_io`]: files that come in and go out.
//! * [`keygen`]: the one-shot process that makes a key; [`selftest`]: one that tries all of it.
//! * [`own_memory`]: what this process takes.
//! * [`limits`]: every bound and rate.
#![deny(unsafe_code)]

pub mod bundle_io;
pub mod chunking;
pub mod commands;
pub mod connection;
pub mod control;
pub mod engine;
pub mod event_loop;
pub mod keygen;
pub mod limits;
pub mod outbox;
pub mod own_memory;
pub mod sandbox;
pub mod selftest;
pub mod store;
pub mod text;
