//! Which key is meant by what the user types.

use super::conversations::Conversations;
use otr::{FingerprintStore, KnownFingerprint};
use proto::command::{Digits, FingerprintOf};
use proto::irc::Nick;

/// Whose keys are known, and with whom they are in use.
#[derive(Clone, Copy)]
pub(super) struct KeySearch<'a> {
    known: &'a FingerprintStore,
    conversations: &'a Conversations,
}

/// Why no key is meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotMeant {
    /// None begins so, or more than one does.
    Unknown,
    /// Nothing is private with this nick.
    NoConversation(Nick),
}

impl<'a> KeySearch<'a> {
    pub(super) fn new(known: &'a FingerprintStore, conversations: &'a Conversations) -> Self {
        Self { known, conversations }
    }

    /// What is meant by a word: the nick of a private conversation, else (a part of) a fingerprint
    /// that is known, else a nick.
    pub(super) fn meant(self, peer: Nick, fingerprint: Digits) -> FingerprintOf {
        let private = self.in_use(&peer).is_some();
        match private || self.by_prefix(&fingerprint).is_none() {
            true => FingerprintOf { peer: Some(peer), fingerprint: None },
            false => FingerprintOf { peer: None, fingerprint: Some(fingerprint) },
        }
    }

    /// The records that are meant.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn pick(self, of: &FingerprintOf) -> Result<Vec<KnownFingerprint>, NotMeant> {
        match (&of.peer, &of.fingerprint) {
            (peer, Some(digits)) => self.of_digits(digits, peer.as_ref()).ok_or(NotMeant::Unknown),
            (Some(nick), None) => match self.in_use(nick) {
                Some(known) => Ok(vec![known]),
                None => Err(NotMeant::NoConversation(nick.clone())),
            },
            (None, None) => Ok(Vec::new()),
        }
    }

    /// All records of the one fingerprint that begins so, or only those of one peer, if one is given;
    /// `None` where there are none.
    pub(super) fn of_digits(
        self,
        digits: &Digits,
        nick: Option<&Nick>,
    ) -> Option<Vec<KnownFingerprint>> {
        let mut found = self.by_prefix(digits)?;
        if let Some(nick) = nick {
            let peer = self.conversations.peer(nick.as_bytes());
            found.retain(|known| Some(&known.peer) == peer.as_ref());
        }
        Some(found).filter(|found| !found.is_empty())
    }

    /// The fingerprint in use with a nick.
    fn in_use(self, nick: &Nick) -> Option<KnownFingerprint> {
        let peer = self.conversations.peer(nick.as_bytes())?;
        let fingerprint = self.conversations.get(&peer)?.private()?.fingerprint;
        self.known.of(&peer).find(|known| known.fingerprint == fingerprint)
    }

    /// All records of the one fingerprint that begins so; `None` where none or several do.
    fn by_prefix(self, digits: &Digits) -> Option<Vec<KnownFingerprint>> {
        let starts = |known: &KnownFingerprint| known.fingerprint.starts_with_hex(digits.as_str());
        let found: Vec<KnownFingerprint> = self.known.all().filter(starts).collect();
        let first = found.first()?.fingerprint;
        found.iter().all(|known| known.fingerprint == first).then_some(found)
    }
}
