//! Keys that become known of a peer, and those that are to be known no longer.

use super::Engine;
use crate::store::StoredFile;
use otr::{Fingerprint, KnownFingerprint, Peer};

/// Why a fingerprint was not forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgetError {
    /// A private conversation uses it.
    InUse,
    /// It is not known of this peer.
    Unknown,
}

impl Engine {
    /// A key completed an exchange: from now on it is known of this peer.
    pub(super) fn met_key(&mut self, peer: &Peer, fingerprint: Fingerprint) {
        if self.known.meet(peer, fingerprint) {
            self.persistence.changed(StoredFile::Fingerprints);
        }
    }

    /// `forget`
    pub(super) fn forget(&mut self, known: &KnownFingerprint) -> Result<(), ForgetError> {
        if self.is_in_use(&known.peer, known.fingerprint) {
            return Err(ForgetError::InUse);
        }
        if !self.known.forget(&known.peer, known.fingerprint) {
            return Err(ForgetError::Unknown);
        }
        if !self.known.all().any(|other| other.fingerprint == known.fingerprint) {
            self.key_dates.forget(known.fingerprint);
        }
        self.persistence.changed(StoredFile::Conversations);
        self.persistence.changed(StoredFile::Fingerprints);
        Ok(())
    }

    /// Whether any session with a peer has this key.
    pub(super) fn is_in_use(&self, peer: &Peer, fingerprint: Fingerprint) -> bool {
        self.conversations
            .handle(peer)
            .is_some_and(|peer| self.otr.keys_in_use(peer).contains(&fingerprint))
    }
}
