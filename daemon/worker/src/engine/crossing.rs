//! Key exchanges that cross: both ask at about the same time, or ask anew while they talk.
//!
//! libotr answers each query and each commitment at once, and gives up the exchange under way for it.
//! Where the other end completes the exchange that was given up, it encrypts to keys that we do not
//! have, or we to keys that it does not have. So what begins another exchange waits until the one
//! under way has come to its end; the peer's messages come in order, so what completes that one was
//! sent after the query, and answers it.
//!
//! While new session keys are agreed on within a conversation, a libotr at the other end takes it for
//! plain from the key message on (`msgstate` of the master context is copied), and uses the new keys
//! from the signature on, whoever sends it. What is typed in between waits, too.

use super::{Conversation, Engine};
use crate::limits;
use otr::message::{self, MessageType, OtrLine};
use otr::{Awaited, Event, Peer};
use proto::shim::IncomingMessage;
use std::time::Duration;

/// What would disturb the exchange under way, and waits for its end.
pub struct Crossing {
    what: Disturbing,
    /// Which of the peer's clients it is about; a query does not say.
    instance: Option<u32>,
    since: Duration,
}

enum Disturbing {
    /// A query or a commitment of the peer's.
    Message(IncomingMessage),
    /// Our key once more, for a commitment that replaces one that we have answered. The peer opens the
    /// newer one with the first answer; the second is for one that did not get the first.
    Key(Vec<Event>),
}

impl Crossing {
    /// When it waits no longer.
    pub fn deadline(&self) -> Duration {
        self.since + limits::EXCHANGE_TIMEOUT
    }
}

impl Engine {
    /// The key exchanges that the peer's next message completes.
    fn exchanges(&self, peer: &Peer) -> Vec<(u32, Awaited)> {
        self.handle(peer).map(|handle| self.otr.exchanges(handle)).unwrap_or_default()
    }

    /// Asks the peer for a key exchange. While one is under way that is put off, and done only if
    /// nothing comes of it.
    pub(super) fn query(&mut self, peer: &Peer) {
        let due = self.now.mono + limits::EXCHANGE_TIMEOUT;
        if self.exchanges(peer).is_empty() {
            self.send_query(peer);
        } else if let Some(conversation) = self.conversations.get_mut(peer) {
            conversation.query_due.get_or_insert(due);
        }
    }

    fn send_query(&mut self, peer: &Peer) {
        let Some(nick) = self.conversations.get(peer).map(|c| c.nick.clone()) else { return };
        let query = self.otr.query();
        self.send_line(&nick, query);
    }

    /// A step of a key exchange, through libotr.
    pub(super) fn receive(&mut self, peer: &Peer, message: &IncomingMessage) {
        let committed_by = match message::classify(message.text.as_bytes()) {
            OtrLine::Query { .. } => None,
            OtrLine::Message { kind: MessageType::DhCommit, sender, .. } => Some(sender),
            _ => return self.exchange(peer, message),
        };
        let under_way = self.exchanges(peer);
        let awaits = |instance, what| under_way.contains(&(instance, what));
        match committed_by {
            None if !under_way.is_empty() => {
                self.put_off(peer, None, Disturbing::Message(message.clone()));
            }
            Some(instance) if awaits(instance, Awaited::Signature) => {
                self.put_off(peer, Some(instance), Disturbing::Message(message.clone()));
            }
            Some(instance) if awaits(instance, Awaited::RevealedSignature) => {
                let Some(handle) = self.handle(peer) else { return };
                let answer = self.otr.receive(handle, message.text.as_bytes()).events;
                self.put_off(peer, Some(instance), Disturbing::Key(answer));
            }
            _ => self.exchange(peer, message),
        }
    }

    fn exchange(&mut self, peer: &Peer, message: &IncomingMessage) {
        let Some(handle) = self.handle(peer) else { return };
        let received = self.otr.receive(handle, message.text.as_bytes());
        self.note_renewal(peer);
        self.events(peer, received.events);
        let over = |conversation: &Conversation| conversation.renewal.is_none();
        if self.conversations.get(peer).is_some_and(over) {
            self.release(peer);
        }
    }

    /// The newest one counts, and has no more time than the first.
    fn put_off(&mut self, peer: &Peer, instance: Option<u32>, what: Disturbing) {
        let now = self.now.mono;
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let since = conversation.crossing.as_ref().map_or(now, |crossing| crossing.since);
        conversation.crossing = Some(Crossing { what, instance, since });
    }

    /// Notes since when the peer may use keys that we do not use yet.
    fn note_renewal(&mut self, peer: &Peer) {
        let Some(private) = self.conversations.get(peer).and_then(Conversation::private) else {
            return;
        };
        let waits = self.exchanges(peer).iter().any(|(which, _)| *which == private.instance);
        let now = self.now.mono;
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        conversation.renewal = conversation.renewal.or(Some(now)).filter(|_| waits);
    }

    /// An exchange with one of the peer's clients is done: what asked for it is answered.
    pub(super) fn exchange_done(&mut self, peer: &Peer, instance: u32) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        conversation.renewal = None;
        conversation.query_due = None;
        let answered =
            |crossing: &mut Crossing| crossing.instance.is_none_or(|asking| asking == instance);
        conversation.crossing.take_if(answered);
    }

    /// Goes on where the end of an exchange did not come.
    pub(super) fn expire_crossings(&mut self) {
        let now = self.now.mono;
        for peer in self.conversations.busy() {
            let Some(conversation) = self.conversations.get_mut(&peer) else { continue };
            let renewal_over = conversation.renewal_deadline().is_some_and(|at| at <= now);
            let asks = conversation.query_due.take_if(|at| *at <= now).is_some();
            let crossing = conversation.crossing.take_if(|crossing| crossing.deadline() <= now);
            match crossing.map(|crossing| crossing.what) {
                Some(Disturbing::Message(message)) => self.exchange(&peer, &message),
                Some(Disturbing::Key(events)) => {
                    // From now on the peer may agree on new keys, whatever came before.
                    conversation.renewal = None;
                    self.note_renewal(&peer);
                    self.events(&peer, events);
                }
                None if asks && self.network.connected => self.send_query(&peer),
                None => {}
            }
            if renewal_over {
                self.release(&peer);
            }
        }
    }
}
