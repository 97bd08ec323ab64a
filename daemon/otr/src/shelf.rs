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
        put(self.0.entry(peer.clone()).or_default(), fingerprint, trust.clone());
    }

    /// Adds many, the oldest first.
    pub(crate) fn put_all(&mut self, mut prints: Vec<(Peer, Fingerprint, Trust)>) {
        if !self.0.is_empty() {
            return prints
                .into_iter()
                .for_each(|(peer, print, trust)| self.put(&peer, print, &trust));
        }
        // Files lie sorted, and made of sorted ones the map is ready many times sooner. Keeps the
        // order within a peer.
        prints.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let mut prints = prints.into_iter().peekable();
        let mut next = || {
            let (peer, print, trust) = prints.next()?;
            let mut of_one = vec![(print, trust)];
            while let Some((_, print, trust)) = prints.next_if(|(other, ..)| *other == peer) {
                put(&mut of_one, print, trust);
            }
            Some((peer, of_one))
        };
        self.0 = std::iter::from_fn(&mut next).collect();
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

    /// What is known of those whose name is `wanted`, by peer, of each the newest first.
    pub(crate) fn known(&self, wanted: impl Fn(&Peer) -> bool) -> impl Iterator<Item = Known> {
        let wanted = self.0.iter().filter(move |(peer, _)| wanted(peer));
        wanted.flat_map(|(peer, prints)| known(peer, prints))
    }
}

fn put(prints: &mut Vec<(Fingerprint, Trust)>, fingerprint: Fingerprint, trust: Trust) {
    match prints.iter_mut().find(|(known, _)| *known == fingerprint) {
        Some((_, old)) => *old = trust,
        None => prints.push((fingerprint, trust)),
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
