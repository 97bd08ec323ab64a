//! The wire types spoken between the ZNC module, `otrd`, its workers and `otrctl`.
//!
//! The prose is in `PROTOCOL.md`; every example there and every file under `vectors/` is run
//! against these types. No clock, no socket and no async runtime: bytes in, types out.
//!
//! * [`frame`]: bytes to lines, bounded.
//! * [`jsonrpc`]: a line to requests, with JSON-RPC 2.0's own error codes and batches.
//! * [`shim`]: what the ZNC module may ask, and the effects it is told to perform.
//! * [`admin`]: what `otrctl` may ask; [`moving`]: keys in and out; [`bundle`]: the files of one
//!   account in a descriptor.
//! * [`control`]: what the front and a worker say to each other.
//! * [`paths`]: where otrd, its worker and its files are.
//! * [`text`], [`account`]: IRC text, nicks and account names, checked once.
#![forbid(unsafe_code)]

pub mod account;
pub mod admin;
pub mod at_rest;
pub mod bundle;
mod call;
pub mod control;
pub mod frame;
pub mod guard;
mod identity;
pub mod jsonrpc;
pub mod moving;
mod params;
pub mod paths;
pub mod shim;
mod standing;
pub mod text;

/// The protocol's version, said in `hello`. It changes only when an old shim could be unsafe.
pub const VERSION: u32 = 1;

/// Length in bytes of the longest line that either side may send, LF included.
pub const MAX_LINE: usize = 64 * 1024;
