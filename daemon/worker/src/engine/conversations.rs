//! The conversations by folded nick. It notes which were changed in a step, so that what has to
//! be looked at afterwards does not grow with the number of peers.

use super::{Conversation, Phase};
use otr::Peer;
use proto::irc::Nick;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

#[derive(Default)]
pub struct Table {
    map: HashMap<Peer, Conversation>,
    touched: Vec<Peer>,
    /// Those that wait for something.
    busy: BTreeSet<Peer>,
}

impl Table {
    pub fn get(&self, peer: &Peer) -> Option<&Conversation> {
        self.map.get(peer)
    }

    pub fn get_mut(&mut self, peer: &Peer) -> Option<&mut Conversation> {
        let conversation = self.map.get_mut(peer);
        if conversation.is_some() && self.touched.last() != Some(peer) {
            self.touched.push(peer.clone());
        }
        conversation
    }

    pub fn insert(&mut self, peer: Peer, conversation: Conversation) {
        self.touched.push(peer.clone());
        self.map.insert(peer, conversation);
    }

    pub fn remove(&mut self, peer: &Peer) -> Option<Conversation> {
        self.touch(peer);
        self.busy.remove(peer);
        self.map.remove(peer)
    }

    pub fn take_all(&mut self) -> Vec<(Peer, Conversation)> {
        self.busy.clear();
        self.touched.extend(self.map.keys().cloned());
        self.map.drain().collect()
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

    /// This peer, as if it had been changed.
    pub fn touch(&mut self, peer: &Peer) {
        self.touched.push(peer.clone());
    }

    /// Where a nick that was left leads to. Nothing that is looked at after a step changes by that,
    /// and there may be a thousand of them.
    pub fn leads_to(&mut self, left: &Peer, nick: &Nick) {
        if let Some(Phase::Moved { to }) = self.map.get_mut(left).map(|c| &mut c.phase) {
            *to = nick.clone();
        }
    }

    /// Every peer, as if all had been touched: a rule for all of them changed.
    pub fn touch_all(&mut self) {
        self.touched.extend(self.map.keys().cloned());
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
