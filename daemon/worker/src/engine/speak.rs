//! How the engine speaks: to the user as `*otr`, and to peers in lines that fit.

use super::action::Outgoing;
use super::messages::Message;
use super::{Engine, Phase, Policy, Private};
use crate::text::sanitize::quote;
use crate::text::wrap;
use otr::{Peer, fragment};
use proto::irc::{Nick, Source, Text};
use proto::shim::{About, Effect, MessageKind, OutgoingMessage, Security, Style};

/// Bytes that a module may put in front of a text that was not protected as the user might believe,
/// as `[UNVERIFIED NEW KEY] `.
const MARK: usize = 21;

/// Bytes of our own nick!user@host until the server has shown it to us: NICKLEN 30, USERLEN 12,
/// HOSTLEN 63 and the two signs.
const WORST_MASK: usize = 30 + 1 + 12 + 1 + 63;

/// Bytes of a user name for which room is kept: services and operators may change it (CHGIDENT)
/// without a word to us.
const LONGEST_IDENT: usize = 12;

/// Bytes left for a decrypted text in one line to a client. Clients promise no more than 512.
const CLIENT_LINE: usize = 512;

impl Engine {
    /// A line of `*otr`.
    pub(super) fn report(&mut self, message: Message) {
        self.print(message.style(), message.text(), message.about());
    }

    /// A line of `*otr`, now or as soon as a module is there.
    pub(super) fn report_or_note(&mut self, message: Message) {
        match self.module.is_connected() {
            true => self.report(message),
            false => self.module.note(message),
        }
    }

    /// A line of `*otr` about a peer: `[bob] …`.
    pub(super) fn report_of(&mut self, nick: &Nick, message: Message) {
        self.report_under(&quote(nick.as_bytes()), Some(nick.clone()), message);
    }

    /// As [`Engine::report_of`], whoever has the nick.
    pub(super) fn report_of_peer(&mut self, peer: &Peer, message: Message) {
        let (name, nick) = (self.conversations.spelled(peer), self.conversations.nick(peer));
        self.report_under(&name, nick, message);
    }

    /// The same under a name that need not be a nick of IRC; `!status` is none.
    pub(super) fn report_under(&mut self, name: &str, peer: Option<Nick>, message: Message) {
        let text = format!("[{name}] {}", message.text());
        self.print(message.style(), text, About { peer, ..message.about() });
    }

    /// As [`Engine::report_of`], as often as this peer may cause it.
    pub(super) fn report_seldom(&mut self, peer: &Peer, message: Message) {
        if let Some(nick) = self.may_note(peer) {
            self.report_of(&nick, message);
        }
    }

    /// The nick of a peer who may still cause a word.
    fn may_note(&mut self, peer: &Peer) -> Option<Nick> {
        let now = self.now.mono;
        let conversation = self.conversations.get_mut(peer)?;
        conversation.allowances_mut().note(now).then(|| conversation.nick().clone())
    }

    /// Says that so many lines are not in an answer, which would be too long otherwise.
    pub fn left_out(count: usize) -> Effect {
        let message = Message::LeftOut { count: count.to_string() };
        printed(message.style(), message.text(), message.about())
    }

    fn print(&mut self, style: Style, text: String, about: About) {
        self.effect(printed(style, text, about));
    }

    /// The user's text comes back.
    pub(super) fn refuse(&mut self, out: Outgoing, why: &Message) {
        let Outgoing { message: OutgoingMessage { to, text, .. }, request: of } = out;
        let (why, about) = (why.text(), why.about());
        self.effect(Effect::Refuse { to, why, text, of, repeat: false, about });
    }

    /// The user's text went out: their other clients see it, too.
    pub(super) fn echo(&mut self, out: Outgoing, security: Security) {
        let Outgoing { message, request: of } = out;
        let OutgoingMessage { to, kind, text, client, .. } = message;
        self.effect(Effect::Echo { to, kind, text, client, of, security: Some(security) });
    }

    /// Bytes that a line to this target may carry.
    pub(super) fn room(&self, to: &Nick, command: &str) -> usize {
        let mask = self.network.mask.as_ref().map_or(WORST_MASK, longest);
        // No network has lines of more than 8 KiB; less than 512 is not allowed.
        let line = self.network.linelen.clamp(512, 8192) as usize;
        wrap::room(line, mask, command, to.as_bytes().len())
    }

