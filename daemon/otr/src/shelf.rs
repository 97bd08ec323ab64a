//! Fingerprints of peers whom libotr has not met.
//!
//! For every peer whose fingerprint it is given libotr keeps a context, in a list that it walks
//! from the beginning for each line. Whoever has a long history would pay for all of it with
//! every line, so it is told of a peer's fingerprints when it first has to do with that peer.
//!
//! What came from a file stays there as its lines: a start looks at each of them once, and makes
//! nothing of it before somebody asks.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::Otr;
use crate::context::Context;
use crate::event::KnownFingerprint;
use crate::fingerprint::Fingerprint;
use crate::peer::Peer;
use crate::record::Record;
use crate::trust::Trust;

/// No peer is here and in libotr's list.
#[derive(Default)]
pub(crate) struct Shelf {
    file: Lines,
    /// What counts for a peer in place of the file's lines, be it nothing.
    changed: BTreeMap<Peer, Prints>,
}

/// Of one peer, the oldest first.
type Prints = Vec<(Fingerprint, Trust)>;

impl Shelf {
    /// Adds a fingerprint, or changes its trust.
    pub(crate) fn put(&mut self, peer: &Peer, fingerprint: Fingerprint, trust: &Trust) {
        let file = &self.file;
        let prints = self.changed.entry(peer.clone()).or_insert_with(|| file.of(peer));
        put(prints, fingerprint, trust.clone());
    }

    /// Adds what these lines of a file say, the oldest first.
    pub(crate) fn put_file(&mut self, text: Vec<u8>, lines: Vec<Place>) {
        let file = Lines::new(text, lines);
        if self.file.lines.is_empty() && self.changed.is_empty() {
            self.file = file;
            return;
        }
        for (name, of_one) in file.by_peer() {
            let Ok(peer) = Peer::new(name) else { continue };
            for (fingerprint, trust) in file.prints(of_one) {
                self.put(&peer, fingerprint, &trust);
            }
        }
    }

    pub(crate) fn trust(&self, peer: &Peer, fingerprint: Fingerprint) -> Option<Trust> {
        let prints = self.of(peer);
        let (_, trust) = prints.iter().find(|(known, _)| *known == fingerprint)?;
        Some(trust.clone())
    }

    /// Takes one fingerprint away; `false` where it is not here.
    pub(crate) fn forget(&mut self, peer: &Peer, fingerprint: Fingerprint) -> bool {
        let mut prints = self.of(peer).into_owned();
        let before = prints.len();
        prints.retain(|(known, _)| *known != fingerprint);
        let forgotten = prints.len() < before;
        if forgotten {
            self.set(peer, prints);
        }
        forgotten
    }

    /// What is known of one peer, the newest first.
    pub(crate) fn known_of(&self, peer: &Peer) -> Vec<KnownFingerprint> {
        known(peer, &self.of(peer)).collect()
    }

    /// What is known of those whose name is `wanted`, of each the newest first.
    pub(crate) fn known(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<KnownFingerprint> {
        let mut all = Vec::new();
        for (name, of_one) in self.file.by_peer() {
            if wanted(name)
                && let Ok(peer) = Peer::new(name)
                && !self.changed.contains_key(&peer)
            {
                all.extend(known(&peer, &self.file.prints(of_one)));
            }
        }
        for (peer, prints) in self.changed.iter().filter(|(peer, _)| wanted(peer.as_bytes())) {
            all.extend(known(peer, prints));
        }
        all
    }

    /// Everything that is known of a peer, which is gone then.
    fn take(&mut self, peer: &Peer) -> Prints {
        let prints = self.of(peer).into_owned();
        if !prints.is_empty() {
            self.set(peer, Vec::new());
        }
        prints
    }

    fn of(&self, peer: &Peer) -> Cow<'_, [(Fingerprint, Trust)]> {
        match self.changed.get(peer) {
            Some(prints) => Cow::Borrowed(prints),
            None => Cow::Owned(self.file.of(peer)),
        }
    }

