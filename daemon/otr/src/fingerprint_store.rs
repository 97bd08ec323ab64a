//! The fingerprints that are known of peers, with their trust, in the format of libotr's file.
//!
//! libotr has a store of its own, which it reads, changes and walks as it likes. It is given none
//! of this.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use crate::context::PROTOCOL;
use crate::error::FileError;
use crate::fingerprint::Fingerprint;
use crate::peer::{NameError, Peer};
use crate::record::Record;
use crate::text_file::{TextFile, lines};
use crate::trust::Trust;

/// Largest file that is read, in bytes.
pub const MAX_RECORDS_FILE: usize = 16 * 1024 * 1024;
/// How many fingerprints are loaded from a file, and how many peers can make known by coming with
/// them: what is known before is not pushed out.
pub const MAX_FINGERPRINTS: usize = 20_000;
/// How many fingerprints one peer can make known. The first and those that are trusted stay.
const MAX_FINGERPRINTS_PER_PEER: usize = 32;

/// Four tabs, four names and the digits of a fingerprint, roughly.
const SHORTEST_LINE: usize = 50;

/// Which keys peers were seen with, and how far each is trusted.
pub struct FingerprintStore {
    account: Peer,
    known: BTreeMap<Peer, Prints>,
}

/// Of one peer, the oldest first. Never empty.
type Prints = Vec<(Fingerprint, Trust)>;

/// A fingerprint that is known of a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownFingerprint {
    /// The peer who uses this key.
    pub peer: Peer,
    /// Fingerprint of the peer's key.
    pub fingerprint: Fingerprint,
    /// How far it is trusted.
    pub trust: Trust,
}

/// What a file of fingerprints held.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FingerprintReport {
    /// Fingerprints that are now known.
    pub loaded: usize,
    /// Lines of other accounts or protocols, which were left out.
    pub others: usize,
    /// Lines that make no sense, which were left out.
    pub malformed: usize,
    /// Lines beyond [`MAX_FINGERPRINTS`], which were left out.
    pub beyond_limit: usize,
    /// Lines that were loaded without their word for trust, which no program is known to write.
    pub unknown_trust: usize,
}

impl FingerprintReport {
    /// Whether saving would lose lines of the file that was read.
    #[must_use]
    pub fn lossy(&self) -> bool {
        self.others + self.malformed + self.beyond_limit + self.unknown_trust > 0
    }
}

impl FingerprintStore {
    /// Knows nobody. The file names the account in each line.
    ///
    /// # Errors
    /// [`NameError`] if the file could not hold the account's name.
    pub fn new(account: &str) -> Result<FingerprintStore, NameError> {
        Ok(FingerprintStore { account: Peer::new(account.as_bytes())?, known: BTreeMap::new() })
    }

    /// Takes the content of an `otr.fp` file: lines of peer, account, protocol,
    /// fingerprint in hexadecimal and trust, set apart by tabs. What is known
    /// already stays, with the file's trust.
    ///
    /// # Errors
    /// [`FileError::TooLarge`] beyond [`MAX_RECORDS_FILE`].
    pub fn load(&mut self, file: &[u8]) -> Result<FingerprintReport, FileError> {
        if file.len() > MAX_RECORDS_FILE {
            return Err(FileError::TooLarge(MAX_RECORDS_FILE));
        }
        let file = TextFile::new(file);
        let mut report = FingerprintReport::default();
        let mut ours = Vec::with_capacity(MAX_FINGERPRINTS.min(file.len() / SHORTEST_LINE));
        for line in lines(&file) {
            let Some(record) = Record::parse(line) else {
                report.malformed += 1;
                continue;
            };
            if record.account != self.account.as_bytes() || record.protocol != PROTOCOL.to_bytes() {
                report.others += 1;
            } else if report.loaded >= MAX_FINGERPRINTS {
                report.beyond_limit += 1;
            } else {
                report.loaded += 1;
                let trust = Trust::parse(record.trust);
                report.unknown_trust += usize::from(trust.is_none());
                ours.push((record.peer, (record.fingerprint, trust.unwrap_or_default())));
            }
        }
        self.take(ours);
        Ok(report)
    }

    /// Adds what lines say, which stand in the order of their file.
    fn take(&mut self, mut lines: Vec<(&[u8], (Fingerprint, Trust))>) {
        // Keeps the order within a peer. We write them sorted, others may not.
        lines.sort_by_key(|(name, _)| *name);
        let of_one = lines.chunk_by(|(a, _), (b, _)| a == b);
        let by_peer = of_one.filter_map(|of_one| {
            let (name, _) = of_one.first()?;
            Some((Peer::new(name).ok()?, merged(of_one.iter().map(|(_, print)| print))))
        });
        let by_peer: BTreeMap<Peer, Prints> = by_peer.collect();
        if self.known.is_empty() {
            self.known = by_peer;
            return;
        }
        for (peer, prints) in by_peer {
            for (fingerprint, trust) in prints {
                self.put(&peer, fingerprint, trust);
            }
        }
    }

