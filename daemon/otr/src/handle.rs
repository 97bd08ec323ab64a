//! How libotr knows a peer: by a number that never changes.

use std::ffi::{CStr, c_char};
use std::io::Write;

/// A peer, whatever its nick. To libotr its name is `p` and the number: a peer that changes its
/// nick keeps its handle, and with it its sessions.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Handle(u64);

impl Handle {
    /// The peer with this number. Two peers of one [`crate::Otr`] must not share one.
    #[must_use]
    pub const fn new(number: u64) -> Handle {
        Handle(number)
    }

    /// The name that libotr has for this peer.
    pub(crate) fn username(self) -> Username {
        let mut name = [0; MAX_USERNAME + 1];
        let mut rest = name.as_mut_slice();
        // There is room for every number, and one NUL more.
        let _ = write!(rest, "p{}", self.0);
        Username(name)
    }

    /// The peer with this name in libotr.
    pub(crate) fn of(username: &CStr) -> Option<Handle> {
        username.to_str().ok()?.strip_prefix('p')?.parse().ok().map(Handle)
    }
}

/// A letter and the digits of the largest number.
const MAX_USERNAME: usize = 1 + 20;

/// `p17`, with its NUL.
pub(crate) struct Username([u8; MAX_USERNAME + 1]);

impl Username {
    /// A C string, for as long as this value is there.
    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_name_of_its_own() {
        for (number, name) in [(0, c"p0"), (17, c"p17"), (u64::MAX, c"p18446744073709551615")] {
            let written = Handle::new(number).username();
            assert_eq!(CStr::from_bytes_until_nul(&written.0), Ok(name));
            assert_eq!(Handle::of(name), Some(Handle::new(number)));
        }
        for other in [c"", c"p", c"17", c"bob", c"p18446744073709551616"] {
            assert_eq!(Handle::of(other), None, "{other:?}");
        }
    }
}
