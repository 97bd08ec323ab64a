//! What a peer sent.

use super::conversation::{Step, Unreadable};
use super::messages::Message;
use super::own_key::HeldLine;
use super::{Engine, Policy};
use crate::text::sanitize::quote;
use otr::Peer;
use otr::fragment::Outcome;
use otr::message::{self, MessageType, OtrLine};
use proto::irc::Source;
use proto::shim::{Effect, IncomingMessage, MessageKind};

impl Engine {
    pub(super) fn incoming(&mut self, message: IncomingMessage) {
        let Some(peer) = self.nicks().meet(message.from.nick()) else {
            return self.output.effect(Effect::Pass);
        };
        let policy = self.peers().policy(&peer);
        let guarded = self.conversations.get(&peer).is_some_and(|c| c.is_guarded());
        if policy == Policy::Never && !guarded {
            return self.output.effect(Effect::Pass);
        }
        self.conversations.back(&peer, message.from.nick(), &mut self.output);
        match message.kind {
            MessageKind::Text => {
                if let Some(message) =
                    self.conversations.join(&peer, message, self.now.mono, &mut self.output)
                {
                    self.line(&peer, message, policy);
                }
            }
            _ => self.output.clear(&message, self.conversations.is_closed(&peer)),
        }
    }

    /// A PRIVMSG, or a line that was put together again.
    pub(super) fn line(&mut self, peer: &Peer, message: IncomingMessage, policy: Policy) {
        let text = message.text.as_bytes();
        match message::classify(text) {
            OtrLine::Text => {
                if let Some(conversation) = self.conversations.get_mut(peer) {
                    conversation.wrote_in_clear();
                }
                self.output.clear(&message, self.conversations.is_closed(peer));
            }
            OtrLine::Tagged { v2, v3, text } => {
                if !text.is_empty() {
                    let stripped =
                        IncomingMessage { text: proto::irc::Text::new(text), ..message.clone() };
                    self.output.clear_stripped(&stripped, self.conversations.is_closed(peer));
                }
                if policy.answers_tags() && self.peer_limits().may_exchange_keys(peer, Step::Begins)
                {
                    self.asked_by(peer, v2, v3, message.from);
                }
            }
            // Mostly somebody's words about OTR; a real one asks for what is not safe.
            OtrLine::Query { v2: false, v3: false } => {
                self.report_seldom(peer, Message::UnsafeVersion {});
                self.output.clear(&message, self.conversations.is_closed(peer));
            }
            OtrLine::Query { v2, v3 } => {
                if self.peer_limits().may_exchange_keys(peer, Step::Begins) {
                    self.report_seldom(peer, Message::TheyAsk {});
                    self.asked_by(peer, v2, v3, message.from);
                }
            }
            OtrLine::Error { text } => {
                let words = quote(text);
                self.report_seldom(peer, Message::TheirError { words });
            }
            OtrLine::Fragment(fragment) => {
                let ours = self.otr.instag();
                match self.fragments.push(self.now.mono, peer, &fragment, Some(ours)) {
                    // A line of its own.
                    Outcome::Complete(whole) => match message::classify(&whole) {
                        OtrLine::Message { version, kind, sender, receiver } => {
                            let what = OtrLine::Message { version, kind, sender, receiver };
                            let text = proto::irc::Text::new(whole);
                            self.encoded(peer, IncomingMessage { text, ..message }, what);
                        }
                        _ => self.report_seldom(peer, Message::Damaged {}),
                    },
                    Outcome::Pending | Outcome::Dropped => {}
                }
            }
            OtrLine::Message { version, kind, sender, receiver } => {
                let what = OtrLine::Message { version, kind, sender, receiver };
                self.encoded(peer, message, what);
            }
        }
    }

    /// A whole encoded message: encrypted text, or a step of a key exchange.
    fn encoded(&mut self, peer: &Peer, message: IncomingMessage, what: OtrLine<'static>) {
        if let OtrLine::Message { kind: MessageType::Data, sender, .. } = what {
            return self.data(peer, message, &what, sender);
        }
        let step = match what {
            OtrLine::Message { kind: MessageType::DhCommit, .. } => Step::Begins,
            _ => Step::Continues,
        };
        if self.peer_limits().may_exchange_keys(peer, step)
            && self.own_key.is_there_or_hold(
                HeldLine::In(message.clone(), what.clone()),
                self.now.mono,
                &mut self.output,
            )
        {
            self.receive(peer, &message, &what);
        }
    }

    /// A query or an offer: we begin the key exchange.
    fn asked_by(&mut self, peer: &Peer, v2: bool, v3: bool, from: Source) {
        let (what, query): (_, &[u8]) = match (v2, v3) {
            (_, true) => (OtrLine::Query { v2: true, v3: true }, b"?OTRv23?"),
            (true, false) => (OtrLine::Query { v2, v3 }, b"?OTRv2?"),
            (false, false) => return,
        };
        let query =
            IncomingMessage { from, kind: MessageKind::Text, text: proto::irc::Text::new(query) };
        if self.own_key.is_there_or_hold(
            HeldLine::In(query.clone(), what.clone()),
            self.now.mono,
            &mut self.output,
        ) {
            self.receive(peer, &query, &what);
        }
    }

    /// Handles an encrypted text from one of the peer's clients.
    fn data(
        &mut self,
        peer: &Peer,
        message: IncomingMessage,
        what: &OtrLine<'static>,
        instance: u32,
    ) {
        // Which key it came under has to be known before: the line may also end the session.
        let Some(handle) = self.conversations.handle(peer) else { return };
        let security = self.peers().security_under(peer, self.otr.private_key_of(handle, instance));
        // What rides along shows only once it is decrypted, and then it is looked at already.
        let text = message.text.as_bytes();
        let mut received = match self.peer_limits().may_authenticate(peer) {
            true => self.otr.receive(handle, what, text),
            false => self.otr.receive_ignoring_smp(handle, what, text),
        };
        if let Some(text) = received.text
            && self.output.decrypted(message.from, security, &text)
        {
            self.report_seldom(peer, Message::CutShort {});
        }
        self.peer_limits().limit_automatic(peer, &mut received.events);
        self.events(peer, received.events);
    }

    /// Someone encrypts to keys that we no longer have. Where we were private the peer is asked
    /// for a new session, now and then; others do not learn that we are here.
    pub(super) fn unreadable(&mut self, peer: &Peer) {
        let name = self.conversations.spelled(peer);
        let now = self.now.mono;
        let trusted = self.known.trusts(peer);
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let may_ask = || trusted || self.allowances.repairs.take(now);
        match conversation.unreadable(now, may_ask) {
            Unreadable::Nothing => self.report_seldom(peer, Message::SessionGoneStart { name }),
            Unreadable::TooMany => self.report_seldom(peer, Message::SessionGoneRefresh { name }),
            Unreadable::AskedAlready => self.report_seldom(peer, Message::SessionGone {}),
            Unreadable::Asks => {
                self.report_seldom(peer, Message::SessionGoneAsking {});
                self.ask(peer);
            }
        }
    }
}