    /// An OTR line of libotr's, cut to what fits. Says so where it cannot be.
    pub(super) fn send_line(&mut self, to: &Nick, line: Vec<u8>) -> bool {
        let room = self.room(to, "PRIVMSG");
        if line.len() <= room {
            self.effect(Effect::Send {
                to: to.clone(),
                kind: MessageKind::Text,
                text: Text::new(line),
            });
            return true;
        }
        match fragment::cut(&line, room) {
            Ok(pieces) => {
                for piece in pieces {
                    self.effect(Effect::Send {
                        to: to.clone(),
                        kind: MessageKind::Text,
                        text: Text::new(piece),
                    });
                }
                true
            }
            Err(error) => {
                self.report_of(to, Message::LineNotSent { reason: error.to_string() });
                false
            }
        }
    }

    /// A peer's text to the user's clients, in as many lines as it takes. Clear text comes by this
    /// way only where the conversation is private.
    pub(super) fn deliver(
        &mut self,
        from: Source,
        kind: MessageKind,
        security: Security,
        text: &[u8],
    ) {
        let mark = match security {
            Security::Clear | Security::Changed => MARK,
            Security::Unverified | Security::Verified => 0,
        };
        let wrapping = match kind {
            MessageKind::Action => "\x01ACTION \x01".len(),
            _ => 0,
        };
        let room = wrap::room(CLIENT_LINE, from.as_bytes().len(), "PRIVMSG", Nick::MAX / 2);
        let room = room.saturating_sub(wrapping + mark);
        let piece = |from, piece: &[u8]| Effect::Deliver {
            from,
            kind,
            text: Text::new(piece),
            security: Some(security),
            unexpected: security == Security::Clear,
            late: false,
            repeat: false,
        };
        let mut pieces = wrap::wrap(text, room);
        let Some(last) = pieces.pop() else { return };
        for text in pieces {
            self.effect(piece(from.clone(), text));
        }
        self.effect(piece(from, last));
    }

    /// What protects a text of the conversation that is private with this peer.
    pub(super) fn security_of(&self, peer: &Peer, private: &Private) -> Security {
        match self.known.trust(peer, private.fingerprint) {
            Some(trust) if trust.is_trusted() => Security::Verified,
            _ => Security::Unverified,
        }
    }

    /// Whether IRC is there; says otherwise.
    pub(super) fn online_or_say(&mut self, nick: &Nick) -> bool {
        if !self.network.connected {
            self.report_of(nick, Message::Offline {});
        }
        self.network.connected
    }

    /// A phase's way out.
    pub(super) fn why_blocked(nick: &Nick, phase: &Phase, policy: Policy) -> Message {
        let name = quote(nick.as_bytes());
        match phase {
            // `finish` would open nothing.
            Phase::Finished if policy == Policy::Required => Message::BlockedEndedRequired { name },
            Phase::Blocked { .. } if policy == Policy::Required => {
                Message::BlockedRequired { name }
            }
            Phase::Finished => Message::BlockedEnded { name },
            Phase::Moved { to } => Message::BlockedMoved { to: quote(to.as_bytes()), name },
            _ => Message::Blocked { name },
        }
    }
}

fn printed(style: Style, text: String, about: About) -> Effect {
    Effect::Print { text: Text::from(text), style, repeat: false, about }
}

/// Bytes of our own mask, should the user name become as long as it can be.
fn longest(mask: &Source) -> usize {
    let bytes = mask.as_bytes();
    let ident = bytes.split(|byte| *byte == b'!').nth(1).unwrap_or_default();
    let ident = ident.split(|byte| *byte == b'@').next().unwrap_or_default();
    bytes.len() + LONGEST_IDENT.saturating_sub(ident.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_for_a_user_name_that_becomes_longer() {
        let longest = |mask: &str| longest(&Source::new(mask.as_bytes()).unwrap());
        assert_eq!(longest("alice!a@host"), "alice!123456789012@host".len());
        assert_eq!(longest("alice!~verylongident@host"), "alice!~verylongident@host".len());
        assert_eq!(longest("alice"), "alice".len() + LONGEST_IDENT);
    }
}
