//! The files of other programs with OTR: whose they are, and what is in them.

use super::messages::Phrase;
use crate::text::sanitize::quote;
use otr::foreign::{self, ForeignAccount, ForeignFingerprint, ForeignKey};
use otr::{Fingerprint, Peer, Trust};
use proto::account::Account;
use proto::admin::import_export::{ForeignAccount as Shown, MAX_OWNERS, MAX_WORDS};
use proto::bundle::{self, File};
use proto::irc::Text;
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// What a bundle comes to, parsed.
#[derive(Default)]
pub(super) struct ForeignFiles<'a> {
    key: Option<&'a [u8]>,
    weechat_key: Option<&'a [u8]>,
    keys: Vec<ForeignKey>,
    fingerprints: Vec<ForeignFingerprint>,
    tags: &'a [u8],
    /// Lines that say nothing of a fingerprint.
    skipped: usize,
}

/// A key that is to become ours.
pub(super) struct NewKey {
    pub(super) file: Zeroizing<Vec<u8>>,
    pub(super) fingerprint: Fingerprint,
}

impl<'a> ForeignFiles<'a> {
    /// Reads a [`bundle`].
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
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
    pub(super) fn unknown_trust(&self, owner: Option<&ForeignAccount>) -> Vec<Text> {
        let of_owner = self.fingerprints.iter().filter(|found| Some(&found.owner) == owner);
        let words: BTreeSet<&[u8]> =
            of_owner.filter_map(|found| found.unknown_trust.as_deref()).collect();
        words.into_iter().take(MAX_WORDS).map(|word| quote(word).into()).collect()
    }

    /// The owners, for people, with the number of fingerprints known to each.
    pub(super) fn shown(&self) -> Vec<Shown> {
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

    /// Whose key and fingerprints are meant: the one that was named, or the only one that has our
    /// name, or the only one for IRC.
    ///
    /// # Errors
    /// None is, or more than one may be: which there are, in words.
    pub(super) fn choose(
        &self,
        ours: &Account,
        named: Option<&Text>,
    ) -> Result<Option<ForeignAccount>, String> {
        let owners: Vec<ForeignAccount> = self.owners().into_keys().collect();
        if let Some(named) = named {
            let mut found = owners.iter().filter(|one| one.account == named.as_bytes());
            return match (found.next(), found.next()) {
                (Some(one), None) => Ok(Some(one.clone())),
                // A key of potr's does not say whose it is; nor does the name of its file.
                (None, _) if self.weechat_key.is_some() && owners.is_empty() => Ok(None),
                (None, _) => Err(Phrase::NoSuchOwner { owners: names(&owners) }.into()),
                (Some(one), Some(_)) if one.is_irc() => Ok(Some(one.clone())),
                (Some(one), Some(other)) => {
                    Ok(Some(if other.is_irc() { other } else { one }.clone()))
                }
            };
        }
        let irc: Vec<&ForeignAccount> = owners.iter().filter(|owner| owner.is_irc()).collect();
        let (user, network) = (ours.user.as_str(), ours.network.as_str());
        let with_key: Vec<&ForeignAccount> =
            irc.iter().copied().filter(|owner| self.has_key_of(owner)).collect();
        let called = |name: &str| {
            let mut all = irc.iter().filter(|o| o.account.eq_ignore_ascii_case(name.as_bytes()));
            all.next().copied()
        };
        match (called(user).or_else(|| called(network)), with_key.as_slice(), irc.as_slice()) {
            (Some(called), ..) => Ok(Some(called.clone())),
            (None, [only], _) | (None, [], [only]) => Ok(Some((*only).clone())),
            (None, [], []) if self.weechat_key.is_some() && owners.is_empty() => {
                Err(Phrase::KeyOfNobody {}.into())
            }
            (None, [], []) if owners.is_empty() => Ok(None),
            (None, [], []) => Err(Phrase::NoIrcOwner { owners: names(&owners) }.into()),
            _ => Err(Phrase::SeveralOwners { owners: names(&owners) }.into()),
        }
    }

    /// The key of an owner, as a file that names our user.
    ///
    /// # Errors
    /// It cannot be read: why, in words.
    pub(super) fn key_for(
        &self,
        ours: &str,
        owner: Option<&ForeignAccount>,
    ) -> Result<Option<NewKey>, String> {
        if let Some(file) = self.weechat_key {
            let (file, fingerprint) =
                foreign::take_potr_key(file, ours).map_err(|error| error.to_string())?;
            return Ok(Some(NewKey { file, fingerprint }));
        }
        let Some((file, owner)) = self.key.zip(owner) else { return Ok(None) };
        let Some(found) = self.keys.iter().find(|key| key.owner == *owner) else {
            return Ok(None);
        };
        let file = foreign::take_key(file, owner, ours).map_err(the_key)?;
        Ok(Some(NewKey { file, fingerprint: found.fingerprint }))
    }

    /// By which peers of an owner know them.
    pub(super) fn instag(&self, owner: &ForeignAccount) -> Option<u32> {
        foreign::instag(self.tags, owner)
    }

    /// The fingerprints of an owner that are about nicks, each once and with the strongest trust
    /// that a line gives it; and how many lines are about nobody on IRC, or about nothing.
    pub(super) fn peers(
        &self,
        owner: Option<&ForeignAccount>,
        peer_of: impl Fn(&[u8]) -> Option<Peer>,
    ) -> (Vec<(Peer, Fingerprint, Trust)>, usize) {
        let mut skipped = self.skipped;
        let mut merged: Vec<(Peer, Fingerprint, Trust)> = Vec::new();
        let mut places = BTreeMap::new();
        for found in self.fingerprints.iter().filter(|found| Some(&found.owner) == owner) {
            // weechat's script writes nick@server; no nick has such a sign. Nor is anybody of
            // another protocol a nick, whoever was named as the owner.
            let nick = found.peer.as_bytes().split(|byte| *byte == b'@').next();
            let nick = nick.filter(|_| found.owner.is_irc());
            let Some(peer) = nick.and_then(&peer_of) else {
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
        (merged, skipped)
    }
}

/// The accounts in a list for people, the first [`MAX_OWNERS`] of them.
fn names(owners: &[ForeignAccount]) -> String {
    let name =
        |owner: &ForeignAccount| format!("{} ({})", quote(&owner.account), quote(&owner.protocol));
    let names: Vec<_> = owners.iter().take(MAX_OWNERS).map(name).collect();
    if names.is_empty() { Phrase::NoOwners {}.into() } else { names.join(", ") }
}

/// What is wrong with a key, in words.
pub(super) fn the_key(error: impl ToString) -> String {
    Phrase::TheKey { error: error.to_string() }.into()
}

/// As many as can be said.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
