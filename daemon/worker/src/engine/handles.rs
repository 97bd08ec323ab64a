//! Which of libotr's peers a conversation is with. A handle goes along with its conversation to
//! whatever nick, and libotr hears nothing of nicks.

use super::Engine;
use otr::{Handle, Peer, Session};

impl Engine {
    /// What libotr holds with a peer, the one newest heard first.
    pub(super) fn sessions(&self, peer: &Peer) -> Vec<Session> {
        self.conversations.handle(peer).map(|handle| self.otr.sessions(handle)).unwrap_or_default()
    }

    /// Two conversations become one, and only one of them goes on in libotr: what comes, if it is
    /// more than what is there. At most one of them has sessions.
    pub(super) fn one_handle(&mut self, there: Handle, comes: Handle) -> Handle {
        let (one, other) = match !self.otr.has_session(there) && self.otr.is_met(comes) {
            true => (comes, there),
            false => (there, comes),
        };
        self.otr.forget(other);
        one
    }
}
