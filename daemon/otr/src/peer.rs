//! The validated name of a peer or an account in libotr's files.

use std::ffi::{CStr, CString};
use std::fmt;

/// Longest name of a peer or an account, in bytes. With two of them a line of
/// libotr's fingerprint file stays well under the 1000 bytes that it can read.
pub const MAX_NAME: usize = 200;

/// Why a name cannot be used with libotr's files.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// The name has no bytes.
    #[error("the name is empty: give a nick")]
    Empty,
    /// The name has more than [`MAX_NAME`] bytes.
    #[error("the name is longer than {MAX_NAME} bytes: use a shorter one")]
    TooLong,
    /// NUL, tab, CR or LF: each would end a field or a line of libotr's files.
    #[error("the name contains a tab, a line end or NUL: use one without")]
    Separator,
}

/// The validated name of a peer: 1 to [`MAX_NAME`] bytes without NUL, tab, CR
/// or LF. Compared byte by byte: the caller folds case before.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Peer(CString);

impl Peer {
    /// Checks `name` and keeps it.
    ///
    /// # Errors
    /// [`NameError`] if libotr's files could not hold the name.
    pub fn new(name: &[u8]) -> Result<Peer, NameError> {
        let mut copy = Vec::with_capacity(name.len() + 1);
        copy.extend_from_slice(name);
        Peer::from_vec(copy)
    }

    /// The same without a copy, where there is room for a NUL behind it.
    ///
    /// # Errors
    /// As [`Peer::new`].
    pub fn from_vec(name: Vec<u8>) -> Result<Peer, NameError> {
        Peer::check(&name)?;
        CString::new(name).map(Peer).map_err(|_| NameError::Separator)
    }

    /// Whether this can be a peer's name.
    pub(crate) fn check(name: &[u8]) -> Result<(), NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > MAX_NAME {
            return Err(NameError::TooLong);
        }
        if name.iter().any(|byte| matches!(byte, 0 | b'\t' | b'\r' | b'\n')) {
            return Err(NameError::Separator);
        }
        Ok(())
    }

    /// The name, without the final NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The name as libotr wants it.
    pub(crate) fn as_c(&self) -> &CStr {
        &self.0
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.0.as_bytes().escape_ascii())
    }
}
