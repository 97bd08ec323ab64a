//! Connections that have not said who they are yet: bounded, and never in the way of others.

use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Everybody waiting at the door. When it is full, the uid with the most seats loses the one
/// that it has held longest: who floods only pushes out himself.
pub struct Crowd {
    limit: usize,
    next: u64,
    /// In the order of arrival. Dropping the sender shows the holder out.
    seats: BTreeMap<u64, (u32, oneshot::Sender<()>)>,
}

/// Resolves when the seat is needed for somebody else.
pub type ShownOut = oneshot::Receiver<()>;

impl Crowd {
    /// An empty one.
    pub fn new(limit: usize) -> Self {
        Self { limit, next: 0, seats: BTreeMap::new() }
    }

    /// Another limit, for those who come from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes a seat; the number is for [`Crowd::leave`].
    pub fn enter(&mut self, uid: u32) -> (u64, ShownOut) {
        while !self.seats.is_empty() && self.seats.len() >= self.limit {
            self.show_one_out();
        }
        let (stay, shown_out) = oneshot::channel();
        self.next += 1;
        self.seats.insert(self.next, (uid, stay));
        (self.next, shown_out)
    }

    /// Gives a seat back; nothing happens where it was taken away before.
    pub fn leave(&mut self, seat: u64) {
        self.seats.remove(&seat);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.seats.len()
    }

    fn show_one_out(&mut self) {
        let mut held: BTreeMap<u32, (usize, u64)> = BTreeMap::new();
        for (&seat, &(uid, _)) in &self.seats {
            held.entry(uid).or_insert((0, seat)).0 += 1;
        }
        if let Some((_, oldest)) = held.into_values().max_by_key(|&(seats, _)| seats) {
            self.seats.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_floods_pushes_out_himself() {
        let mut crowd = Crowd::new(4);
        let (_, mut quiet) = crowd.enter(1);
        let mut flood: Vec<_> = (0..10).map(|_| crowd.enter(2).1).collect();
        assert_eq!(crowd.len(), 4);
        assert!(matches!(quiet.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        let out =
            |seat: &mut ShownOut| seat.try_recv() == Err(oneshot::error::TryRecvError::Closed);
        assert_eq!(flood.iter_mut().map(out).filter(|&out| out).count(), 7);
        assert!(!out(flood.last_mut().unwrap()));
    }
}
