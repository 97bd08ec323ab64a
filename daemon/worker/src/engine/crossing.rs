//! Key exchanges that cross: both ask at about the same time, or ask anew while they talk.
//!
//! libotr answers each query and each commitment at once, and gives up the exchange under way for it.
//! Where the other end completes the exchange that was given up, it encrypts to keys that we do not
//! have, or we to keys that it does not have. So what begins another exchange waits until the one
//! under way has come to its end; the peer's messages come in order, so what completes that one was
//! sent after the query, and answers it.
//!
//! While new session keys are agreed on within a conversation, a libotr at the other end takes it for
//! plain from the key message on (`msgstate` of the master context is copied), and for private again
//! only with the new keys, when the exchange is complete. What is typed in between waits, too.

use super::{Conversation, Engine};
use crate::limits;
use otr::message::{MessageType, OtrLine};
use otr::{Awaited, Event, Peer, Version};
use proto::shim::IncomingMessage;
use std::time::Duration;

/// What a message of a peer's does to key exchanges.
#[derive(Clone, Copy)]
enum Step {
    /// It asks for one, with any of the peer's clients.
    Query,
    /// It begins one beside that under way, with the client of this instance tag.
    Commitment(u32),
    /// It goes on with one. So does a commitment in version 2, where a client has one at a time: with
    /// it, the peer has given up the one before.
    Answer,
}

impl Step {
    fn of(what: &OtrLine<'_>) -> Self {
        match *what {
            OtrLine::Query { .. } => Self::Query,
            OtrLine::Message {
                version: Version::V3, kind: MessageType::DhCommit, sender, ..
            } => Self::Commitment(sender),
            _ => Self::Answer,
        }
    }
}

/// What waits for the end of the key exchange under way with a peer.
#[derive(Default)]
pub struct Crossing {
    put_off: Option<PutOff>,
    /// When a query of ours leaves, if nothing comes of the exchange.
    query_due: Option<Duration>,
    /// Since when the peer may use new session keys that we cannot use yet.
    renewal: Option<Duration>,
}

/// What would disturb the exchange.
struct PutOff {
    what: Disturbing,
    /// Which of the peer's clients it is about; a query does not say.
    instance: Option<u32>,
    since: Duration,
}

enum Disturbing {
    /// A query or a commitment of the peer's, and what it is to OTR.
    Message(IncomingMessage, OtrLine<'static>),
    /// Our key once more, for a commitment that replaces one that we have answered. The peer opens the
    /// newer one with the first answer; the second is for one that did not get the first.
    Key(Vec<Event>),
}

impl PutOff {
    fn deadline(&self) -> Duration {
        self.since + limits::EXCHANGE_TIMEOUT
    }
}

impl Crossing {
    /// When the first of what was put off is due.
    pub fn deadline(&self) -> Option<Duration> {
        let put_off = self.put_off.as_ref().map(PutOff::deadline);
        [put_off, self.query_due].into_iter().flatten().min()
    }
}

impl Conversation {
    /// Until when what is typed waits for new session keys, where anything does.
    pub fn renewal_deadline(&self) -> Option<Duration> {
        let released = self.private().is_some_and(|private| !private.held);
        let since = self.crossing.renewal.filter(|_| released && !self.waiting.is_empty())?;
        Some(since + limits::EXCHANGE_TIMEOUT)
    }

    /// Whether what is typed now waits for new session keys, or behind what does.
    pub fn waits_for_new_keys(&self, now: Duration) -> bool {
        let renewing = |since| now < since + limits::EXCHANGE_TIMEOUT;
        self.crossing.renewal.is_some_and(renewing) || !self.waiting.is_empty()
    }
}

impl Engine {
    /// The key exchanges that the peer's next message completes.
    fn exchanges(&self, peer: &Peer) -> Vec<(u32, Awaited)> {
        self.conversations.handle(peer).map(|handle| self.otr.exchanges(handle)).unwrap_or_default()
    }

    /// Asks the peer for a key exchange. While one is under way that is put off, and done only if
    /// nothing comes of it.
    pub(super) fn query(&mut self, peer: &Peer) {
        let due = self.now.mono + limits::EXCHANGE_TIMEOUT;
        if self.exchanges(peer).is_empty() {
            self.send_query(peer);
        } else if let Some(conversation) = self.conversations.get_mut(peer) {
            conversation.crossing.query_due.get_or_insert(due);
        }
    }

    fn send_query(&mut self, peer: &Peer) {
        let Some(nick) = self.conversations.get(peer).map(|c| c.nick.clone()) else { return };
        let query = self.otr.query();
        self.send_line(&nick, query);
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
        let over = |conversation: &Conversation| conversation.crossing.renewal.is_none();
        if self.conversations.get(peer).is_some_and(over) {
            self.release(peer);
        }
    }

    /// The newest one counts, and has no more time than the first.
    fn put_off(&mut self, peer: &Peer, instance: Option<u32>, what: Disturbing) {
        let now = self.now.mono;
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let put_off = &mut conversation.crossing.put_off;
        let since = put_off.as_ref().map_or(now, |first| first.since);
        *put_off = Some(PutOff { what, instance, since });
    }

    /// Notes since when the peer may use keys that we do not use yet.
    fn note_renewal(&mut self, peer: &Peer) {
        let Some(private) = self.conversations.get(peer).and_then(Conversation::private) else {
            return;
        };
        let waits = self.exchanges(peer).iter().any(|(which, _)| *which == private.instance);
        let now = self.now.mono;
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let renewal = &mut conversation.crossing.renewal;
        *renewal = renewal.or(Some(now)).filter(|_| waits);
    }

    /// An exchange with one of the peer's clients is done: what asked for it is answered.
    pub(super) fn exchange_done(&mut self, peer: &Peer, instance: u32) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let crossing = &mut conversation.crossing;
        crossing.renewal = None;
        crossing.query_due = None;
        crossing.put_off.take_if(|put_off| put_off.instance.is_none_or(|one| one == instance));
    }

    /// Goes on where the end of an exchange did not come.
    pub(super) fn expire_crossings(&mut self) {
        let now = self.now.mono;
        for peer in self.conversations.busy() {
            let Some(conversation) = self.conversations.get_mut(&peer) else { continue };
            let renewal_over = conversation.renewal_deadline().is_some_and(|at| at <= now);
            let crossing = &mut conversation.crossing;
            let asks = crossing.query_due.take_if(|at| *at <= now).is_some();
            let put_off = crossing.put_off.take_if(|put_off| put_off.deadline() <= now);
            match put_off.map(|put_off| put_off.what) {
                Some(Disturbing::Message(message, what)) => self.exchange(&peer, &message, &what),
                Some(Disturbing::Key(events)) => {
                    // From now on the peer may agree on new keys, whatever came before.
                    crossing.renewal = None;
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
