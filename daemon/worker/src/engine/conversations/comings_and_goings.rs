//! Peers that leave IRC, and come back.

use super::Conversations;
use crate::engine::messages::Message;
use crate::engine::output::Output;
use crate::text::sanitize::quote;
use otr::Peer;
use proto::irc::Nick;

impl Conversations {
    /// A peer left IRC.
    pub(in crate::engine) fn left(&mut self, nick: &Nick, output: &mut Output) {
        let Some(peer) = self.peer(nick.as_bytes()) else { return };
        let Some(conversation) = self.get_mut(&peer) else { return };
        if conversation.left_irc() {
            output.report_of(nick, Message::LeftIrc {});
        }
        // Whoever takes the nick next may be somebody else.
        self.give_back(&peer, &Message::BackLeft {}, output);
    }

    /// A peer joined a channel of ours.
    pub(in crate::engine) fn came(&mut self, nick: &Nick, output: &mut Output) {
        if let Some(peer) = self.peer(nick.as_bytes()) {
            self.back(&peer, nick, output);
        }
    }

    /// A sign of life of a peer who had left.
    pub(in crate::engine) fn back(&mut self, peer: &Peer, nick: &Nick, output: &mut Output) {
        let Some(conversation) = self.get_mut(peer) else { return };
        if conversation.is_back() {
            let name = quote(nick.as_bytes());
            output.report_of(nick, Message::Back { name });
        }
    }
}
