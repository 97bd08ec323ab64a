//! Which of libotr's peers a conversation is with. A handle goes along with its conversation to
//! whatever nick, and libotr hears nothing of nicks.

use super::Engine;
use otr::Handle;

impl Engine {
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
