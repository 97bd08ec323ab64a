//! Fingerprints of peers whom libotr has not met.
//!
//! For every peer whose fingerprint it is given libotr keeps a context, in a list that it walks
//! from the beginning for each line. Whoever has a long history would pay for all of it with
//! every line, so it is told of a peer's fingerprints when it first has to do with that peer.

use std::collections::BTreeMap;

use crate::Otr;
use crate::context::Context;
use crate::event::Known;
use crate::name::{Fingerprint, Peer, Trust};

/// By peer, of each the oldest first. No peer is here and in libotr's list.
#[derive(Default)]
pub(crate) struct Shelf(BTreeMap<Peer, Vec<(Fingerprint, Trust)>>);

impl Shelf {
    /// Adds a fingerprint, or changes its trust.
    pub(crate) fn put(&mut self, peer: &Peer, fingerprint: Fingerprint, trust: &Trust) {
        let prints = self.0.entry(peer.clone()).or_default();
        match prints.iter_mut().find(|(known, _)| *known == fingerprint) {
            Some((_, old)) => *old = trust.clone(),
            None => prints.push((fingerprint, trust.clone())),
        }
    }

    pub(crate) fn trust(&self, peer: &Peer, fingerprint: Fingerprint) -> Option<&Trust> {
        let mut prints = self.0.get(peer)?.iter();
        prints.find(|(known, _)| *known == fingerprint).map(|(_, trust)| trust)
    }

    /// Takes one fingerprint away; `false` where it is not here.
    pub(crate) fn forget(&mut self, peer: &Peer, fingerprint: Fingerprint) -> bool {
        let Some(prints) = self.0.get_mut(peer) else { return false };
        let before = prints.len();
        prints.retain(|(known, _)| *known != fingerprint);
        let forgotten = prints.len() < before;
        if prints.is_empty() {
            self.0.remove(peer);
        }
        forgotten
    }

    /// What is known of one peer, the newest first.
    pub(crate) fn known_of(&self, peer: &Peer) -> Vec<Known> {
        self.0.get(peer).map(|prints| known(peer, prints).collect()).unwrap_or_default()
    }

    /// What is known of all, by peer, of each the newest first.
    pub(crate) fn known(&self) -> impl Iterator<Item = Known> {
        self.0.iter().flat_map(|(peer, prints)| known(peer, prints))
    }
}

fn known(peer: &Peer, prints: &[(Fingerprint, Trust)]) -> impl Iterator<Item = Known> {
    prints.iter().rev().map(|(fingerprint, trust)| Known {
        peer: peer.clone(),
        fingerprint: *fingerprint,
        trust: trust.clone(),
        active: false,
    })
}

impl Otr {
    /// Tells libotr what is known of a peer. To be called before libotr may make a context for it.
    pub(crate) fn introduce(&mut self, peer: &Peer) {
        let Some(prints) = self.shelf.0.remove(peer) else { return };
        let Some(master) = Context::master_of(self.us.0, self.account.as_c(), peer) else { return };
        for (fingerprint, trust) in prints {
            if let Some(print) = master.add_print(fingerprint) {
                print.set_trust(&trust);
            }
        }
    }
}
