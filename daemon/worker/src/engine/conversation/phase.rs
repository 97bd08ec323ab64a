//! How a conversation stands.

use crate::engine::messages::Message;
use crate::engine::policy::Policy;
use crate::text::sanitize::quote;
use otr::{Fingerprint, Version};
use proto::irc::Nick;

/// How a conversation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not private.
    Clear,
    /// Private.
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
        /// The new nick.
        to: Nick,
    },
}

impl Phase {
    /// The private conversation, if it is one.
    pub fn private(&self) -> Option<&Private> {
        match self {
            Self::Private(private) => Some(private),
            _ => None,
        }
    }

    /// The key of the other end, as far as it is known.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            Self::Private(private) => Some(private.fingerprint),
            Self::Blocked { fingerprint, .. } => *fingerprint,
            Self::Clear | Self::Finished | Self::Moved { .. } => None,
        }
    }

    /// It was private with this key, and is no more. It is for others to ask for a new session.
    pub fn interrupted(fingerprint: Option<Fingerprint>) -> Self {
        Self::Blocked { fingerprint, asked_anew: true }
    }

    /// It is known to have been private, and nothing more is known of it.
    pub fn lost() -> Self {
        Self::interrupted(None)
    }

    /// Why nothing goes out in clear to this nick, and the way out.
    pub fn why_blocked(&self, nick: &Nick, policy: Policy) -> Message {
        let name = quote(nick.as_bytes());
        match self {
            // `finish` would open nothing.
            Self::Finished if policy == Policy::Required => Message::BlockedEndedRequired { name },
            Self::Blocked { .. } if policy == Policy::Required => Message::BlockedRequired { name },
            Self::Finished => Message::BlockedEnded { name },
            Self::Moved { to } => Message::BlockedMoved { to: quote(to.as_bytes()), name },
            _ => Message::Blocked { name },
        }
    }

    /// A restart interrupted it, and nobody has asked for a new session yet.
    pub fn is_to_ask_anew(&self) -> bool {
        matches!(self, Self::Blocked { asked_anew: false, .. })
    }
}

/// A private conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Private {
    /// The key of the other end.
    pub fingerprint: Fingerprint,
    /// Which of the peer's clients.
    pub instance: u32,
    /// Protocol version.
    pub version: Version,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// The key is not the one known of this nick: nothing goes out until the user trusts it.
    pub held: bool,
}

impl Private {
    /// A session that begins now.
    pub fn new(fingerprint: Fingerprint, instance: u32, version: Version, now: u64) -> Self {
        Self { fingerprint, instance, version, since: now, held: false }
    }

    /// Whether it is with this one of the peer's clients, under this key.
    pub fn is_with(&self, fingerprint: Fingerprint, instance: u32) -> bool {
        self.fingerprint == fingerprint && self.instance == instance
    }
}
