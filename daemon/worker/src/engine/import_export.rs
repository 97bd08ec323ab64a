//! Import and export: the key and the fingerprints of another program become ours.

use super::conversations::Conversations;
use super::foreign_files::{ForeignFiles, NewKey, count, the_key};
use super::messages::{Message, Phrase};
use super::policies::Policies;
use super::{Action, Engine, KeyState};
use crate::store::StoredFile;
use crate::text::date;
use otr::{Fingerprint, FingerprintStore, MAX_FINGERPRINTS, Peer, Trust};
use proto::admin::import_export::Peer as ShownPeer;
use proto::admin::import_export::{Exported, Imported, KeyOutcome, MAX_PEERS, Order, PeerOutcome};
use proto::irc::{Nick, Text};
use zeroize::Zeroizing;

/// A fingerprint that is to become known.
struct NewPeer {
    peer: Peer,
    fingerprint: Fingerprint,
    trust: Trust,
    outcome: PeerOutcome,
}

impl Engine {
    /// What the files of an export hold.
    ///
    /// # Errors
    /// They do not hold what is in use.
    pub fn exported(&self) -> Result<Exported, String> {
        if self.persistence.is_behind() {
            return Err(Phrase::NotSavedYet {}.into());
        }
        Ok(Exported {
            fingerprint: self.otr.own_fingerprint().map(|fingerprint| fingerprint.to_string()),
            known: count(self.known.len()),
        })
    }

    /// Takes over what a [`proto::bundle`] holds, or only says what that would come to. All or nothing.
    ///
    /// # Errors
    /// Why nothing was taken, and what to do, in words.
    pub(super) fn moves_in(&mut self, bundle: &[u8], order: &Order) -> Result<Imported, String> {
        let files = ForeignFiles::read(bundle)?;
        let owner = files.choose(&self.account, order.from.as_ref())?;
        let key = files.key_for(self.files_of.as_str(), owner.as_ref())?;
        let outcome = match &key {
            Some(key) => key_outcome(key, self.own_key.state(), self.otr.own_fingerprint(), order)?,
            None => KeyOutcome::None,
        };
        let peer_of = |nick: &[u8]| imported_peer(nick, &self.policies, &self.conversations);
        let (peers, skipped) = files.peers(owner.as_ref(), peer_of);
        let new_peer = |one| NewPeer::of(one, &self.known, order.overwrite);
        let peers: Vec<NewPeer> = peers.into_iter().map(new_peer).collect();
        let added = peers.iter().filter(|peer| peer.outcome == PeerOutcome::New).count();
        if self.known.len() + added > MAX_FINGERPRINTS {
            let most = MAX_FINGERPRINTS.to_string();
            return Err(Phrase::TooManyFingerprints { most }.into());
        }
        let unknown_trust = files.unknown_trust(owner.as_ref());
        let imported = Imported {
            owners: files.shown(),
            from: owner.as_ref().map(|owner| Text::new(owner.account.clone())),
            key: outcome,
            fingerprint: key.as_ref().map(|key| key.fingerprint.to_string()),
            peers: peers.iter().take(MAX_PEERS).map(NewPeer::shown).collect(),
            known: count(peers.len()),
            changed: count(peers.iter().filter(|peer| peer.counts()).count()),
            skipped: count(skipped),
            unknown_trust,
        };
        if !order.check {
            if let Some(key) = key.filter(|_| outcome != KeyOutcome::Same) {
                let tag = owner.as_ref().and_then(|owner| files.instag(owner));
                self.take_key(&key, tag)?;
            }
            self.take_peers(peers, order.overwrite);
        }
        Ok(imported)
    }

    fn take_key(&mut self, key: &NewKey, tag: Option<u32>) -> Result<(), String> {
        if self.otr.has_key() {
            self.close_all();
        }
        self.otr.load_key(&key.file).map_err(the_key)?;
        let day = date::day(self.now.wall);
        self.persistence.replaced(StoredFile::Key);
        self.output.push(Action::Replace(StoredFile::Key, day, key.file.clone()));
        self.own_key.take(key.file.clone());
        if let Some(tag) = tag {
            // Peers go on knowing us by it.
            let line = format!("{}\tirc\t{tag:08x}\n", self.files_of);
            let loaded = self.otr.load_instags(line.as_bytes());
            loaded.map_err(|error| error.to_string())?;
            self.persistence.changed(StoredFile::InstanceTag);
        }
        let fingerprint = key.fingerprint;
        self.output.report_or_note(Message::KeyBrought { fingerprint: fingerprint.to_string() });
        Ok(())
    }

