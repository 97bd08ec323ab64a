//! Which of libotr's peers a conversation is with. A handle goes along with its conversation to
//! whatever nick, and libotr hears nothing of nicks.

use super::{Conversation, Engine};
use otr::{Handle, Peer, Session};
use proto::irc::Nick;

impl Engine {
    /// A conversation with somebody whom libotr has not met.
    pub(super) fn new_conversation(&mut self, nick: Nick) -> Conversation {
        self.next_handle += 1;
        Conversation::new(nick, Handle::new(self.next_handle), self.now.mono)
    }

    pub(super) fn handle(&self, peer: &Peer) -> Option<Handle> {
        self.conversations.get(peer).map(|conversation| conversation.handle)
    }

    /// What libotr holds with a peer, the one newest heard first.
    pub(crate) fn sessions(&self, peer: &Peer) -> Vec<Session> {
        self.handle(peer).map(|handle| self.otr.sessions(handle)).unwrap_or_default()
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
