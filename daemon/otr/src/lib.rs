//! Safe libotr for one IRC account.
//!
//! [`Otr`] owns one libotr user state. Every call returns what happened as
//! values; libotr's callbacks only push onto a list, and nothing in here waits,
//! writes a file or knows IRC. The dangers of libotr 4.1.1 are met here, one
//! module a danger:
//!
//! - [`dsa_check_in_force`]: a peer's malformed public key never reaches libgcrypt;
//! - `heal`: after each call the contexts are put right (no silent downgrade, no
//!   session without keys, no message kept for resending, no trust taken away);
//! - [`mod@line`]: only a line that *is* OTR reaches libotr;
//! - [`fragment`]: lines are cut to the byte and put together within bounds.
//!
//! [`foreign`] reads the files of other programs.
//!
//! A program that links this crate must export our `gcry_pk_verify`. One line
//! in its own build.rs does it:
//!
//! ```no_run
//! println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol=gcry_pk_verify");
//! ```
//!
//! and it must refuse to go on unless [`dsa_check_in_force`] says so.

mod admit;
mod callbacks;
mod context;
mod dsa;
mod error;
mod event;
pub mod foreign;
pub mod fragment;
mod heal;
mod init;
mod interposed;
mod key;
pub mod line;
#[cfg(test)]
mod locks;
mod memfile;
mod mpi;
mod name;
mod peers;
mod record;
mod records;
mod shelf;
mod smp;
mod state;
mod text_file;

pub use admit::{MAX_INSTANCES, MAX_STRANGERS};
pub use dsa::dsa_check_in_force;
pub use error::{
    DsaCheckError, FileError, ForgetError, InitError, KeyError, NewError, RenameError, SendError,
    SmpError,
};
pub use event::{Asker, Event, Known, Proof, Received, Session, Smp, State};
pub use init::{Randomness, draw_randomness, init};
pub use key::{MAX_KEY_FILE, generate_key};
pub use memfile::memory_files_work;
pub use name::{Fingerprint, MAX_NAME, NameError, Peer, Trust, Version};
pub use records::{FingerprintReport, MAX_FINGERPRINTS, MAX_RECORDS_FILE};
pub use smp::{MAX_QUESTION, MAX_SECRET};
pub use state::{MAX_LINE, MAX_TEXT, Otr};
pub use text_file::TextFile;