    /// The content of an `otr.fp` file.
    #[must_use]
    pub fn file(&self) -> Vec<u8> {
        let mut file = Vec::new();
        // libotr lists the newest first, and adds in front: written with the oldest first, the
        // order survives being read.
        for (peer, prints) in &self.known {
            for (fingerprint, trust) in prints {
                let fields = [
                    peer.as_bytes(),
                    self.account.as_bytes(),
                    PROTOCOL.to_bytes(),
                    fingerprint.to_hex().as_bytes(),
                    trust.as_field(),
                ]
                .join(&b'\t');
                file.extend_from_slice(&fields);
                file.push(b'\n');
            }
        }
        file
    }

    /// Every fingerprint that is known, by peer; of one peer the newest first.
    pub fn all(&self) -> impl Iterator<Item = KnownFingerprint> {
        self.known.iter().flat_map(|(peer, prints)| known(peer, prints))
    }

    /// The fingerprints that are known of one peer, the newest first.
    pub fn of(&self, peer: &Peer) -> impl Iterator<Item = KnownFingerprint> {
        self.known.get_key_value(peer).into_iter().flat_map(|(peer, prints)| known(peer, prints))
    }

    /// Everybody of whom one is known, in order.
    pub fn peers(&self) -> impl DoubleEndedIterator<Item = &Peer> {
        self.known.keys()
    }

    /// How many are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.values().map(Vec::len).sum()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether any key of a peer is trusted.
    #[must_use]
    pub fn trusts(&self, peer: &Peer) -> bool {
        self.prints(peer).iter().any(|(_, trust)| trust.is_trusted())
    }

    /// How far a peer's fingerprint is trusted; `None` if it is not known.
    #[must_use]
    pub fn trust(&self, peer: &Peer, fingerprint: Fingerprint) -> Option<Trust> {
        let (_, trust) = self.prints(peer).iter().find(|(known, _)| *known == fingerprint)?;
        Some(trust.clone())
    }

    /// A peer came with a key: `true` if that is known from now on, as the newest and not trusted.
    /// `false` if it was known before, or if there is no room for it.
    pub fn meet(&mut self, peer: &Peer, fingerprint: Fingerprint) -> bool {
        if self.trust(peer, fingerprint).is_some() {
            return false;
        }
        if self.prints(peer).len() >= MAX_FINGERPRINTS_PER_PEER {
            self.forget_oldest_untrusted(peer);
        } else if self.len() >= MAX_FINGERPRINTS {
            return false;
        }
        self.put(peer, fingerprint, Trust::None);
        true
    }

    /// But for the first: by it a change is noticed.
    fn forget_oldest_untrusted(&mut self, peer: &Peer) {
        let Some(prints) = self.known.get_mut(peer) else { return };
        let oldest = prints.iter().skip(1).position(|(_, trust)| !trust.is_trusted());
        if let Some(behind_first) = oldest {
            prints.remove(behind_first + 1);
        }
    }

    /// Makes a fingerprint known of a peer, as the newest; one that is known stays where it is,
    /// with this trust.
    pub fn put(&mut self, peer: &Peer, fingerprint: Fingerprint, trust: Trust) {
        let prints = self.known.entry(peer.clone()).or_default();
        match prints.iter_mut().find(|(known, _)| *known == fingerprint) {
            Some((_, old)) => *old = trust,
            None => prints.push((fingerprint, trust)),
        }
    }

    /// A peer goes by another name now, with sessions under these keys. What is known stays where
    /// it is: the fingerprints of the old name stay the old name's with their trust, and a key that
    /// goes along is known of the new name, but trusted only if it was trusted there before. So
    /// nobody inherits trust by taking a nick.
    pub fn follow(&mut self, old: &Peer, new: &Peer, keys: &[Fingerprint]) {
        let known = self.prints(old).iter().map(|(fingerprint, _)| *fingerprint);
        // As old as they were, each with the others.
        let mut in_order: Vec<Fingerprint> = known.filter(|one| keys.contains(one)).collect();
        in_order.extend_from_slice(keys);
        for fingerprint in in_order {
            self.meet(new, fingerprint);
        }
    }

    /// Takes one fingerprint of a peer away; `false` if it is not known.
    pub fn forget(&mut self, peer: &Peer, fingerprint: Fingerprint) -> bool {
        let Entry::Occupied(mut prints) = self.known.entry(peer.clone()) else { return false };
        let before = prints.get().len();
        prints.get_mut().retain(|(known, _)| *known != fingerprint);
        let after = prints.get().len();
        if after == 0 {
            prints.remove();
        }
        after < before
    }

