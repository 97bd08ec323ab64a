//! Import and export: the key and the fingerprints of another program become ours.

use super::messages::{Message, Phrase};
use super::{Action, Engine, KeyState};
use crate::store::StoredFile;
use crate::text::date;
use crate::text::sanitize::quote;
use otr::foreign::{self, ForeignAccount, ForeignFingerprint, ForeignKey};
use otr::{Fingerprint, MAX_FINGERPRINTS, Peer, Trust};
use proto::admin::import_export::{
    Exported, Imported, KeyOutcome, MAX_OWNERS, MAX_PEERS, MAX_WORDS, Order, PeerOutcome,
};
use proto::admin::import_export::{ForeignAccount as Shown, Peer as ShownPeer};
use proto::bundle::{self, File};
use proto::irc::{Nick, Text};
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// What a bundle comes to, parsed.
#[derive(Default)]
struct Files<'a> {
    key: Option<&'a [u8]>,
    weechat_key: Option<&'a [u8]>,
    keys: Vec<ForeignKey>,
    fingerprints: Vec<ForeignFingerprint>,
    tags: &'a [u8],
    skipped: usize,
}

/// A key that is to become ours.
struct NewKey {
    file: Zeroizing<Vec<u8>>,
    fingerprint: Fingerprint,
}

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

    /// ZNC still has the keys of the module that ran inside of it. With a key of our own, the user
    /// has decided.
    pub(super) fn tell_of_old_data(&mut self) {
        if *self.own_key.state() == KeyState::None {
            self.output.report(Message::OldData {});
        }
    }

    /// Takes over what a [`bundle`] holds, or only says what that would come to. All or nothing.
    ///
    /// # Errors
    /// Why nothing was taken, and what to do, in words.
    pub(super) fn moves_in(&mut self, bundle: &[u8], order: &Order) -> Result<Imported, String> {
        let files = Files::read(bundle)?;
        let owner = self.choose(&files, order.from.as_ref())?;
        let key = self.new_key(&files, owner.as_ref())?;
        let outcome = self.key_outcome(key.as_ref(), order)?;
        let (peers, skipped) = self.new_peers(&files, owner.as_ref(), order.overwrite);
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
            skipped: count(skipped + files.skipped),
            unknown_trust,
        };
        if !order.check {
            if let Some(key) = key.filter(|_| outcome != KeyOutcome::Same) {
                let tag = owner.as_ref().and_then(|owner| foreign::instag(files.tags, owner));
                self.take_key(&key, tag)?;
            }
            self.take_peers(peers, order.overwrite);
        }
        Ok(imported)
    }

    /// Whose key and fingerprints are meant: the one that was named, or the only one that has our
    /// name, or the only one for IRC.
    fn choose(
        &self,
        files: &Files<'_>,
        named: Option<&Text>,
    ) -> Result<Option<ForeignAccount>, String> {
        let owners: Vec<ForeignAccount> = files.owners().into_keys().collect();
        if let Some(named) = named {
            let mut found = owners.iter().filter(|one| one.account == named.as_bytes());
            return match (found.next(), found.next()) {
                (Some(one), None) => Ok(Some(one.clone())),
                // A key of potr's does not say whose it is; nor does the name of its file.
                (None, _) if files.weechat_key.is_some() && owners.is_empty() => Ok(None),
                (None, _) => Err(Phrase::NoSuchOwner { owners: names(&owners) }.into()),
                (Some(one), Some(_)) if one.is_irc() => Ok(Some(one.clone())),
                (Some(one), Some(other)) => {
                    Ok(Some(if other.is_irc() { other } else { one }.clone()))
                }
            };
        }
        let irc: Vec<&ForeignAccount> = owners.iter().filter(|owner| owner.is_irc()).collect();
        let (user, network) = (self.account.user.as_str(), self.account.network.as_str());
        let with_key: Vec<&ForeignAccount> =
            irc.iter().copied().filter(|owner| files.has_key_of(owner)).collect();
        let called = |name: &str| {
            let mut ours = irc.iter().filter(|o| o.account.eq_ignore_ascii_case(name.as_bytes()));
            ours.next().copied()
        };
        match (called(user).or_else(|| called(network)), with_key.as_slice(), irc.as_slice()) {
            (Some(ours), ..) => Ok(Some(ours.clone())),
            (None, [only], _) | (None, [], [only]) => Ok(Some((*only).clone())),
            (None, [], []) if files.weechat_key.is_some() && owners.is_empty() => {
                Err(Phrase::KeyOfNobody {}.into())
            }
            (None, [], []) if owners.is_empty() => Ok(None),
            (None, [], []) => Err(Phrase::NoIrcOwner { owners: names(&owners) }.into()),
            _ => Err(Phrase::SeveralOwners { owners: names(&owners) }.into()),
        }
    }

    fn new_key(
        &self,
        files: &Files<'_>,
        owner: Option<&ForeignAccount>,
    ) -> Result<Option<NewKey>, String> {
        let ours = self.files_of.as_str();
        if let Some(file) = files.weechat_key {
            let (file, fingerprint) =
                foreign::take_potr_key(file, ours).map_err(|error| error.to_string())?;
            return Ok(Some(NewKey { file, fingerprint }));
        }
        let Some((file, owner)) = files.key.zip(owner) else { return Ok(None) };
        let Some(found) = files.keys.iter().find(|key| key.owner == *owner) else {
            return Ok(None);
        };
        let file = foreign::take_key(file, owner, ours).map_err(the_key)?;
        Ok(Some(NewKey { file, fingerprint: found.fingerprint }))
    }

    fn key_outcome(&self, key: Option<&NewKey>, order: &Order) -> Result<KeyOutcome, String> {
        let Some(key) = key else { return Ok(KeyOutcome::None) };
        match (self.own_key.state(), self.otr.own_fingerprint()) {
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

    /// The fingerprints of an owner that are about nicks, each once and with the strongest trust
    /// that a line gives it; and how many lines are about nobody on IRC.
    fn new_peers(
        &self,
        files: &Files<'_>,
        owner: Option<&ForeignAccount>,
        overwrite: bool,
    ) -> (Vec<NewPeer>, usize) {
        let mut skipped = 0;
        let mut merged: Vec<(Peer, Fingerprint, Trust)> = Vec::new();
        let mut places = BTreeMap::new();
        for found in files.fingerprints.iter().filter(|found| Some(&found.owner) == owner) {
            // weechat's script writes nick@server; no nick has such a sign. Nor is anybody of
            // another protocol a nick, whoever was named as the owner.
            let nick = found.peer.as_bytes().split(|byte| *byte == b'@').next();
            let nick = nick.filter(|_| found.owner.is_irc());
            let Some(peer) = nick.and_then(|nick| self.imported_peer(nick)) else {
                skipped += 1;
                continue;
            };
            let (fingerprint, trust) = (found.fingerprint, found.trust.clone());
            let place = *places.entry((peer.clone(), fingerprint)).or_insert(merged.len());
            match merged.get_mut(place) {
                Some((.., there)) => *there = std::mem::take(there).strongest(trust),
                None => merged.push((peer, fingerprint, trust)),
            }
        }
        let new_peer = |(peer, fingerprint, trust): (Peer, Fingerprint, Trust)| {
            let outcome = match self.known.trust(&peer, fingerprint) {
                None => PeerOutcome::New,
                Some(known) if known == trust => PeerOutcome::Same,
                Some(_) if overwrite => PeerOutcome::Changed,
                Some(_) => PeerOutcome::Kept,
            };
            NewPeer { peer, fingerprint, trust, outcome }
        };
        (merged.into_iter().map(new_peer).collect(), skipped)
    }

    /// Until the server has said how nicks compare, only what every server takes for one nick is
    /// one: letters from A to Z in either case.
    fn imported_peer(&self, nick: &[u8]) -> Option<Peer> {
        Nick::new(nick).ok()?;
        match self.policies.casemapping() {
            Some(_) => self.conversations.peer(nick),
            None => Peer::new(&nick.to_ascii_lowercase()).ok(),
        }
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

impl<'a> Files<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let mut files = Self::default();
        for (file, content) in bundle::read(bytes).map_err(|error| error.to_string())? {
            match file {
                File::Key => {
                    files.keys = foreign::keys(content).map_err(|error| error.to_string())?;
                    files.key = Some(content);
                }
                File::WeechatKey => files.weechat_key = Some(content),
                File::Fingerprints => {
                    (files.fingerprints, files.skipped) =
                        foreign::fingerprints(content).map_err(|error| error.to_string())?;
                }
                File::InstanceTags => files.tags = content,
            }
        }
        match files.key.is_some() && files.weechat_key.is_some() {
            true => Err(Phrase::TwoSortsOfKeys {}.into()),
            false => Ok(files),
        }
    }

    /// Everybody whom the files name, with the number of fingerprints known to each.
    fn owners(&self) -> BTreeMap<ForeignAccount, usize> {
        let mut owners: BTreeMap<ForeignAccount, usize> =
            self.keys.iter().map(|key| (key.owner.clone(), 0)).collect();
        for found in &self.fingerprints {
            *owners.entry(found.owner.clone()).or_default() += 1;
        }
        owners
    }

    fn has_key_of(&self, owner: &ForeignAccount) -> bool {
        self.keys.iter().any(|key| key.owner == *owner)
    }

    /// The words for trust in an owner's lines that no program is known to write.
    fn unknown_trust(&self, owner: Option<&ForeignAccount>) -> Vec<Text> {
        let of_owner = self.fingerprints.iter().filter(|found| Some(&found.owner) == owner);
        let words: BTreeSet<&[u8]> =
            of_owner.filter_map(|found| found.unknown_trust.as_deref()).collect();
        words.into_iter().take(MAX_WORDS).map(|word| quote(word).into()).collect()
    }

    fn shown(&self) -> Vec<Shown> {
        let owners = self.owners().into_iter().take(MAX_OWNERS);
        let key = |owner: &ForeignAccount| {
            let found = self.keys.iter().find(|key| key.owner == *owner);
            found.map(|key| key.fingerprint.to_string())
        };
        owners
            .map(|(owner, known)| Shown {
                key: key(&owner),
                known: count(known),
                account: quote(&owner.account).into(),
                protocol: quote(&owner.protocol).into(),
            })
            .collect()
    }
}

impl NewPeer {
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

/// The accounts in a list for people, the first [`MAX_OWNERS`] of them.
fn names(owners: &[ForeignAccount]) -> String {
    let name =
        |owner: &ForeignAccount| format!("{} ({})", quote(&owner.account), quote(&owner.protocol));
    let names: Vec<_> = owners.iter().take(MAX_OWNERS).map(name).collect();
    if names.is_empty() { Phrase::NoOwners {}.into() } else { names.join(", ") }
}

fn the_key(error: impl ToString) -> String {
    Phrase::TheKey { error: error.to_string() }.into()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
