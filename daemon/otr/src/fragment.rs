//! Long messages in short lines. Pure: no libotr.
//!
//! libotr divides by zero when a line is as short as its own header, fragments
//! what must not be, and puts together without bound; so both are done here.

use std::collections::HashMap;
use std::time::Duration;

use crate::message::{self, Fragment, OtrLine, Version};
use crate::peer::Peer;

/// Bytes of `?OTR,kkkkk,nnnnn,` and the comma at the end.
const OVERHEAD_V2: usize = 18;
/// Bytes of `?OTR|ssssssss|rrrrrrrr,kkkkk,nnnnn,` and the comma at the end.
const OVERHEAD_V3: usize = 36;

/// Why a line was not cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FragmentError {
    /// Only encoded messages can be cut.
    #[error("the line is too long and no OTR message: shorten it")]
    NotAMessage,
    /// A piece's header alone fills the line.
    #[error("a line of {max} bytes has no room for a piece of an OTR message: allow {least}")]
    TooShort {
        /// The bytes allowed.
        max: usize,
        /// The fewest with which something gets through.
        least: usize,
    },
    /// More pieces than the header can count.
    #[error("the message needs more than 65535 pieces: send less at once")]
    TooManyPieces,
}

/// Cuts one OTR message into lines of at most `max` bytes; all but the last are
/// exactly as long. A line that fits stays as it is. Version and instance tags
/// of the pieces are the message's own.
///
/// # Errors
/// [`FragmentError`] if a line that does not fit is no encoded message, or if
/// `max` leaves no room.
pub fn cut(line: &[u8], max: usize) -> Result<Vec<Vec<u8>>, FragmentError> {
    if line.len() <= max {
        return Ok(vec![line.to_vec()]);
    }
    let OtrLine::Message { version, sender, receiver, .. } = message::classify(line) else {
        return Err(FragmentError::NotAMessage);
    };
    let overhead = match version {
        Version::V2 => OVERHEAD_V2,
        Version::V3 => OVERHEAD_V3,
    };
    let room = match max.checked_sub(overhead) {
        None | Some(0) => return Err(FragmentError::TooShort { max, least: overhead + 1 }),
        Some(room) => room,
    };
    let n = u16::try_from(line.len().div_ceil(room)).map_err(|_| FragmentError::TooManyPieces)?;
    let piece = |(k, piece): (u16, &[u8])| {
        let mut out = match version {
            Version::V2 => format!("?OTR,{k:05},{n:05},"),
            Version::V3 => format!("?OTR|{sender:08x}|{receiver:08x},{k:05},{n:05},"),
        }
        .into_bytes();
        out.extend_from_slice(piece);
        out.push(b',');
        out
    };
    Ok((1..=n).zip(line.chunks(room)).map(piece).collect())
}

/// Longest message that is put together, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// How long an unfinished message is kept.
pub const LIFETIME: Duration = Duration::from_secs(60);
/// How many unfinished messages are kept, of everybody together.
pub const MAX_OPEN: usize = 128;
/// How many unfinished messages are kept of one peer.
pub const MAX_OPEN_PER_PEER: usize = 8;
/// So many of one peer, with two clients say, never give way before newer ones of somebody else.
const FEW_OPEN: usize = 2;

/// What became of a piece.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was the last one: here is the whole line. It is the peer's, and may
    /// itself be anything.
    Complete(Vec<u8>),
    /// The piece was kept; more are needed for the whole message.
    Pending,
    /// Not for us, out of order, or beyond a bound. What had come of that
    /// message is dropped too, as the OTR spec has it.
    Dropped,
}

/// Puts messages together: one for each peer and instance tag, in order,
/// within bounds.
#[derive(Debug, Default)]
pub struct Reassembler {
    open: HashMap<(Peer, u32), Partial>,
}

#[derive(Debug)]
struct Partial {
    since: Duration,
    k: u16,
    n: u16,
    text: Vec<u8>,
}

impl Reassembler {
    /// A reassembler that holds no pieces.
    #[must_use]
    pub fn new() -> Reassembler {
        Reassembler::default()
    }

    /// Takes one piece. `now` is a monotonic time, `ours` our own instance tag:
    /// pieces for another instance are dropped.
    pub fn push(
        &mut self,
        now: Duration,
        peer: &Peer,
        fragment: &Fragment<'_>,
        ours: Option<u32>,
    ) -> Outcome {
        self.open.retain(|_, partial| now.saturating_sub(partial.since) < LIFETIME);
        // Tags below 0x100 are reserved: nobody sends under one.
        if fragment.version == Version::V3 && fragment.sender < 0x100 {
            return Outcome::Dropped;
        }
        if fragment.receiver != 0 && ours.is_some_and(|ours| ours != fragment.receiver) {
            return Outcome::Dropped;
        }
        let key = (peer.clone(), fragment.sender);
        let mut partial = match (self.open.remove(&key), fragment.k) {
            (_, 1) => Partial { since: now, k: 0, n: fragment.n, text: Vec::new() },
            (Some(partial), k) if partial.n == fragment.n && k == partial.k + 1 => partial,
            _ => return Outcome::Dropped,
        };
        if partial.text.len() + fragment.piece.len() > MAX_MESSAGE {
            return Outcome::Dropped;
        }
        partial.k = fragment.k;
        partial.text.extend_from_slice(fragment.piece);
        if partial.k == partial.n {
            return Outcome::Complete(partial.text);
        }
        self.make_room(peer);
        self.open.insert(key, partial);
        Outcome::Pending
    }

    /// Drops what a peer has left unfinished: when it leaves.
    pub fn forget(&mut self, peer: &Peer) {
        self.open.retain(|(whose, _), _| whose != peer);
    }

    /// How many messages are unfinished.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// The oldest give way: the peer's own, where there are too many of those, else the ones of whoever has
    /// more than anybody needs. So a few nicks push nobody else's out.
    fn make_room(&mut self, peer: &Peer) {
        let mut of_peers: HashMap<&Peer, usize> = HashMap::new();
        for (whose, _) in self.open.keys() {
            *of_peers.entry(whose).or_default() += 1;
        }
        let count = |whose: &Peer| of_peers.get(whose).copied().unwrap_or_default();
        let only_own = count(peer) >= MAX_OPEN_PER_PEER;
        if !only_own && self.open.len() < MAX_OPEN {
            return;
        }
        let candidates = self.open.iter().filter(|((whose, _), _)| !only_own || whose == peer);
        let victim = candidates.min_by_key(|((whose, tag), partial)| {
            let most = count(whose).max(FEW_OPEN);
            (std::cmp::Reverse(most), partial.since, whose, *tag)
        });
        if let Some(key) = victim.map(|(key, _)| key.clone()) {
            self.open.remove(&key);
        }
    }
}
