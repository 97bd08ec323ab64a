//! Connections that have not said hello yet: bounded, and one uid's cannot crowd out another's.

use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Connections before their hello. When there is no room for another one, the uid with the most of
/// them loses its oldest: a flooding uid evicts only its own connections.
pub struct PendingConnections {
    limit: usize,
    next: u64,
    /// By number, in the order of arrival. Dropping the sender evicts the connection.
    slots: BTreeMap<u64, (u32, oneshot::Sender<()>)>,
}

/// Resolves when the slot is needed for another connection.
pub type Evicted = oneshot::Receiver<()>;

impl PendingConnections {
    /// Room for `limit` connections.
    pub fn new(limit: usize) -> Self {
        Self { limit, next: 0, slots: BTreeMap::new() }
    }

    /// Changes the limit for connections from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes a slot; its number is for [`PendingConnections::leave`].
    pub fn enter(&mut self, uid: u32) -> (u64, Evicted) {
        while !self.slots.is_empty() && self.slots.len() >= self.limit {
            self.evict_one();
        }
        let (stay, evicted) = oneshot::channel();
        self.next += 1;
        self.slots.insert(self.next, (uid, stay));
        (self.next, evicted)
    }

    /// Gives a slot back. Does nothing where its connection was evicted.
    pub fn leave(&mut self, slot: u64) {
        self.slots.remove(&slot);
    }

    /// Number of pending connections.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    fn evict_one(&mut self) {
        let mut of_uid: BTreeMap<u32, (usize, u64)> = BTreeMap::new();
        for (&slot, &(uid, _)) in &self.slots {
            of_uid.entry(uid).or_insert((0, slot)).0 += 1;
        }
        if let Some((_, oldest)) = of_uid.into_values().max_by_key(|&(slots, _)| slots) {
            self.slots.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flooding_uid_evicts_only_its_own() {
        let mut pending = PendingConnections::new(4);
        let (_, mut quiet) = pending.enter(1);
        let mut flood: Vec<_> = (0..10).map(|_| pending.enter(2).1).collect();
        assert_eq!(pending.len(), 4);
        assert!(matches!(quiet.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        let out = |slot: &mut Evicted| slot.try_recv() == Err(oneshot::error::TryRecvError::Closed);
        assert_eq!(flood.iter_mut().map(out).filter(|&out| out).count(), 7);
        assert!(!out(flood.last_mut().unwrap()));
    }
}
