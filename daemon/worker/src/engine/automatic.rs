//! Lines that go out because a peer's message came, and that nobody typed: answers to messages that
//! cannot be read, and heartbeats. Each has an allowance, since every line that waits in the
//! bouncer's flood protection delays what the user types to anybody.

use super::Engine;
use super::conversation::ErrorReply;
use super::messages::Message;
use otr::{Event, Peer};

impl Engine {
    /// Takes out of the events of an encrypted message the lines that are over the allowance.
    pub(super) fn limit_automatic(&mut self, peer: &Peer, events: &mut Vec<Event>) {
        // Steps of an authentication have bounds of their own.
        let authenticates = events.iter().any(|event| matches!(event, Event::Smp { .. }));
        events.retain(|event| match event {
            Event::Inject { line, .. } if is_error(line) => self.may_reply_error(peer),
            Event::Inject { .. } if !authenticates => {
                self.allowances.heartbeats.take(self.now.mono)
            }
            _ => true,
        });
    }

    fn may_reply_error(&mut self, peer: &Peer) -> bool {
        let now = self.now.mono;
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
}

fn is_error(line: &[u8]) -> bool {
    line.starts_with(b"?OTR Error")
}
