//! What follows from whose keys are known.

use super::persistence::Persistence;
use crate::store::StoredFile;
use crate::text::casemap::Casemap;
use otr::{Fingerprint, FingerprintStore, KnownFingerprint, Peer};
use proto::shim::Security;

/// Whether a key that nobody vouched for comes where another one is known. Without trust, the
/// key that was there first is the peer's: one that came later is a change each time it
/// comes, until it is trusted.
pub(super) fn is_other(known: &FingerprintStore, peer: &Peer, fingerprint: Fingerprint) -> bool {
    let known: Vec<KnownFingerprint> = known.of(peer).collect();
    let this = |k: &&KnownFingerprint| k.fingerprint == fingerprint;
    let trusted = known.iter().find(this).is_some_and(|k| k.trust.is_trusted());
    let first = known.last().is_none_or(|k| k.fingerprint == fingerprint);
    !trusted
        && (!first || known.iter().any(|k| k.fingerprint != fingerprint && k.trust.is_trusted()))
}

/// What protects a text of a peer's under this key.
pub(super) fn security(known: &FingerprintStore, peer: &Peer, key: Fingerprint) -> Security {
    match known.trust(peer, key) {
        Some(trust) if trust.is_trusted() => Security::Verified,
        _ => Security::Unverified,
    }
}

/// A key completed an exchange: from now on it is known of this peer.
pub(super) fn met(
    known: &mut FingerprintStore,
    peer: &Peer,
    fingerprint: Fingerprint,
    persistence: &mut Persistence,
) {
    if known.meet(peer, fingerprint) {
        persistence.changed(StoredFile::Fingerprints);
    }
}

/// Fingerprints saved under other spellings (by the old module, say) belong to the folded nick, but
/// for those in use. Whether there are any.
pub(super) fn fold(
    known: &mut FingerprintStore,
    casemap: Casemap,
    in_use: impl Fn(&Peer, Fingerprint) -> bool,
) -> bool {
    let others = known.peers().filter(|peer| !casemap.is_folded(peer.as_bytes()));
    let others: Vec<Peer> = others.rev().cloned().collect();
    let mut changed = false;
    for other in others {
        let folded = Peer::from_vec(casemap.fold(other.as_bytes())).ok();
        let Some(folded) = folded.filter(|folded| *folded != other) else { continue };
        // The oldest first: what came first stays the first.
        let of_other: Vec<KnownFingerprint> = known.of(&other).collect();
        for KnownFingerprint { peer, fingerprint, trust } in of_other.into_iter().rev() {
            if in_use(&peer, fingerprint) {
                continue;
            }
            let there = known.trust(&folded, fingerprint).unwrap_or_default();
            known.put(&folded, fingerprint, there.strongest(trust));
            known.forget(&peer, fingerprint);
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use otr::Trust;

    fn key(number: u8) -> Fingerprint {
        Fingerprint::from_bytes([number; 20])
    }

    fn peer(nick: &str) -> Peer {
        Peer::new(nick.as_bytes()).unwrap()
    }

    /// Keys of bob's in the order in which they became known.
    fn known(keys: &[(u8, Trust)]) -> FingerprintStore {
        let mut known = FingerprintStore::new("alice").unwrap();
        for (number, trust) in keys {
            known.meet(&peer("bob"), key(*number));
            known.put(&peer("bob"), key(*number), trust.clone());
        }
        known
    }

    #[test]
    fn another_key_than_the_first_or_a_trusted_one_is_a_change_until_it_is_trusted() {
        use Trust::{Manual, None};
        for (keys, comes, other) in [
            (&[][..], 1, false),
            (&[(1, None)], 1, false),
            (&[(1, None)], 2, true),
            (&[(1, None), (2, None)], 1, false),
            (&[(1, None), (2, None)], 2, true),
            (&[(1, None), (2, Manual)], 1, true),
            (&[(1, None), (2, Manual)], 2, false),
            (&[(1, Manual), (2, Manual)], 1, false),
            (&[(1, Manual), (2, Manual)], 3, true),
        ] {
            let is_other = is_other(&known(keys), &peer("bob"), key(comes));
            assert_eq!(is_other, other, "{keys:?} {comes}");
        }
    }

    #[test]
    fn keys_under_other_spellings_go_to_the_folded_nick_but_for_those_in_use() {
        let mut known = known(&[(1, Trust::None)]);
        for (nick, number) in [("BOB", 1), ("BOB", 2), ("Bob", 3)] {
            known.put(&peer(nick), key(number), Trust::Manual);
        }
        let in_use = |_: &Peer, fingerprint| fingerprint == key(3);
        assert!(fold(&mut known, Casemap::default(), in_use));
        assert!(!fold(&mut known, Casemap::default(), in_use));
        let all = known.all().map(|k| (k.peer, k.fingerprint, k.trust));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(_, fingerprint, _)| *fingerprint);
        let expected = [("bob", 1), ("bob", 2), ("Bob", 3)];
        let expected = expected.map(|(nick, number)| (peer(nick), key(number), Trust::Manual));
        assert_eq!(all, expected);
    }
}
