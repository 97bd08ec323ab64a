//! What the user typed: it goes out in clear where it may, or waits until the conversation is private, and
//! comes back where nothing comes of that.

use super::Conversations;
use crate::engine::action::Outgoing;
use crate::engine::messages::Message;
use crate::engine::output::Output;
use crate::engine::persistence::Persistence;
use crate::engine::policy::Policy;
use crate::limits;
use crate::store::StoredFile;
use crate::text::ctcp;
use otr::{Peer, message};
use proto::irc::Text;
use proto::shim::{Effect, MessageKind, OutgoingMessage, Security};
use std::time::Duration;

impl Conversations {
    /// Notices and CTCPs never go into a private conversation, nor past one.
    pub(in crate::engine) fn side_words(
        &mut self,
        peer: &Peer,
        out: Outgoing,
        policy: Policy,
        now: Duration,
        output: &mut Output,
    ) {
        let guarded = self.get(peer).is_some_and(|c| c.is_guarded());
        if !guarded && policy != Policy::Required {
            return output.effect(Effect::Pass);
        }
        if out.message.kind != MessageKind::Notice
            && ctcp::is_typing_notice(out.message.text.as_bytes())
        {
            return; // sent by the client at each key: dropped, as TAGMSG is
        }
        match out.message.kind {
            // Clients answer by themselves; the user typed nothing that could get lost.
            MessageKind::CtcpReply => {
                self.report_seldom(peer, now, Message::CtcpHeldBack {}, output)
            }
            _ => output.refuse(out, &Message::BackNotice {}),
        }
    }

    /// A message to a peer with whom nothing is private.
    pub(in crate::engine) fn in_clear(
        &mut self,
        peer: &Peer,
        out: Outgoing,
        policy: Policy,
        output: &mut Output,
    ) {
        let tag = message::whitespace_tag(true, true);
        let OutgoingMessage { to, kind, text, .. } = &out.message;
        let text = text.as_bytes();
        let fits = text.len() + tag.len() <= output.module().room(to, "PRIVMSG");
        let command = text.first().is_none_or(|b| b"!./\\@~".contains(b));
        let Some(conversation) = self.get_mut(peer) else { return };
        let offers = policy.tags()
            && *kind == MessageKind::Text
            && fits
            && !command
            && !text.starts_with(b"?OTR")
            && conversation.offers();
        if !offers {
            return output.effect(Effect::Pass);
        }
        let text = Text::new([text, tag].concat());
        output.effect(Effect::Send { to: to.clone(), kind: *kind, text });
        output.echo(out, Security::Clear);
    }

    /// Puts a line aside until the conversation is private.
    pub(in crate::engine) fn wait(
        &mut self,
        peer: &Peer,
        out: Outgoing,
        now: Duration,
        output: &mut Output,
    ) {
        let full = self.waiting() >= limits::WAITING;
        let Some(conversation) = self.get_mut(peer) else { return };
        let (to, kept) = (out.message.to.clone(), out.request.is_some());
        let over = if full { Some(out) } else { conversation.waiting_mut().push(out, now) };
        if let Some(out) = over {
            return output.refuse(out, &Message::BackTooMany {});
        }
        let first = conversation.waiting().len() == 1;
        let held = conversation.private().map(|p| p.held);
        if kept {
            output.effect(Effect::Hold);
        }
        match held {
            Some(true) if first => output.report_of(&to, Message::WaitsForTrust {}),
            None if first => output.report_of(&to, Message::Waits {}),
            _ => {}
        }
    }

    /// Everything that waits for this peer comes back.
    pub(in crate::engine) fn give_back(&mut self, peer: &Peer, why: &Message, output: &mut Output) {
        let Some(conversation) = self.get_mut(peer) else { return };
        for out in conversation.waiting_mut().take() {
            output.refuse(out, why);
        }
    }

    /// Everything that waits comes back.
    pub(in crate::engine) fn give_all_back(&mut self, why: &Message, output: &mut Output) {
        for peer in self.busy() {
            self.give_back(&peer, why, output);
        }
    }

    /// The module has given back what waits.
    pub(in crate::engine) fn forget_waiting(&mut self) {
        for peer in self.busy() {
            if let Some(conversation) = self.get_mut(&peer) {
                conversation.waiting_mut().take();
            }
        }
    }

    /// What waits for too long comes back.
    pub(in crate::engine) fn expire_waiting(
        &mut self,
        now: Duration,
        persistence: &mut Persistence,
        output: &mut Output,
    ) {
        for peer in self.busy() {
            let Some(conversation) = self.get_mut(&peer) else { continue };
            if conversation.nobody_came(now) {
                persistence.changed(StoredFile::Conversations);
                let nick = conversation.nick().clone();
                output.report_of(&nick, Message::NobodyCame {});
                self.give_back(&peer, &Message::BackNobodyCame {}, output);
                continue;
            }
            for out in conversation.waiting_mut().take_expired(now) {
                output.refuse(out, &Message::BackWaited {});
            }
        }
    }
}
