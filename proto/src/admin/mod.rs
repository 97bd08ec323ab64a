//! What `otrctl` may ask on the admin socket. Who may ask what is decided in `otrd`, in one table.
//!
//! * `call`: everything that can be asked; `status`: how the daemon and its accounts are.
//! * [`import_export`]: keys and fingerprints of other programs, and ours for them.

mod call;
pub mod import_export;
mod status;

pub use crate::account::Selector;
pub use call::{
    AccountEncrypted, Call, CommandLine, EncryptAccount, Encryption, EncryptionState, MAX_BATCH,
    Output, Renew, Renewed, Replace, Replacing, StateOf, Typed, Watch, Watching, no_account,
};
pub use status::{
    AccountStatus, Accounts, Event, EventValue, Former, MAX_FORMER, Page, Status, WorkerStatus,
};
