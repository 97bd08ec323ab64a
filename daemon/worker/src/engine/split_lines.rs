//! OTR lines that a gateway cut into several: `?OTR:…` without its final dot, and then the rest,
//! line by line. Nothing marks the rest as such, so a line of the same nick is taken for it only
//! where it can be nothing else.

use super::Engine;
use super::messages::Message;
use crate::limits;
use otr::Peer;
use otr::message;
use proto::irc::Text;
use proto::shim::IncomingMessage;
use std::time::Duration;

/// The beginning of a line that was cut.
pub struct Split {
    text: Vec<u8>,
    /// Since when its end is waited for.
    pub since: Duration,
}

/// What a line is to one that was cut.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// Its end: here is the whole.
    End(Vec<u8>),
    /// A further piece, but not the last: here is what came so far.
    Middle(Vec<u8>),
    /// A line that does not continue it.
    Other,
}

impl Engine {
    /// The message itself, a line put together again, or nothing while more must come.
    pub(super) fn join(
        &mut self,
        peer: &Peer,
        message: IncomingMessage,
    ) -> Option<IncomingMessage> {
        let now = self.now.mono;
        let open = self.conversations.count_busy(|c| c.split.is_some());
        let conversation = self.conversations.get_mut(peer)?;
        let text = message.text.as_bytes();
        if let Some(split) = &mut conversation.split {
            match piece(&split.text, text) {
                Piece::End(whole) => {
                    conversation.split = None;
                    return Some(IncomingMessage { text: Text::new(whole), ..message });
                }
                Piece::Middle(longer) => {
                    split.text = longer;
                    return None;
                }
                Piece::Other => {}
            }
        }
        if !message::is_cut_off(text) || open >= limits::SPLIT_LINES {
            return Some(message);
        }
        let split = Split { text: text.trim_ascii_end().to_vec(), since: now };
        if conversation.split.replace(split).is_some() {
            self.damaged_message(peer);
        }
        None
    }

    /// Gives up lines whose end did not come.
    pub(super) fn expire_splits(&mut self) {
        let now = self.now.mono;
        for peer in self.conversations.busy() {
            let Some(conversation) = self.conversations.get_mut(&peer) else { continue };
            if conversation.split.as_ref().is_some_and(|s| now >= s.since + limits::SPLIT_TIMEOUT) {
                conversation.split = None;
                self.damaged_message(&peer);
            }
        }
    }

    pub(super) fn damaged_message(&mut self, peer: &Peer) {
        self.report_seldom(peer, Message::Damaged {});
    }
}

fn piece(start: &[u8], text: &[u8]) -> Piece {
    let text = text.trim_ascii();
    let (body, ends) = match text.strip_suffix(b".") {
        Some(body) => (body, true),
        None => (text, false),
    };
    let base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b);
    if text.is_empty() || !body.iter().all(base64) || start.len() + text.len() > limits::SPLIT_MAX {
        return Piece::Other;
    }
    let joined = [start, text].concat();
    match ends {
        // People end lines with a dot as well: the whole has to be a message.
        true if message::is_whole(&joined) => Piece::End(joined),
        false if body.len() >= limits::SPLIT_PIECE => Piece::Middle(joined),
        _ => Piece::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, piece};

    /// A DH key message of version 2 with a key of 192 bytes, all zero.
    fn message() -> Vec<u8> {
        [b"?OTR:AAIKAAAAwAAA".as_slice(), &b"A".repeat(252), b"AA==."].concat()
    }

    #[test]
    fn pieces_are_told_from_words() {
        let whole = message();
        assert!(otr::message::is_whole(&whole));
        let (start, rest) = whole.split_at(60);
        let (middle, end) = rest.split_at(100);
        assert_eq!(piece(start, rest), Piece::End(whole.clone()));
        let Piece::Middle(longer) = piece(start, middle) else { panic!("the middle") };
        assert_eq!(piece(&longer, end), Piece::End(whole.clone()));
        for words in
            ["hello", "hello.", "ok.", "a b c", "", ".", "see http://x.org/ now.", "?OTRv23?"]
        {
            assert_eq!(piece(start, words.as_bytes()), Piece::Other, "{words}");
        }
        assert_eq!(piece(start, &b"x".repeat(70_000)), Piece::Other);
    }
}
