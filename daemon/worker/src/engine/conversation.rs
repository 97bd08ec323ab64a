//! Our own record of a conversation. It decides what may go out; libotr only encrypts.

use super::action::Outgoing;
use super::crossing::Crossing;
use super::split_lines::Split;
use crate::limits::{self, TokenBucket};
use otr::{Fingerprint, Handle, Version};
use proto::irc::Nick;
use std::collections::VecDeque;
use std::time::Duration;

/// Other spellings of a nick that one conversation keeps closed.
const MAX_ALIASES: usize = 16;

/// What is known of one peer: the conversation, and what the peer may cause.
pub struct Conversation {
    /// The peer's nick, as last spelled.
    pub nick: Nick,
    /// How libotr knows the peer: the same under every nick.
    pub handle: Handle,
    /// Nicks that were others by another CASEMAPPING, and closed too.
    pub aliases: Vec<Nick>,
    /// Whether the conversation is private.
    pub phase: Phase,
    /// When we asked for a private conversation that has not come about yet.
    pub asked: Option<Duration>,
    /// Typed lines that wait for it.
    pub waiting: VecDeque<Waiting>,
    /// What waits for the end of the key exchange under way.
    pub crossing: Crossing,
    /// Whether to offer OTR by whitespace.
    pub offer: Offer,
    /// The authentication under way.
    pub smp: SmpState,
    /// The beginning of an OTR line that a gateway cut.
    pub split: Option<Split>,
    /// The key came along from another nick, and was not known of this one.
    pub brought: bool,
    /// Nothing may go in clear.
    pub guarded: bool,
    /// What the module was told of that.
    pub guard_told: GuardTold,
    /// The user has written to this peer.
    pub written_to: bool,
    /// The peer has left IRC since.
    pub gone: bool,
    /// When something last happened.
    pub last: Duration,
    /// When we last asked for a new session because a message could not be read.
    pub repaired: Option<Duration>,
    /// Key exchanges that the peer may cause.
    pub key_exchanges: TokenBucket,
    /// Steps of authentications that the peer may send without being asked.
    pub authentications: TokenBucket,
    /// Answers to unreadable messages that the peer may cause.
    pub error_replies: TokenBucket,
    /// The user was told that such answers are left out.
    pub error_replies_told: bool,
    /// Complaints that the peer may cause.
    pub notes: TokenBucket,
}

/// What the module knows of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum GuardTold {
    /// Nothing is stopped.
    #[default]
    Open,
    /// Nothing may go in clear for now.
    Pending,
    /// Nothing may go in clear until the user says so.
    Closed,
}

/// How a conversation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The conversation is not private: texts go out in clear.
    Clear,
    /// The conversation is private, with this session.
    Private(Private),
    /// The peer ended it; nothing goes out until the user does too.
    Finished,
    /// It was private before a restart, or its keys are lost; nothing goes out in clear.
    Blocked {
        /// The key that it had.
        fingerprint: Option<Fingerprint>,
        /// A new session was asked for by ourselves.
        asked_anew: bool,
    },
    /// The peer goes by another nick now, with the conversation; whoever takes this one gets
    /// nothing.
    Moved {
        /// The nick with which the conversation goes on.
        to: Nick,
    },
}

impl Phase {
    /// It is known to have been private, and nothing more is known of it.
    pub fn lost() -> Self {
        Self::Blocked { fingerprint: None, asked_anew: true }
    }

    /// A restart interrupted it, and nobody has asked for a new session yet.
    pub fn is_to_ask_anew(&self) -> bool {
        matches!(self, Self::Blocked { asked_anew: false, .. })
    }
}

/// The session of a private conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Private {
    /// The key of the other end.
    pub fingerprint: Fingerprint,
    /// Which of the peer's clients.
    pub instance: u32,
    /// OTR version of the session.
    pub version: Version,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// The key is not the one known of this nick: nothing goes out until the user trusts it.
    pub held: bool,
}

