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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::conversation::{Phase, Private};
    use otr::{Fingerprint, Peer, Trust, Version};
    use std::time::Duration;

    fn key(number: u8) -> Fingerprint {
        Fingerprint::from_bytes([number; 20])
    }

    fn nick(nick: &str) -> Nick {
        Nick::new(nick.as_bytes()).unwrap()
    }

    fn digits(of: u8) -> Digits {
        Digits::new(&key(of).to_hex()).unwrap()
    }

    /// Bob and carol have a key in common; dora, whose key is her own, is private.
    fn scene() -> (FingerprintStore, Conversations) {
        let mut known = FingerprintStore::new("alice").unwrap();
        for (peer, number) in [("bob", 1), ("carol", 1), ("dora", 2)] {
            known.put(&Peer::new(peer.as_bytes()).unwrap(), key(number), Trust::None);
        }
        let mut all = Conversations::default();
        let phase = Phase::Private(Private::new(key(2), 1, Version::V3, 0));
        let dora = all.begin_closed(nick("Dora"), phase, Duration::ZERO);
        all.insert(Peer::new(b"dora").unwrap(), dora);
        (known, all)
    }

    fn names(found: &[KnownFingerprint]) -> Vec<String> {
        let name = |known: &KnownFingerprint| String::from_utf8(known.peer.as_bytes().to_vec());
        let mut names: Vec<String> = found.iter().map(|known| name(known).unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn digits_mean_everybody_who_has_the_key_or_the_one_who_is_named() {
        let (known, all) = scene();
        let search = KeySearch::new(&known, &all);
        assert_eq!(names(&search.of_digits(&digits(1), None).unwrap()), ["bob", "carol"]);
        assert_eq!(names(&search.of_digits(&digits(1), Some(&nick("BOB"))).unwrap()), ["bob"]);
        assert!(search.of_digits(&digits(1), Some(&nick("dora"))).is_none());
        assert!(search.of_digits(&digits(3), None).is_none());
    }

    #[test]
    fn a_nick_means_the_key_in_use() {
        let (known, all) = scene();
        let search = KeySearch::new(&known, &all);
        let of = |peer: &str| FingerprintOf { peer: Some(nick(peer)), fingerprint: None };
        assert_eq!(names(&search.pick(&of("DORA")).unwrap()), ["dora"]);
        assert_eq!(search.pick(&of("bob")).unwrap_err(), NotMeant::NoConversation(nick("bob")));
    }

    #[test]
    fn a_word_means_a_private_conversation_before_a_key_before_a_nick() {
        let (known, all) = scene();
        let search = KeySearch::new(&known, &all);
        let meant = |peer: &str, of: u8| search.meant(nick(peer), digits(of)).fingerprint;
        assert_eq!(meant("dora", 1), None);
        assert_eq!(meant("eve", 1), Some(digits(1)));
        assert_eq!(meant("eve", 3), None);
    }
}
