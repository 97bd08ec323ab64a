//! What a peer said, as the user's clients are shown it.

use super::Output;
use crate::limits;
use crate::text::ctcp::{self, Decrypted};
use crate::text::html;
use crate::text::sanitize::single_line;
use crate::text::wrap;
use proto::irc::{Nick, Source, Text};
use proto::shim::{Effect, IncomingMessage, MessageKind, Security};
use std::borrow::Cow;

/// Bytes that a module may put in front of a text that was not protected as the user might believe,
/// as `[UNVERIFIED NEW KEY] `.
const MARK: usize = 21;

/// Bytes left for a decrypted text in one line to a client. Clients promise no more than 512.
const CLIENT_LINE: usize = 512;

impl Output {
    /// A peer's text to the user's clients, in as many lines as it takes. Clear text comes by this
    /// way only where the conversation is private.
    fn deliver(&mut self, from: Source, kind: MessageKind, security: Security, text: &[u8]) {
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

    /// What a peer said in private, as it may be shown. Whether that is not all of it.
    pub(in crate::engine) fn decrypted(
        &mut self,
        from: Source,
        security: Security,
        text: &[u8],
    ) -> bool {
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
        shown.len() < text.len()
    }

    /// Clear text of a peer, exactly as it came, unless they are closed for it.
    pub(in crate::engine) fn clear(&mut self, message: &IncomingMessage, closed: bool) {
        match closed {
            true => self.clear_marked(message),
            false => self.effect(Effect::Pass),
        }
    }

    /// Clear text that is not the held message any more.
    pub(in crate::engine) fn clear_stripped(&mut self, message: &IncomingMessage, closed: bool) {
        match closed {
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

    /// Clear text of a peer who is closed for it.
    pub(in crate::engine) fn clear_marked(&mut self, message: &IncomingMessage) {
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
}

/// A decrypted text as it is shown: many programs send HTML.
fn readable(text: &[u8]) -> Cow<'_, [u8]> {
    match html::to_plain(text) {
        Cow::Borrowed(text) => single_line(text),
        Cow::Owned(text) => single_line(&text).into_owned().into(),
    }
}
