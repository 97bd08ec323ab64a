//! What peers may cause: steps of key exchanges and authentications, and lines that go out because a peer's
//! message came and that nobody typed: answers to messages that cannot be read, heartbeats, and ends of
//! authentications that make no sense. Each has an allowance, since every line that waits in the bouncer's
//! flood protection delays what the user types to anybody.

use super::allowances::Allowances;
use super::conversation::{ErrorReply, Step};
use super::conversations::Conversations;
use super::messages::Message;
use super::output::Output;
use crate::limits;
use otr::{Event, FingerprintStore, Peer, Smp};
use std::time::Duration;

/// The allowances of all and of each, and what has a say in them.
pub(super) struct PeerLimits<'a> {
    pub(super) allowances: &'a mut Allowances,
    pub(super) known: &'a FingerprintStore,
    pub(super) conversations: &'a mut Conversations,
    pub(super) now: Duration,
    pub(super) output: &'a mut Output,
}

impl PeerLimits<'_> {
    /// Takes out of the events of an encrypted message the lines that are over the allowance.
    pub(super) fn limit_automatic(&mut self, peer: &Peer, events: &mut Vec<Event>) {
        let any = |which: fn(&Smp) -> bool| {
            events.iter().any(|event| matches!(event, Event::Smp { event, .. } if which(event)))
        };
        // Made-up steps of an authentication cost nobody anything, and each is answered by a line. Those that
        // fit to what went before have bounds of their own.
        let made_up = any(|smp| matches!(smp, Smp::Cheated | Smp::Error));
        let authenticates = any(|smp| {
            matches!(smp, Smp::Asked { .. } | Smp::Progress(_) | Smp::Verified(_) | Smp::Failed(_))
        });
        events.retain(|event| match event {
            Event::Inject { line, .. } if is_error(line) => self.may_reply_error(peer),
            Event::Inject { .. } if made_up => self.allowances.smp_aborts.take(self.now),
            Event::Inject { .. } if !authenticates => self.allowances.heartbeats.take(self.now),
            _ => true,
        });
    }

    fn may_reply_error(&mut self, peer: &Peer) -> bool {
        let now = self.now;
        let Some(conversation) = self.conversations.get_mut(peer) else { return false };
        let of_all = || self.allowances.error_replies.take(now);
        match conversation.allowances_mut().error_reply(now, of_all) {
            ErrorReply::Sent => return true,
            ErrorReply::FirstLeftOut => {
                let nick = conversation.nick().clone();
                self.output.report_of(&nick, Message::ToldNoLonger {});
            }
            ErrorReply::LeftOut => {}
        }
        false
    }

    /// One step of a key exchange costs milliseconds, and makes lines go out: a peer may cause only so many,
    /// and all strangers together as well.
    pub(super) fn may_exchange_keys(&mut self, peer: &Peer, step: Step) -> bool {
        let now = self.now;
        let trusted = self.known.trusts(peer);
        let Some(conversation) = self.conversations.get_mut(peer) else { return false };
        let Allowances { key_exchanges, unasked, .. } = &mut *self.allowances;
        let may = key_exchanges.has(now)
            && conversation
                .allowances_mut()
                .exchange_keys(now, step, trusted, || unasked.take(now))
            && key_exchanges.take(now);
        if !may {
            self.conversations.report_seldom(peer, now, Message::TooManyExchanges {}, self.output);
        } else if !self.room_for_stranger(peer) {
            self.conversations.report_seldom(peer, now, Message::TooMany {}, self.output);
            return false;
        }
        may
    }

    /// Whether one more stranger may have a private conversation that we did not ask for.
    fn room_for_stranger(&self, peer: &Peer) -> bool {
        let Some(conversation) = self.conversations.get(peer) else { return false };
        !conversation.is_clear()
            || conversation.is_asking()
            || self.known.trusts(peer)
            || self.conversations.fewer_closed_than(limits::CONVERSATIONS)
    }

    /// What a peer asks costs milliseconds and a word to the user, what it makes up a word and an
    /// answer: it may do so only so often.
    pub(super) fn may_authenticate(&mut self, peer: &Peer) -> bool {
        let now = self.now;
        let conversation = self.conversations.get_mut(peer);
        conversation.is_some_and(|c| c.allowances_mut().may_authenticate(now))
            && self.allowances.authentications.has(now)
    }
}

fn is_error(line: &[u8]) -> bool {
    line.starts_with(b"?OTR Error")
}
