//! Whether an account's files are encrypted on disk.

use serde::{Deserialize, Serialize};

/// Whether files are encrypted on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtRest {
    /// As libotr writes them.
    Plain,
    /// Under the account's key.
    Encrypted,
}
