//! Bytes that are wiped when they are dropped.

use std::mem;
use std::ops::{Deref, DerefMut};
use zeroize::Zeroize;

/// A vector that is wiped when it is dropped, its spare capacity too. One that grows beyond its
/// capacity leaves a copy behind: give it enough from the beginning.
///
/// `Zeroizing<Vec<u8>>` wipes byte by byte, which takes too long for every text of every line.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WipedBytes(Vec<u8>);

impl WipedBytes {
    /// Empty, with room for so many bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Gives the bytes away: whoever takes them has to wipe them.
    pub fn into_vec(mut self) -> Vec<u8> {
        mem::take(&mut self.0)
    }
}

impl From<Vec<u8>> for WipedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for WipedBytes {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for WipedBytes {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for WipedBytes {
    fn drop(&mut self) {
        self.0.spare_capacity_mut().zeroize();
        self.0.as_mut_slice().zeroize();
    }
}
