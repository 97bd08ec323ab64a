//! How far OTR is used with a peer, and which rule says so.

use super::messages::Phrase;
use proto::command::PolicyWord;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What may happen with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Nothing: every line passes as if there were no OTR.
    Never,
    /// Only what either side asks for in so many words.
    Manual,
    /// Also offer and accept OTR by whitespace.
    Opportunistic,
    /// No clear line goes out.
    Required,
}

impl Policy {
    /// Whether a message may carry our whitespace tag. Under `required` none goes out in clear.
    pub fn tags(self) -> bool {
        self == Self::Opportunistic
    }

    /// Whether a peer's whitespace tag starts a conversation.
    pub fn answers_tags(self) -> bool {
        matches!(self, Self::Opportunistic | Self::Required)
    }

    /// The word a user types.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Never, Self::Manual, Self::Opportunistic, Self::Required];
        all.into_iter().find(|policy| word.eq_ignore_ascii_case(policy.word()))
    }

    /// What a user said; `None` for the default.
    pub fn of_word(word: PolicyWord) -> Option<Self> {
        match word {
            PolicyWord::Never => Some(Self::Never),
            PolicyWord::Manual => Some(Self::Manual),
            PolicyWord::Opportunistic => Some(Self::Opportunistic),
            PolicyWord::Required => Some(Self::Required),
            PolicyWord::Default => None,
        }
    }

    /// The same word back.
    pub fn word(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Manual => "manual",
            Self::Opportunistic => "opportunistic",
            Self::Required => "required",
        }
    }
}

/// Which rule decides. In words, by `Display`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule<'a> {
    ZncsOwn,
    Ignored(&'a str),
    Typed(&'a str),
    Known,
    Service,
    Lost,
    Default,
}

impl Rule<'_> {
    /// Neither the user's nor ZNC's: it ends no conversation and opens none for clear text.
    pub(super) fn is_of_admin(&self) -> bool {
        matches!(self, Self::Service | Self::Lost | Self::Default)
    }
}

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phrase = match *self {
            Self::ZncsOwn => Phrase::ByZnc {},
            Self::Ignored(pattern) => Phrase::ByIgnore { pattern: pattern.to_owned() },
            Self::Typed(pattern) => Phrase::ByPolicy { pattern: pattern.to_owned() },
            Self::Known => Phrase::ByKnown {},
            Self::Service => Phrase::ByService {},
            Self::Lost => Phrase::ByLoss {},
            Self::Default => Phrase::ByDefault {},
        };
        f.write_str(&phrase.text())
    }
}
