//! What a peer sent.

use super::conversation::Unreadable;
use super::messages::Message;
use super::own_key::HeldLine;
use super::{Engine, Policy};
use crate::limits;
use crate::text::ctcp::{self, Decrypted};
use crate::text::html;
use crate::text::sanitize::{quote, single_line};
use otr::Peer;
use otr::fragment::Outcome;
use otr::message::{self, MessageType, OtrLine};
use proto::irc::Source;
use proto::shim::{Effect, IncomingMessage, MessageKind, Security};
use std::borrow::Cow;

impl Engine {
    pub(super) fn incoming(&mut self, message: IncomingMessage) {
        let Some(peer) = self.meet(message.from.nick()) else { return self.effect(Effect::Pass) };
        let policy = self.policy(&peer);
        let guarded = self.conversations.get(&peer).is_some_and(|c| c.is_guarded());
        if policy == Policy::Never && !guarded {
            return self.effect(Effect::Pass);
        }
        self.back(&peer, message.from.nick());
        match message.kind {
            MessageKind::Text => {
                if let Some(message) = self.join(&peer, message) {
                    self.line(&peer, message, policy);
                }
            }
            _ => self.clear(&peer, &message),
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
                self.clear(peer, &message);
            }
            OtrLine::Tagged { v2, v3, text } => {
                if !text.is_empty() {
                    let stripped =
                        IncomingMessage { text: proto::irc::Text::new(text), ..message.clone() };
                    self.clear_stripped(peer, &stripped);
                }
                if policy.answers_tags() && self.may_exchange_keys(peer) {
                    self.asked_by(peer, v2, v3, message.from);
                }
            }
            // Mostly somebody's words about OTR; a real one asks for what is not safe.
            OtrLine::Query { v2: false, v3: false } => {
                self.report_seldom(peer, Message::UnsafeVersion {});
                self.clear(peer, &message);
            }
            OtrLine::Query { v2, v3 } => {
                if self.may_exchange_keys(peer) {
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
                        _ => self.damaged_message(peer),
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
        if self.may_exchange_keys(peer)
            && self.key_or_hold(HeldLine::In(message.clone(), what.clone()))
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
        if self.key_or_hold(HeldLine::In(query.clone(), what.clone())) {
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
        let security = self.security_under(peer, self.otr.private_key_of(handle, instance));
        // What rides along shows only once it is decrypted, and then it is looked at already.
        let text = message.text.as_bytes();
        let mut received = match self.may_authenticate(peer) {
            true => self.otr.receive(handle, what, text),
            false => self.otr.receive_ignoring_smp(handle, what, text),
        };
        if let Some(text) = received.text {
            self.decrypted(peer, message.from, security, &text);
        }
        self.limit_automatic(peer, &mut received.events);
        self.events(peer, received.events);
    }

    /// Someone encrypts to keys that we no longer have. Where we were private the peer is asked
    /// for a new session, now and then; others do not learn that we are here.
    pub(super) fn unreadable(&mut self, peer: &Peer) {
        let name = self.conversations.spelled(peer);
        let now = self.now.mono;
        let trusted = self.known.trusts(peer);
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let may_ask = || trusted || self.allowances.asking_anew.take(now);
        match conversation.unreadable(now, may_ask) {
            Unreadable::Nothing => self.report_seldom(peer, Message::SessionGoneStart { name }),
            Unreadable::AskedAlready => self.report_seldom(peer, Message::SessionGone {}),
            Unreadable::Asks => {
                self.report_seldom(peer, Message::SessionGoneAsking {});
                self.ask(peer);
            }
        }
    }

    /// Which key a text came under decides how it is shown.
    fn security_under(&self, peer: &Peer, key: Option<otr::Fingerprint>) -> Security {
        match self.conversations.get(peer).and_then(|c| c.private()) {
            Some(private) if !private.held && key == Some(private.fingerprint) => {
                self.security_of(peer, private)
            }
            _ => Security::Changed,
        }
    }

    fn decrypted(&mut self, peer: &Peer, from: Source, security: Security, text: &[u8]) {
        let shown = text.get(..limits::SHOWN_TEXT).unwrap_or(text);
        match ctcp::read(shown) {
            Decrypted::Text(text) => {
                self.deliver(from, MessageKind::Text, security, &readable(text))
            }
            Decrypted::Action(text) => {
                self.deliver(from, MessageKind::Action, security, &readable(text))
            }
            // Nothing that anybody wrote.
            Decrypted::Ctcp(request) if ctcp::is_typing_notice(request) => {}
            Decrypted::Ctcp(request) => {
                let text = [b"CTCP ".as_slice(), &single_line(request)].concat();
                self.deliver(from, MessageKind::Text, security, &text);
            }
        }
        if shown.len() < text.len() {
            self.report_seldom(peer, Message::CutShort {});
        }
    }

    /// Clear text, exactly as it came where nothing is private.
    fn clear(&mut self, peer: &Peer, message: &IncomingMessage) {
        match self.conversations.is_closed(peer) {
            true => self.clear_marked(message),
            false => self.effect(Effect::Pass),
        }
    }

    /// Clear text that is not the held message any more.
    fn clear_stripped(&mut self, peer: &Peer, message: &IncomingMessage) {
        match self.conversations.is_closed(peer) {
            true => self.clear_marked(message),
            false => self.effect(Effect::Deliver {
                from: message.from.clone(),
                kind: message.kind,
                text: message.text.clone(),
                security: Some(Security::Clear),
                unexpected: false,
                late: false,
                repeat: false,
            }),
        }
    }

    pub(super) fn clear_marked(&mut self, message: &IncomingMessage) {
        let text = message.text.as_bytes();
        let ctcp = [b"CTCP ".as_slice(), text].concat();
        let from = message.from.clone();
        match message.kind {
            MessageKind::Ctcp | MessageKind::CtcpReply if ctcp::is_typing_notice(text) => {}
            // Clients answer CTCP by themselves, in clear: shown as text it stays unanswered.
            MessageKind::Ctcp => {
                self.deliver(from, MessageKind::Text, Security::Clear, &single_line(&ctcp))
            }
            MessageKind::CtcpReply => {
                self.deliver(from, MessageKind::Notice, Security::Clear, &single_line(&ctcp))
            }
            kind => self.deliver(from, kind, Security::Clear, &single_line(text)),
        }
    }

    /// One step of a key exchange costs milliseconds, and makes lines go out: a peer may cause only so many,
    /// and all strangers together as well.
    fn may_exchange_keys(&mut self, peer: &Peer) -> bool {
        let now = self.now.mono;
        let trusted = self.known.trusts(peer);
        let Some(conversation) = self.conversations.get_mut(peer) else { return false };
        let of_peer = conversation.allowances_mut();
        let may = of_peer.exchange_keys(now)
            && (of_peer.was_asked() || trusted || self.allowances.unasked.take(now))
            && self.allowances.key_exchanges.take(now);
        if !may {
            self.report_seldom(peer, Message::TooManyExchanges {});
        } else if !self.room_for_stranger(peer) {
            self.report_seldom(peer, Message::TooMany {});
            return false;
        }
        may
    }
}

/// A decrypted text as it is shown: many programs send HTML.
fn readable(text: &[u8]) -> Cow<'_, [u8]> {
    match html::to_plain(text) {
        Cow::Borrowed(text) => single_line(text),
        Cow::Owned(text) => single_line(&text).into_owned().into(),
    }
}
