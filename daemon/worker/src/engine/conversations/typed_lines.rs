//! What the user typed and cannot go out yet: it waits, and comes back where nothing private comes about.

use super::Conversations;
use crate::engine::action::Outgoing;
use crate::engine::messages::Message;
use crate::engine::output::Output;
use crate::engine::persistence::Persistence;
use crate::limits;
use crate::store::StoredFile;
use otr::Peer;
use proto::shim::Effect;
use std::time::Duration;

impl Conversations {
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
