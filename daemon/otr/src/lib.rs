//! Safe libotr for one IRC account.
//!
//! [`Otr`] owns one libotr user state, which knows peers by a [`Handle`] each and nothing
//! else of them. Every call returns what happened as
//! values; libotr's callbacks only push onto a list, and nothing in here waits,
//! writes a file or knows IRC. Which keys are known of whom is in a
//! [`FingerprintStore`], without libotr. The dangers of libotr 4.1.1 are met here, one
//! module a danger:
//!
//! - [`dsa_check_in_force`]: a peer's malformed public key never reaches libgcrypt;
//! - `restore`: after each call the contexts are put right (no silent downgrade, no
//!   session without keys, no message kept for resending);
//! - [`mod@message`]: only a line that *is* OTR reaches libotr;
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

mod admission;
mod callbacks;
mod context;
#[cfg(test)]
mod defence_in_depth_tests;
mod error;
mod event;
mod fingerprint;
mod fingerprint_store;
pub mod foreign;
pub mod fragment;
mod handle;
mod init;
mod instag;
#[cfg(not(target_feature = "crt-static"))]
mod interpose;
mod key;
mod layout;
mod memfd;
pub mod message;
mod mpi;
mod otr;
mod peer;
mod pubkey_check;
mod record;
mod sessions;
mod smp;
mod snapshot;
mod text_file;
mod trust;
mod user_state;

pub use admission::{MAX_INSTANCES, MAX_STRANGERS};
pub use error::{DsaCheckError, FileError, InitError, KeyError, NewError, SendError, SmpError};
pub use event::{Awaited, Event, Initiator, Received, Session, Smp, SmpOutcome, State};
pub use fingerprint::Fingerprint;
pub use fingerprint_store::{
    FingerprintReport, FingerprintStore, KnownFingerprint, MAX_FINGERPRINTS, MAX_RECORDS_FILE,
};
pub use handle::Handle;
pub use init::{
    Randomness, c_library, init, libgcrypt_version, libgpg_error_version, libotr_version,
    warm_up_rng,
};
pub use key::{MAX_KEY_FILE, generate_key};
pub use memfd::memory_files_work;
pub use message::Version;
pub use otr::{MAX_LINE, MAX_TEXT, Otr};
pub use peer::{MAX_NAME, NameError, Peer};
pub use pubkey_check::dsa_check_in_force;
pub use smp::{MAX_QUESTION, MAX_SECRET};
pub use text_file::TextFile;
pub use trust::Trust;