    fn take_peers(&mut self, peers: Vec<NewPeer>, overwrite: bool) {
        let changed: Vec<NewPeer> = peers.into_iter().filter(NewPeer::counts).collect();
        if changed.is_empty() {
            return;
        }
        let damaged = self.persistence.replaced(StoredFile::Fingerprints);
        let keep_old = damaged || (overwrite && !self.known.is_empty());
        let number = changed.len();
        for NewPeer { peer, fingerprint, trust, outcome } in changed {
            if outcome == PeerOutcome::Changed {
                self.trust_set(&peer, fingerprint, trust);
            } else {
                self.known.put(&peer, fingerprint, trust);
            }
        }
        // In a way of its own, not as other files of a step.
        self.persistence.unchanged(StoredFile::Fingerprints);
        let file = Zeroizing::new(self.known.file());
        self.output.push(match keep_old {
            true => Action::Replace(StoredFile::Fingerprints, date::day(self.now.wall), file),
            false => Action::Save(StoredFile::Fingerprints, file),
        });
        self.conversations.touch_all();
        self.output.report_or_note(Message::FingerprintsBrought { number: number.to_string() });
    }
}

impl NewPeer {
    /// What would become of a fingerprint, with what is known.
    fn of(
        (peer, fingerprint, trust): (Peer, Fingerprint, Trust),
        known: &FingerprintStore,
        overwrite: bool,
    ) -> Self {
        let outcome = match known.trust(&peer, fingerprint) {
            None => PeerOutcome::New,
            Some(known) if known == trust => PeerOutcome::Same,
            Some(_) if overwrite => PeerOutcome::Changed,
            Some(_) => PeerOutcome::Kept,
        };
        Self { peer, fingerprint, trust, outcome }
    }

    /// Whether it changes what is known.
    fn counts(&self) -> bool {
        matches!(self.outcome, PeerOutcome::New | PeerOutcome::Changed)
    }

    fn shown(&self) -> ShownPeer {
        let trust = match self.trust {
            Trust::None => "not trusted",
            Trust::SharedSecret => "shared secret",
            Trust::Manual | Trust::Other(_) => "manual",
        };
        ShownPeer {
            nick: Text::new(self.peer.as_bytes()),
            fingerprint: self.fingerprint.to_string(),
            trust: trust.into(),
            outcome: self.outcome,
        }
    }
}

/// What would become of a key, beside our own.
///
/// # Errors
/// It cannot be taken: why, and what to do, in words.
fn key_outcome(
    key: &NewKey,
    state: &KeyState,
    own: Option<Fingerprint>,
    order: &Order,
) -> Result<KeyOutcome, String> {
    match (state, own) {
        (KeyState::Generating { .. }, _) => Err(Phrase::KeyIsBeingMade {}.into()),
        (_, Some(own)) if own == key.fingerprint => Ok(KeyOutcome::Same),
        (_, Some(own)) if !order.overwrite && !order.check => {
            let (own, theirs) = (own.to_string(), key.fingerprint.to_string());
            Err(Phrase::OtherKey { own, theirs }.into())
        }
        (_, Some(_)) => Ok(KeyOutcome::Replaced),
        (_, None) => Ok(KeyOutcome::New),
    }
}

/// Until the server has said how nicks compare, only what every server takes for one nick is
/// one: letters from A to Z in either case.
fn imported_peer(nick: &[u8], policies: &Policies, conversations: &Conversations) -> Option<Peer> {
    Nick::new(nick).ok()?;
    match policies.casemapping() {
        Some(_) => conversations.peer(nick),
        None => Peer::new(&nick.to_ascii_lowercase()).ok(),
    }
}
