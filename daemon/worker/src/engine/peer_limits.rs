//! What peers may cause: steps of key exchanges and authentications, and lines that go out because a peer's
//! message came and that nobody typed: answers to messages that cannot be read, heartbeats, and ends of
//! authentications that make no sense. Each has an allowance, since every line that waits in the bouncer's
//! flood protection delays what the user types to anybody.

use super::allowances::Allowances;
use super::conversation::ErrorReply;
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
        // Steps of an authentication have bounds of their own, as long as they fit to what went before:
        // made-up ones cost nobody anything, and each is answered by a line.
        let fits = |event: &Event| match event {
            Event::Smp { event, .. } => !matches!(event, Smp::Cheated | Smp::Error),
            _ => false,
        };
        let authenticates = events.iter().any(fits);
        events.retain(|event| match event {
            Event::Inject { line, .. } if is_error(line) => self.may_reply_error(peer),
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
    pub(super) fn may_exchange_keys(&mut self, peer: &Peer) -> bool {
        let now = self.now;
        let trusted = self.known.trusts(peer);
        let Some(conversation) = self.conversations.get_mut(peer) else { return false };
        let of_peer = conversation.allowances_mut();
        let may = of_peer.exchange_keys(now)
            && (of_peer.was_asked() || trusted || self.allowances.unasked.take(now))
            && self.allowances.key_exchanges.take(now);
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