/// A typed line that waits.
pub struct Waiting {
    /// The typed line, with its request.
    pub out: Outgoing,
    /// When it was typed, on the engine's clock.
    pub since: Duration,
}

/// Whether the whitespace tag goes on a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offer {
    /// On the next that it fits.
    #[default]
    Next,
    /// The tag went out once; it is not repeated.
    Made,
    /// The peer wrote in clear without one: no more.
    Declined,
}

/// Where an authentication stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SmpState {
    /// No authentication is under way.
    #[default]
    Idle,
    /// We asked or answered, and wait for the peer.
    Running {
        /// Since when the peer's answer is awaited, on the engine's clock.
        since: Duration,
        /// The user was told that nothing comes.
        told: bool,
    },
    /// The peer started it, and waits for the user's secret.
    Asked {
        /// What, in the peer's words as they may be quoted.
        question: Option<String>,
    },
}

impl Conversation {
    /// A peer whom nothing is known of.
    pub fn new(nick: Nick, handle: Handle, now: Duration) -> Self {
        Self {
            nick,
            handle,
            aliases: Vec::new(),
            phase: Phase::Clear,
            asked: None,
            waiting: VecDeque::new(),
            crossing: Crossing::default(),
            offer: Offer::Next,
            smp: SmpState::Idle,
            split: None,
            brought: false,
            guarded: false,
            guard_told: GuardTold::Open,
            written_to: false,
            gone: false,
            last: now,
            repaired: None,
            key_exchanges: TokenBucket::new(limits::AKE_BURST, limits::AKE_EVERY),
            authentications: TokenBucket::new(limits::SMP_BURST, limits::SMP_EVERY),
            error_replies: TokenBucket::new(
                limits::ERROR_REPLIES_BURST,
                limits::ERROR_REPLIES_EVERY,
            ),
            error_replies_told: false,
            notes: TokenBucket::new(limits::NOTES_BURST, limits::NOTES_EVERY),
        }
    }

    /// The private conversation, if it is one.
    pub fn private(&self) -> Option<&Private> {
        match &self.phase {
            Phase::Private(private) => Some(private),
            _ => None,
        }
    }

    /// Keeps another nick closed, should it turn out not to be the same one.
    pub fn also_closed(&mut self, nick: Nick) {
        let there = nick == self.nick || self.aliases.contains(&nick);
        if self.phase != Phase::Clear && !there && self.aliases.len() < MAX_ALIASES {
            self.aliases.push(nick);
        }
    }

    /// Whether it is neither private nor closed.
    pub fn is_clear(&self) -> bool {
        self.phase == Phase::Clear
    }

    /// Nothing to lose by forgetting it.
    pub fn is_idle(&self) -> bool {
        self.is_clear() && self.asked.is_none() && self.waiting.is_empty()
    }

    /// When this conversation wants a tick.
    pub fn deadline(&self) -> Option<Duration> {
        let wait = self.waiting.front().map(|w| w.since + limits::QUERY_TIMEOUT);
        let asked = self.asked.map(|asked| asked + limits::QUERY_TIMEOUT);
        let smp = match self.smp {
            SmpState::Running { since, told: false } => Some(since + limits::SMP_REMINDER_AFTER),
            _ => None,
        };
        let split = self.split.as_ref().map(|split| split.since + limits::SPLIT_TIMEOUT);
        let exchange = [self.crossing.deadline(), self.renewal_deadline()];
        [wait, asked, smp, split].into_iter().chain(exchange).flatten().min()
    }

    /// The word of the `info` table.
    pub fn state_word(&self) -> &'static str {
        match self.phase {
            Phase::Clear => "plaintext",
            Phase::Private(_) => "encrypted",
            Phase::Finished => "finished",
            Phase::Blocked { .. } | Phase::Moved { .. } => "blocked",
        }
    }
}
