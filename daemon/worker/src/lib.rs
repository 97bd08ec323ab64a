//! The process that owns the keys of one account: libotr, this account's files, and every
//! decision about a conversation.
//!
//! * [`serve`]: the poll loop that performs what the engine decides.
//! * [`engine`]: decides; pure steps.
//! * [`commands`]: what a user can say to `*otr`.
//! * [`store`], [`control`], [`link`], [`parts`]: files, the front, the ZNC module.
//! * [`unseen`]: what a broken connection must not lose.
//! * [`moving`]: files that come in and go out.
//! * [`keygen`]: the one-shot process that makes a key; [`selftest`]: one that tries all of it.
//! * [`limits`]: every bound and rate.
#![deny(unsafe_code)]

pub mod commands;
pub mod control;
pub mod engine;
pub mod keygen;
pub mod limits;
pub mod link;
pub mod moving;
pub mod parts;
pub mod sandbox;
pub mod selftest;
pub mod serve;
pub mod store;
pub mod text;
pub mod unseen;
