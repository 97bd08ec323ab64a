//! Key exchanges: begun, gone on with, and put off where another is under way.

use super::Engine;
use super::conversation::Conversation;
use super::crossing::{Disturbing, Due, Step};
use otr::message::OtrLine;
use otr::{Awaited, Peer};
use proto::shim::IncomingMessage;

impl Engine {
    /// The key exchanges that the peer's next message completes.
    fn exchanges(&self, peer: &Peer) -> Vec<(u32, Awaited)> {
        self.conversations.handle(peer).map(|handle| self.otr.exchanges(handle)).unwrap_or_default()
    }

    /// Asks the peer for a key exchange. While one is under way that is put off, and done only if
    /// nothing comes of it.
    pub(super) fn query(&mut self, peer: &Peer) {
        let now = self.now.mono;
        if self.exchanges(peer).is_empty() {
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
        let under_way = self.exchanges(peer);
        let awaits = |instance, what| under_way.contains(&(instance, what));
        match Step::of(what) {
            Step::Query if !under_way.is_empty() => {
                self.put_off(peer, None, Disturbing::Message(message.clone(), what.clone()));
            }
            Step::Commitment(instance) if awaits(instance, Awaited::Signature) => {
                self.put_off(
                    peer,
                    Some(instance),
                    Disturbing::Message(message.clone(), what.clone()),
                );
            }
            Step::Commitment(instance) if awaits(instance, Awaited::RevealedSignature) => {
                let Some(handle) = self.conversations.handle(peer) else { return };
                let answer = self.otr.receive(handle, what, message.text.as_bytes()).events;
                self.put_off(peer, Some(instance), Disturbing::Key(answer));
            }
            _ => self.exchange(peer, message, what),
        }
    }

    fn exchange(&mut self, peer: &Peer, message: &IncomingMessage, what: &OtrLine<'static>) {
        let Some(handle) = self.conversations.handle(peer) else { return };
        let received = self.otr.receive(handle, what, message.text.as_bytes());
        self.note_renewal(peer);
        self.events(peer, received.events);
        // Complete, or given up: either way nothing waits for it any more.
        let over = |conversation: &Conversation| !conversation.is_renewing();
        if self.conversations.get(peer).is_some_and(over) {
            self.release(peer);
        }
    }

    fn put_off(&mut self, peer: &Peer, instance: Option<u32>, what: Disturbing) {
        let now = self.now.mono;
        if let Some(conversation) = self.conversations.get_mut(peer) {
            conversation.crossing_mut().put_off(instance, what, now);
        }
    }

    /// Notes since when the peer may use keys that we do not use yet.
    fn note_renewal(&mut self, peer: &Peer) {
        let Some(private) = self.conversations.get(peer).and_then(Conversation::private) else {
            return;
        };
        let waits = self.exchanges(peer).iter().any(|(which, _)| *which == private.instance);
        let now = self.now.mono;
        if let Some(conversation) = self.conversations.get_mut(peer) {
            conversation.crossing_mut().renews(waits, now);
        }
    }

    /// An exchange with one of the peer's clients is done: what asked for it is answered.
    pub(super) fn exchange_done(&mut self, peer: &Peer, instance: u32) {
        if let Some(conversation) = self.conversations.get_mut(peer) {
            conversation.crossing_mut().done(instance);
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
                    self.note_renewal(&peer);
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