    fn set(&mut self, peer: &Peer, prints: Prints) {
        if prints.is_empty() && self.file.of(peer).is_empty() {
            self.changed.remove(peer);
        } else {
            self.changed.insert(peer.clone(), prints);
        }
    }
}

fn put(prints: &mut Prints, fingerprint: Fingerprint, trust: Trust) {
    match prints.iter_mut().find(|(known, _)| *known == fingerprint) {
        Some((_, old)) => *old = trust,
        None => prints.push((fingerprint, trust)),
    }
}

fn known(peer: &Peer, prints: &[(Fingerprint, Trust)]) -> impl Iterator<Item = KnownFingerprint> {
    prints.iter().rev().map(|(fingerprint, trust)| KnownFingerprint {
        peer: peer.clone(),
        fingerprint: *fingerprint,
        trust: trust.clone(),
        active: false,
    })
}

/// Lines of a file, by peer, of each the oldest first.
#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    lines: Vec<Place>,
}

/// Where a record stands in its file. All lengths were checked to be small.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    start: u32,
    length: u16,
    /// Of the peer's name, with which it begins.
    name: u16,
}

impl Place {
    /// The place of a line that begins at `start` of its file.
    pub(crate) fn of(record: &Record<'_>, start: usize, line: &[u8]) -> Option<Place> {
        Some(Place {
            start: start.try_into().ok()?,
            length: line.len().try_into().ok()?,
            name: record.peer.len().try_into().ok()?,
        })
    }

    fn name(self, file: &[u8]) -> &[u8] {
        piece(file, self.start, self.name)
    }

    fn line(self, file: &[u8]) -> &[u8] {
        piece(file, self.start, self.length)
    }
}

impl Lines {
    fn new(text: Vec<u8>, mut lines: Vec<Place>) -> Lines {
        // We write them sorted, others may not. Keeps the order within a peer.
        if !lines.is_sorted_by_key(|line| line.name(&text)) {
            lines.sort_by_key(|line| line.name(&text));
        }
        Lines { text, lines }
    }

    fn name(&self, line: Place) -> &[u8] {
        line.name(&self.text)
    }

    /// What the lines of a peer say.
    fn of(&self, peer: &Peer) -> Prints {
        let peer = peer.as_bytes();
        let start = self.lines.partition_point(|line| self.name(*line) < peer);
        let lines = self.lines.get(start..).unwrap_or_default();
        let end = lines.iter().position(|line| self.name(*line) != peer).unwrap_or(lines.len());
        self.prints(lines.get(..end).unwrap_or_default())
    }

    fn by_peer(&self) -> impl Iterator<Item = (&[u8], &[Place])> {
        let peers = self.lines.chunk_by(|a, b| self.name(*a) == self.name(*b));
        peers.filter_map(|of_one| Some((self.name(*of_one.first()?), of_one)))
    }

    fn prints(&self, lines: &[Place]) -> Prints {
        let mut prints = Prints::new();
        for line in lines {
            if let Some(record) = Record::parse(line.line(&self.text)) {
                let trust = Trust::from_field(record.trust);
                // Of two lines about one key the stronger counts, in either order.
                let there = prints.iter().find(|(known, _)| *known == record.fingerprint);
                let trust = there.map_or(trust.clone(), |(_, old)| old.clone().strongest(trust));
                put(&mut prints, record.fingerprint, trust);
            }
        }
        prints
    }
}

fn piece(file: &[u8], start: u32, length: u16) -> &[u8] {
    let start = start as usize;
    file.get(start..start + usize::from(length)).unwrap_or_default()
}

impl Otr {
    /// Tells libotr what is known of a peer. To be called before libotr may make a context for it.
    pub(crate) fn introduce(&mut self, peer: &Peer) {
        let prints = self.shelf.take(peer);
        if prints.is_empty() {
            return;
        }
        let Some(master) = Context::master_of(self.us.0, self.account.as_c(), peer) else { return };
        for (fingerprint, trust) in prints {
            if let Some(print) = master.add_print(fingerprint) {
                print.set_trust(&trust);
            }
        }
    }
}
