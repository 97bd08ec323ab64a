//! Sessions that end: by the peer, on one of the peer's clients, or lost.

use super::Engine;
use super::messages::{Message, Phrase};
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::Peer;

impl Engine {
    pub(super) fn ended(&mut self, peer: &Peer, instance: u32) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        if conversation.private().is_some_and(|p| p.instance != instance) {
            let nick = conversation.nick().clone();
            return self.output.report_of(&nick, Message::EndedElsewhere {});
        }
        if conversation.is_clear() {
            return;
        }
        conversation.smp_ends();
        if self.conversations.go_on_elsewhere(&self.otr, peer, instance, &mut self.output) {
            return;
        }
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        conversation.ended_by_peer();
        let nick = conversation.nick().clone();
        let name = quote(nick.as_bytes());
        self.persistence.changed(StoredFile::Conversations);
        let until = match self.peers().is_required(peer) {
            true => Phrase::UntilStarted { name },
            false => Phrase::UntilFinishedOrStarted { name },
        };
        self.output.report_of(&nick, Message::Ended { until: until.into() });
        self.conversations.give_back(peer, &Message::BackEnded {}, &mut self.output);
    }

    /// Ends a peer's sessions, and tells the peer.
    pub(super) fn end_sessions(&mut self, peer: &Peer) {
        if let Some(handle) = self.conversations.handle(peer) {
            let events = self.otr.finish(handle);
            self.events(peer, events);
        }
        self.fragments.forget(peer);
    }

    /// Ends every session, for the key under which it was made is replaced. Who was private stays
    /// closed until the user says `finish` or `start`.
    pub(super) fn close_all(&mut self) {
        for peer in &self.conversations.not_clear() {
            self.end_sessions(peer);
            let Some(conversation) = self.conversations.get_mut(peer) else { continue };
            if conversation.is_clear() {
                self.withdraw(peer);
                continue;
            }
            let private = conversation.ended_by_our_key();
            let nick = conversation.nick().clone();
            let name = quote(nick.as_bytes());
            self.persistence.changed(StoredFile::Conversations);
            if private {
                self.output.report_of(&nick, Message::EndedByKey { name });
            }
            self.conversations.give_back(peer, &Message::BackKeyReplaced {}, &mut self.output);
        }
    }
}
