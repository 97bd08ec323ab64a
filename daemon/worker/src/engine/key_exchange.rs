//! Key exchanges: begun, gone on with, and put off where another is under way.

use super::Engine;
use super::conversation::Conversation;
use super::crossing::{Disturbing, Due, Step};
use otr::message::OtrLine;
use otr::{Awaited, Peer};
use proto::shim::IncomingMessage;

impl Engine {
    /// Asks the peer for a key exchange. While one is under way that is put off, and done only if
    /// nothing comes of it.
    pub(super) fn query(&mut self, peer: &Peer) {
        let now = self.now.mono;
        if self.conversations.exchanges(&self.otr, peer).is_empty() {
            self.send_query(peer);
        } else if let Some(conversation) = self.conversations.get_mut(peer) {
            conversation.crossing_mut().put_query_off(now);
        }
    }

    fn send_query(&mut self, peer: &Peer) {
        let Some(nick) = self.conversations.get(peer).map(|c| c.nick().clone()) else { return };
        let query = self.otr.query();
        self.output.send_line(&nick, query);
    }

    /// A step of a key exchange, through libotr, now or when the exchange under way is over.
    pub(super) fn receive(
        &mut self,
        peer: &Peer,
        message: &IncomingMessage,
        what: &OtrLine<'static>,
    ) {
        let under_way = self.conversations.exchanges(&self.otr, peer);
        let awaits = |instance, what| under_way.contains(&(instance, what));
        match Step::of(what) {
            Step::Query if !under_way.is_empty() => {
                self.conversations.put_off(
                    peer,
                    None,
                    Disturbing::Message(message.clone(), what.clone()),
                    self.now.mono,
                );
            }
            Step::Commitment(instance) if awaits(instance, Awaited::Signature) => {
                self.conversations.put_off(
                    peer,
                    Some(instance),
                    Disturbing::Message(message.clone(), what.clone()),
                    self.now.mono,
                );
            }
            Step::Commitment(instance) if awaits(instance, Awaited::RevealedSignature) => {
                let Some(handle) = self.conversations.handle(peer) else { return };
                let answer = self.otr.receive(handle, what, message.text.as_bytes()).events;
                self.conversations.put_off(
                    peer,
                    Some(instance),
                    Disturbing::Key(answer),
                    self.now.mono,
                );
            }
            _ => self.exchange(peer, message, what),
        }
    }

    fn exchange(&mut self, peer: &Peer, message: &IncomingMessage, what: &OtrLine<'static>) {
        let Some(handle) = self.conversations.handle(peer) else { return };
        let received = self.otr.receive(handle, what, message.text.as_bytes());
        self.conversations.note_renewal(&self.otr, peer, self.now.mono);
        self.events(peer, received.events);
        // Complete, or given up: either way nothing waits for it any more.
        let over = |conversation: &Conversation| !conversation.is_renewing();
        if self.conversations.get(peer).is_some_and(over) {
            self.release(peer);
        }
    }

    /// Goes on where the end of an exchange did not come.
    pub(super) fn expire_crossings(&mut self) {
        let now = self.now.mono;
        for peer in self.conversations.busy() {
            let Some(conversation) = self.conversations.get_mut(&peer) else { continue };
            let renewal_over = conversation.renewal_deadline().is_some_and(|at| at <= now);
            match conversation.crossing_mut().take_due(now) {
                Some(Due::PutOff(Disturbing::Message(message, what))) => {
                    self.exchange(&peer, &message, &what)
                }
                Some(Due::PutOff(Disturbing::Key(events))) => {
                    self.conversations.note_renewal(&self.otr, &peer, self.now.mono);
                    self.events(&peer, events);
                }
                Some(Due::Query) if self.output.module().is_online() => self.send_query(&peer),
                Some(Due::Query) | None => {}
            }
            if renewal_over {
                self.release(&peer);
            }
        }
    }
}
