//! Lines of a peer's that were cut on the way are put together, or given up.

use super::Engine;
use super::messages::Message;
use super::split_lines::Joined;
use crate::limits;
use otr::Peer;
use proto::irc::Text;
use proto::shim::IncomingMessage;

impl Engine {
    /// The message itself, a line put together again, or nothing while more must come.
    pub(super) fn join(
        &mut self,
        peer: &Peer,
        message: IncomingMessage,
    ) -> Option<IncomingMessage> {
        let now = self.now.mono;
        let open = self.conversations.count_busy(|c| c.split().is_open());
        let split = self.conversations.get_mut(peer)?.split_mut();
        match split.join(message.text.as_bytes(), open < limits::SPLIT_LINES, now) {
            Joined::Line => return Some(message),
            Joined::Whole(whole) => {
                return Some(IncomingMessage { text: Text::new(whole), ..message });
            }
            Joined::Kept => {}
            Joined::KeptInPlace => self.damaged_message(peer),
        }
        None
    }

    /// Gives up lines whose end did not come.
    pub(super) fn expire_splits(&mut self) {
        let now = self.now.mono;
        for peer in self.conversations.busy() {
            let Some(conversation) = self.conversations.get_mut(&peer) else { continue };
            if conversation.split_mut().expires(now) {
                self.damaged_message(&peer);
            }
        }
    }

    pub(super) fn damaged_message(&mut self, peer: &Peer) {
        self.report_seldom(peer, Message::Damaged {});
    }
}
