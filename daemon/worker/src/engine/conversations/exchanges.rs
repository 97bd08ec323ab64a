//! Key exchanges under way, and what is put off until they are over.

use super::Conversations;
use crate::engine::conversation::Conversation;
use crate::engine::crossing::Disturbing;
use otr::{Awaited, Otr, Peer};
use std::time::Duration;

impl Conversations {
    /// The key exchanges that the peer's next message completes.
    pub(in crate::engine) fn exchanges(&self, otr: &Otr, peer: &Peer) -> Vec<(u32, Awaited)> {
        self.handle(peer).map(|handle| otr.exchanges(handle)).unwrap_or_default()
    }

    /// Something would disturb the exchange under way: it is looked at when that is over.
    pub(in crate::engine) fn put_off(
        &mut self,
        peer: &Peer,
        instance: Option<u32>,
        what: Disturbing,
        now: Duration,
    ) {
        if let Some(conversation) = self.get_mut(peer) {
            conversation.crossing_mut().put_off(instance, what, now);
        }
    }

    /// Notes since when the peer may use keys that we do not use yet.
    pub(in crate::engine) fn note_renewal(&mut self, otr: &Otr, peer: &Peer, now: Duration) {
        let Some(private) = self.get(peer).and_then(Conversation::private) else {
            return;
        };
        let waits = self.exchanges(otr, peer).iter().any(|(which, _)| *which == private.instance);
        if let Some(conversation) = self.get_mut(peer) {
            conversation.crossing_mut().renews(waits, now);
        }
    }

    /// An exchange with one of the peer's clients is done: what asked for it is answered.
    pub(in crate::engine) fn exchange_done(&mut self, peer: &Peer, instance: u32) {
        if let Some(conversation) = self.get_mut(peer) {
            conversation.crossing_mut().done(instance);
        }
    }
}
