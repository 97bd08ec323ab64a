//! The conversations by folded nick. It notes which were changed in a step, so that what has to
//! be looked at afterwards does not grow with the number of peers.

use super::Conversation;
use indexmap::IndexMap;
use otr::Peer;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Default)]
pub struct Table {
    /// One behind the other: those of many peers take little room in the processor's caches.
    map: IndexMap<Peer, Conversation>,
    /// Where the last one was found: a step asks for the same one again and again.
    last: Cell<usize>,
    touched: Vec<Peer>,
    /// Those that wait for something.
    busy: BTreeSet<Peer>,
}

impl Table {
    pub fn get(&self, peer: &Peer) -> Option<&Conversation> {
        self.map.get_index(self.find(peer)?).map(|(_, conversation)| conversation)
    }

    pub fn get_mut(&mut self, peer: &Peer) -> Option<&mut Conversation> {
        let at = self.find(peer)?;
        if self.touched.last() != Some(peer) {
            self.touched.push(peer.clone());
        }
        self.map.get_index_mut(at).map(|(_, conversation)| conversation)
    }

    fn find(&self, peer: &Peer) -> Option<usize> {
        let last = self.last.get();
        if self.map.get_index(last).is_some_and(|(there, _)| there == peer) {
            return Some(last);
        }
        let at = self.map.get_index_of(peer)?;
        self.last.set(at);
        Some(at)
    }

    pub fn insert(&mut self, peer: Peer, conversation: Conversation) {
        self.touched.push(peer.clone());
        self.map.insert(peer, conversation);
    }

    pub fn remove(&mut self, peer: &Peer) -> Option<Conversation> {
        self.busy.remove(peer);
        self.map.swap_remove(peer)
    }

    pub fn take_all(&mut self) -> Vec<(Peer, Conversation)> {
        self.busy.clear();
        self.map.drain(..).collect()
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Peer, &Conversation)> {
        self.map.iter()
    }

    pub fn values(&self) -> impl Iterator<Item = &Conversation> {
        self.map.values()
    }

    /// Every peer, as if all had been touched: a rule for all of them changed.
    pub fn touch_all(&mut self) {
        self.touched = self.map.keys().cloned().collect();
    }

    /// Peers that wait for something, in a stable order.
    pub fn busy(&self) -> Vec<Peer> {
        self.busy.iter().cloned().collect()
    }

    /// How many of those that wait for something are so.
    pub fn count_busy(&self, is_so: fn(&Conversation) -> bool) -> usize {
        self.busy.iter().filter_map(|peer| self.get(peer)).filter(|c| is_so(c)).count()
    }

    /// Lines that wait, of all peers.
    pub fn waiting(&self) -> usize {
        self.busy.iter().filter_map(|peer| self.get(peer)).map(|c| c.waiting.len()).sum()
    }

    /// When the next of them wants a tick.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.busy.iter().filter_map(|peer| self.get(peer)?.deadline()).min()
    }

    /// Peers touched since the last call, sorted, each once; brings [`Table::busy`] up to date.
    pub fn settle(&mut self) -> Vec<Peer> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort();
        touched.dedup();
        for peer in &touched {
            match self.get(peer).and_then(Conversation::deadline) {
                Some(_) => self.busy.insert(peer.clone()),
                None => self.busy.remove(peer),
            };
        }
        touched
    }

    /// What [`Table::settle`] gave has been looked at: it is not to be looked at again.
    pub fn settled(&mut self, mut looked_at: Vec<Peer>) {
        looked_at.clear();
        self.touched = looked_at;
    }
}
