//! The wire types spoken between the ZNC module, `otrd`, its workers and `otrctl`.
//!
//! The prose is in `PROTOCOL.md`; every example there and every file under `vectors/` is run
//! against these types. No clock, no socket and no async runtime: bytes in, types out.
//!
//! * [`mod@line`]: bytes to lines, bounded.
//! * [`jsonrpc`]: a line to requests, with JSON-RPC 2.0's own error codes and batches.
//! * [`shim`]: what the ZNC module may ask, and the effects it is told to perform.
//! * [`command`]: what a user can tell `*otr` to do; [`overview`]: how an account is, as data.
//! * [`admin`]: what `otrctl` may ask; [`bundle`]: the files of one account in a descriptor.
//! * [`worker`]: what the front and a worker say to each other.
//! * [`paths`]: where otrd, its worker and its files are; [`user_database`]: who users are.
//! * [`wiped`]: bytes that are wiped when they are dropped.
//! * [`irc`], [`account`]: IRC text, nicks and account names, checked once.
#![forbid(unsafe_code)]

pub mod account;
pub mod admin;
pub mod at_rest;
pub mod bundle;
pub mod command;
pub mod irc;
pub mod jsonrpc;
pub mod line;
pub mod overview;
mod params;
pub mod paths;
pub mod shim;
pub mod user_database;
pub mod wiped;
pub mod worker;

/// The protocol's version, said in `hello`. It changes only when an old shim could be unsafe.
pub const VERSION: u32 = 1;

/// Length in bytes of the longest line that either side may send, LF included.
pub const MAX_LINE: usize = 64 * 1024;
