//! What the user typed for a person.

use super::action::Outgoing;
use super::messages::Message;
use super::{Engine, Phase, Policy, known_keys};
use crate::text::ctcp;
use otr::Peer;
use otr::message::{self, OtrLine};
use proto::irc::Text;
use proto::shim::{Effect, MessageKind};
use std::borrow::Cow;

impl Engine {
    pub(super) fn outgoing(&mut self, out: Outgoing) {
        let Some(peer) = self.nicks().meet(&out.message.to) else {
            return self.output.effect(Effect::Pass);
        };
        if out.message.closed && !self.closing().typed_to_closed(&peer, &out) {
            return;
        }
        let policy = self.peers().policy(&peer);
        if let Some(conversation) = self.conversations.get_mut(&peer) {
            conversation.user_wrote();
        }
        match out.message.kind {
            MessageKind::Text if is_query(&out.message.text) && policy != Policy::Never => {
                self.start(&out.message.to)
            }
            MessageKind::Text | MessageKind::Action => self.words(&peer, out, policy),
            MessageKind::Notice | MessageKind::Ctcp | MessageKind::CtcpReply => {
                self.conversations.side_words(&peer, out, policy, self.now.mono, &mut self.output)
            }
        }
    }

    /// Handles text and `/me`: encrypted, in clear, or kept until it is private.
    fn words(&mut self, peer: &Peer, out: Outgoing, policy: Policy) {
        let Some(conversation) = self.conversations.get(peer) else { return };
        let waits = conversation.is_asking();
        match conversation.phase() {
            Phase::Private(private) if private.held => {
                self.conversations.wait(peer, out, self.now.mono, &mut self.output)
            }
            Phase::Private(_) if conversation.waits_for_new_keys(self.now.mono) => {
                self.conversations.wait(peer, out, self.now.mono, &mut self.output);
            }
            Phase::Private(_) => self.encrypt(peer, out),
            _ if waits => self.conversations.wait(peer, out, self.now.mono, &mut self.output),
            Phase::Clear if policy == Policy::Required => {
                // The line waits first: should the start be refused, it comes back.
                self.conversations.wait(peer, out.clone(), self.now.mono, &mut self.output);
                self.start(&out.message.to);
                if self.conversations.get(peer).is_some_and(|c| !c.is_asking()) {
                    self.conversations.give_back(peer, &Message::BackRequired {}, &mut self.output);
                }
            }
            Phase::Clear => self.conversations.in_clear(peer, out, policy, &mut self.output),
            phase => {
                let why = phase.why_blocked(&out.message.to, policy);
                if phase.is_to_ask_anew()
                    && self.output.module().is_online()
                    && policy != Policy::Never
                {
                    self.ask_anew(peer);
                }
                match self.conversations.get(peer).is_some_and(|c| c.is_asking()) {
                    true => self.conversations.wait(peer, out, self.now.mono, &mut self.output),
                    false => self.output.refuse(out, &why),
                }
            }
        }
    }

    /// Encrypts one line in the pinned session, or gives it back.
    pub(super) fn encrypt(&mut self, peer: &Peer, out: Outgoing) {
        if !self.output.module().is_online() {
            return self.output.refuse(out, &Message::BackOffline {});
        }
        let Some(conversation) = self.conversations.get(peer) else { return };
        let (handle, Some(private)) = (conversation.handle(), conversation.private()) else {
            return;
        };
        // Our record decides; libotr has to agree about the key before anything is encrypted.
        let (instance, fingerprint) = (private.instance, private.fingerprint);
        let security = known_keys::security(&self.known, peer, private.fingerprint);
        if self.otr.private_key_of(handle, instance) != Some(fingerprint) {
            self.conversations.reconcile(&self.otr, peer, &mut self.persistence, &mut self.output);
            return self.output.refuse(out, &Message::BackKeysGone {});
        }
        let plain = match out.message.kind {
            MessageKind::Action => Cow::Owned(ctcp::write_action(out.message.text.as_bytes())),
            _ => Cow::Borrowed(out.message.text.as_bytes()),
        };
        match self.otr.send(handle, instance, &plain) {
            Ok((line, events)) => {
                if self.output.send_line(&out.message.to, line) {
                    self.output.echo(out, security);
                } else {
                    self.output.refuse(out, &Message::BackTooLong {});
                }
                self.events(peer, events);
            }
            Err(error) => {
                self.output.refuse(out, &Message::BackNotEncrypted { reason: error.to_string() })
            }
        }
    }

    /// Everything that waits for this peer goes out, in order.
    pub(super) fn release(&mut self, peer: &Peer) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        if conversation.private().is_none_or(|p| p.held) {
            return;
        }
        for out in conversation.waiting_mut().take() {
            self.encrypt(peer, out);
        }
    }
}

/// A typed `?OTR?`, `?OTRv23?` and the like. With words behind it, it is somebody's text.
fn is_query(text: &Text) -> bool {
    let text = text.as_bytes().trim_ascii();
    !text.contains(&b' ') && matches!(message::classify(text), OtrLine::Query { .. })
}