    fn prints(&self, peer: &Peer) -> &[(Fingerprint, Trust)] {
        self.known.get(peer).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What is known of a peer, the newest first.
fn known(peer: &Peer, prints: &[(Fingerprint, Trust)]) -> impl Iterator<Item = KnownFingerprint> {
    prints.iter().rev().map(|(fingerprint, trust)| KnownFingerprint {
        peer: peer.clone(),
        fingerprint: *fingerprint,
        trust: trust.clone(),
    })
}

/// The lines of one peer, each key once and in its first place. Of two lines about one the
/// stronger trust counts, in either order.
fn merged<'a>(lines: impl ExactSizeIterator<Item = &'a (Fingerprint, Trust)>) -> Prints {
    let one = lines.len() == 1;
    let mut prints = Prints::with_capacity(lines.len());
    let mut places = HashMap::new();
    for (fingerprint, trust) in lines {
        // Most peers have one, and need no table.
        let place = if one { 0 } else { *places.entry(*fingerprint).or_insert(prints.len()) };
        match prints.get_mut(place) {
            Some((_, there)) => *there = std::mem::take(there).strongest(trust.clone()),
            None => prints.push((*fingerprint, trust.clone())),
        }
    }
    prints
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::indexing_slicing)]

    use super::*;
    use proptest::prelude::*;

    fn store() -> FingerprintStore {
        FingerprintStore::new("alice").expect("a good name")
    }

    fn peer(name: &str) -> Peer {
        Peer::new(name.as_bytes()).expect("a good name")
    }

    fn key(byte: u8) -> Fingerprint {
        Fingerprint::from_bytes([byte; 20])
    }

    fn line(who: &str, key: Fingerprint, trust: &str) -> String {
        format!("{who}\talice\tirc\t{}\t{trust}\n", key.to_hex())
    }

    #[test]
    fn a_key_is_new_once_and_the_newest() {
        let mut known = store();
        let bob = peer("bob");
        assert!(known.meet(&bob, key(1)) && known.meet(&bob, key(2)));
        known.put(&bob, key(1), Trust::Manual);
        assert!(!known.meet(&bob, key(1)));
        assert_eq!(known.trust(&bob, key(1)), Some(Trust::Manual));
        let keys: Vec<_> = known.of(&bob).map(|one| one.fingerprint).collect();
        assert_eq!(keys, [key(2), key(1)]);
        assert_eq!(
            (known.len(), known.trusts(&bob), known.trusts(&peer("carol"))),
            (2, true, false)
        );
        assert!(known.forget(&bob, key(1)) && !known.forget(&bob, key(1)));
        assert!(known.forget(&bob, key(2)) && !known.trusts(&bob));
        assert!(known.is_empty() && known.peers().next().is_none() && known.file().is_empty());
    }

    /// Somebody comes with ever new keys, to have others forgotten.
    #[test]
    fn who_comes_with_keys_without_end_pushes_out_only_their_own() {
        let mut known = store();
        let (bob, mallory) = (peer("bob"), peer("mallory"));
        let number = |number: usize| {
            let mut bytes = [0xff; 20];
            bytes[..8].copy_from_slice(&u64::try_from(number).expect("small").to_be_bytes());
            Fingerprint::from_bytes(bytes)
        };
        known.meet(&bob, key(1));
        assert!(known.meet(&mallory, number(0)) && known.meet(&mallory, number(1)));
        known.put(&mallory, number(1), Trust::Manual);
        for one in 2..1000 {
            assert!(known.meet(&mallory, number(one)));
        }
        let keys: Vec<_> = known.of(&mallory).map(|one| one.fingerprint).collect();
        assert_eq!(keys.len(), MAX_FINGERPRINTS_PER_PEER);
        assert_eq!((keys[0], keys[31], keys[30]), (number(999), number(0), number(1)));
        // Under ever new names: there is no room any more, and nobody gives way.
        let (before, nearly) = (known.len(), MAX_FINGERPRINTS - 100);
        let name = |one: usize| format!("mallory{one}");
        let most: String = (before..nearly).map(|one| line(&name(one), number(one), "")).collect();
        assert_eq!(known.load(most.as_bytes()).expect("a file").loaded, nearly - before);
        for one in nearly..MAX_FINGERPRINTS {
            assert!(known.meet(&peer(&name(one)), number(one)));
        }
        assert!(!known.meet(&peer("carol"), key(2)));
        assert_eq!((known.len(), known.trust(&bob, key(1))), (MAX_FINGERPRINTS, Some(Trust::None)));
        // The user's own word has room, and so has a peer in place of a key of theirs.
        known.put(&peer("carol"), key(2), Trust::Manual);
        assert!(known.trusts(&peer("carol")) && known.meet(&mallory, number(1000)));
    }

    #[test]
    fn trust_stays_with_the_name_under_which_it_was_given() {
        let mut known = store();
        let (bob, carol) = (peer("bob"), peer("carol"));
        let (his, other) = (key(1), key(2));
        known.put(&bob, his, Trust::Manual);
        known.put(&bob, other, Trust::SharedSecret);
        known.put(&carol, other, Trust::Manual);

        // To a name of which other keys are known: they stay, his is new there.
        known.follow(&bob, &carol, &[his]);
        assert_eq!(known.trust(&carol, his), Some(Trust::None));
        assert_eq!(known.trust(&carol, other), Some(Trust::Manual));
        assert_eq!(known.trust(&bob, his), Some(Trust::Manual));
        assert_eq!(known.trust(&bob, other), Some(Trust::SharedSecret));
        let keys: Vec<_> = known.of(&carol).map(|one| one.fingerprint).collect();
        assert_eq!(keys, [his, other]);

        // And back.
        known.follow(&carol, &bob, &[his]);
        assert_eq!(known.trust(&bob, his), Some(Trust::Manual));
        assert_eq!(known.trust(&bob, other), Some(Trust::SharedSecret));
        let keys: Vec<_> = known.of(&bob).map(|one| one.fingerprint).collect();
        assert_eq!(keys, [other, his]);
    }

    #[test]
    fn keys_that_go_along_stay_in_their_order() {
        let mut known = store();
        let (bob, carol) = (peer("bob"), peer("carol"));
        for one in [1, 2, 3] {
            known.meet(&bob, key(one));
        }
        known.follow(&bob, &carol, &[key(3), key(9), key(1)]);
        let keys: Vec<_> = known.of(&carol).map(|one| one.fingerprint).collect();
        assert_eq!(keys, [key(9), key(3), key(1)]);
        let file = known.file();
        known.follow(&bob, &carol, &[]);
        known.follow(&peer("nobody"), &bob, &[]);
        assert_eq!(known.file(), file);
    }

    #[test]
    fn no_more_are_loaded_than_the_bound() {
        let number = u32::try_from(MAX_FINGERPRINTS).expect("a small bound") + 5;
        let key = |number: u32| {
            let mut bytes = [0; 20];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            Fingerprint::from_bytes(bytes)
        };
        // Of one peer or of many.
        for who in [|_: u32| "bob".to_owned(), |number| format!("bob{number}")] {
            let file: String = (0..number).map(|one| line(&who(one), key(one), "smp")).collect();
            let mut known = store();
            let report = known.load(file.as_bytes()).expect("a small file");
            let loaded = MAX_FINGERPRINTS;
            let wanted = FingerprintReport { loaded, beyond_limit: 5, ..Default::default() };
            assert!(report == wanted && report.lossy());
            assert_eq!(known.len(), MAX_FINGERPRINTS);
            assert_eq!(known.all().count(), MAX_FINGERPRINTS);
        }
    }

    fn trust() -> impl Strategy<Value = Trust> {
        let all = [Trust::None, Trust::Manual, Trust::SharedSecret, Trust::Other("verified")];
        proptest::sample::select(all.to_vec())
    }

    proptest! {
        #[test]
        fn what_is_known_survives_its_file(
            all in prop::collection::vec(("[a-c ~é]{1,3}", 0..5_u8, trust()), 0..30),
        ) {
            let mut known = store();
            for (name, byte, trust) in all {
                // A file does not tell a name with blanks at its end from one without.
                if let Ok(peer) = Peer::new(name.trim_end().as_bytes()) {
                    known.put(&peer, key(byte), trust);
                }
            }
            let file = known.file();
            let mut again = store();
            let report = again.load(&file).expect("a small file");
            prop_assert_eq!(report.loaded, known.len());
            prop_assert!(!report.lossy());
            prop_assert!(again.all().eq(known.all()));
            prop_assert_eq!(again.file(), file);
        }

        #[test]
        fn every_line_is_loaded_or_counted(
            lines in prop::collection::vec("(bob|\u{a0})?\t?(alice|x)?\t(irc)?\t[0-9a-f]{39,41}(\tsmp|\t\t|x)?", 0..20),
        ) {
            let mut known = store();
            let report = known.load(lines.join("\n").as_bytes()).expect("a small file");
            let full = lines.iter().filter(|line| !line.is_empty()).count();
            prop_assert_eq!(report.loaded + report.others + report.malformed, full);
            prop_assert!(known.len() <= report.loaded);
        }
    }
}
