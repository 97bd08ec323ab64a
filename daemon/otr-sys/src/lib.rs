//! Declarations of libotr 4.1.1 and of the little of libgcrypt that the safe
//! wrapper (`otr`) needs. Nothing here decides anything.
//!
//! Written by hand from the headers, so that no libclang is needed to build;
//! `check.rs` compares every size, offset and constant with the headers of the
//! target, and what differs does not compile. Names are libotr's, so that its own comments stay
//! the documentation.
#![no_std]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]
#![allow(missing_docs, reason = "the names are libotr's; its headers document them")]

mod check;
mod context;
mod gcrypt;
mod message;

pub use context::*;
pub use gcrypt::*;
pub use libc::FILE;
pub use message::*;
