//! Lines that go out because a peer's message came, and that nobody typed: answers to messages that
//! cannot be read, heartbeats, and ends of authentications that make no sense. Each has an allowance, since every line that waits in the
//! bouncer's flood protection delays what the user types to anybody.

use super::Engine;
use super::conversation::ErrorReply;
use super::messages::Message;
use otr::{Event, Peer, Smp};

impl Engine {
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
                self.report_of(&nick, Message::ToldNoLonger {});
            }
            ErrorReply::LeftOut => {}
        }
        false
    }
}

fn is_error(line: &[u8]) -> bool {
    line.starts_with(b"?OTR Error")
}
