//! Lines of a peer's that were cut on the way are put together, or given up.

use super::Conversations;
use crate::engine::messages::Message;
use crate::engine::output::Output;
use crate::engine::split_lines::Joined;
use crate::limits;
use otr::Peer;
use proto::irc::Text;
use proto::shim::IncomingMessage;
use std::time::Duration;

impl Conversations {
    /// The message itself, a line put together again, or nothing while more must come.
    pub(in crate::engine) fn join(
        &mut self,
        peer: &Peer,
        message: IncomingMessage,
        now: Duration,
        output: &mut Output,
    ) -> Option<IncomingMessage> {
        let open = self.count_busy(|c| c.split().is_open());
        let split = self.get_mut(peer)?.split_mut();
        match split.join(message.text.as_bytes(), open < limits::SPLIT_LINES, now) {
            Joined::Line => return Some(message),
            Joined::Whole(whole) => {
                return Some(IncomingMessage { text: Text::new(whole), ..message });
            }
            Joined::Kept => {}
            Joined::KeptInPlace => self.report_seldom(peer, now, Message::Damaged {}, output),
        }
        None
    }

    /// Gives up lines whose end did not come.
    pub(in crate::engine) fn expire_splits(&mut self, now: Duration, output: &mut Output) {
        for peer in self.busy() {
            let Some(conversation) = self.get_mut(&peer) else { continue };
            if conversation.split_mut().expires(now) {
                self.report_seldom(&peer, now, Message::Damaged {}, output);
            }
        }
    }
}
