//! Whom to talk OTR with at all.

use super::Engine;
use crate::text::casemap::Casemap;
use crate::text::glob;
use otr::Peer;
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

/// What the user set, kept in `settings.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The rule by which the stored nicks were folded.
    pub casemapping: Option<String>,
    /// Nicks without OTR, as typed.
    pub ignore: Vec<String>,
    /// Exceptions to `ignore`, as typed.
    pub enable: Vec<String>,
    /// Policies by pattern, as typed.
    pub policies: Vec<(String, Policy)>,
    /// The policy for nicks with a trusted fingerprint.
    pub known: Option<Policy>,
    /// An earlier file could not be read: who knows what it required.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// Patterns that one list may hold.
pub const MAX_PATTERNS: usize = 500;

/// Patterns as they are compared: folded once, for every line is looked at by them.
#[derive(Default)]
pub(super) struct Patterns {
    ignore: Vec<Pattern>,
    enable: Vec<Pattern>,
    policies: Vec<(Pattern, Policy)>,
    services: Vec<Vec<u8>>,
    /// The admin's policy for everybody.
    default: Option<Policy>,
}

struct Pattern {
    typed: String,
    folded: Vec<u8>,
    specificity: (usize, usize),
    exact: bool,
}

impl Pattern {
    fn new(typed: &str, casemap: Casemap) -> Self {
        let folded = casemap.fold(typed.as_bytes());
        let exact = !folded.iter().any(|byte| b"*?".contains(byte));
        let specificity = glob::specificity(&folded);
        Self { typed: typed.to_owned(), folded, specificity, exact }
    }

    fn fits(&self, nick: &[u8]) -> bool {
        glob::matches(&self.folded, nick)
    }
}

impl Patterns {
    /// The user's policies by typed pattern, the one that decides first before the others.
    pub(super) fn by_specificity(&self) -> impl Iterator<Item = (String, bool)> {
        let mut all: Vec<_> = self.policies.iter().rev().collect();
        all.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.specificity));
        let one = |(pattern, policy): &(Pattern, Policy)| {
            (pattern.typed.clone(), *policy == Policy::Required)
        };
        all.into_iter().map(one).collect::<Vec<_>>().into_iter()
    }
}

/// Which rule decides. In words, by `Display`.
#[derive(Clone, Copy)]
pub(crate) enum Rule<'a> {
    ZncsOwn,
    Ignored(&'a str),
    Typed(&'a str),
    Known,
    Service,
    Lost,
    Default,
}

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZncsOwn => f.write_str("one of ZNC's own nicks"),
            Self::Ignored(pattern) => write!(f, "ignore {pattern}"),
            Self::Typed(pattern) => write!(f, "policy {pattern}"),
            Self::Known => f.write_str("policy known"),
            Self::Service => f.write_str("the nick of a service"),
            Self::Lost => f.write_str("your settings are lost"),
            Self::Default => f.write_str("the default"),
        }
    }
}

impl Engine {
    /// To be called when a pattern, or the rule for comparing nicks, has changed.
    pub(super) fn fold_patterns(&mut self) {
        let all = |typed: &[String]| -> Vec<Pattern> {
            typed.iter().map(|typed| Pattern::new(typed, self.casemap)).collect()
        };
        let policies = self.settings.policies.iter();
        self.patterns = Patterns {
            ignore: all(&self.settings.ignore),
            enable: all(&self.settings.enable),
            policies: policies
                .map(|(typed, policy)| (Pattern::new(typed, self.casemap), *policy))
                .collect(),
            services: self.config.services.iter().map(|service| self.fold(service)).collect(),
            default: Policy::parse(&self.config.policy),
        };
    }

    /// The policy for a peer.
    pub(crate) fn policy(&self, peer: &Peer) -> Policy {
        self.policy_and_rule(peer).0
    }

    /// The policy for a peer, and the rule that decides.
    pub(crate) fn policy_and_rule(&self, peer: &Peer) -> (Policy, Rule<'_>) {
        let nick = peer.as_bytes();
        let status = self.network.status_prefix.as_bytes();
        if !status.is_empty() && nick.starts_with(status) || nick.starts_with(b"*") {
            return (Policy::Never, Rule::ZncsOwn);
        }
        let Patterns { ignore, enable, policies, .. } = &self.patterns;
        let enabled = best(enable, nick, |pattern| pattern);
        if let Some(pattern) = best(ignore, nick, |pattern| pattern)
            && enabled.is_none_or(|enabled| enabled.specificity < pattern.specificity)
        {
            return (Policy::Never, Rule::Ignored(&pattern.typed));
        }
        let typed = best(policies, nick, |(pattern, _)| pattern);
        if let Some((pattern, policy)) = typed.filter(|(pattern, _)| pattern.exact) {
            return (*policy, Rule::Typed(&pattern.typed));
        }
        if let Some(policy) = self.settings.known
            && self.known.trusts(peer)
        {
            return (policy, Rule::Known);
        }
        if let Some((pattern, policy)) = typed {
            return (*policy, Rule::Typed(&pattern.typed));
        }
        let (policy, rule) = self.policy_of_site(nick, enabled.is_some());
        // What the admin sets ends no conversation and opens none for clear text.
        let open = || self.conversations.get(peer).is_some_and(|c| !c.is_idle());
        match policy {
            Policy::Never if open() => (Policy::Manual, rule),
            policy => (policy, rule),
        }
    }

    /// Whether nothing goes to this peer in clear, whatever happens.
    pub(super) fn is_required(&self, peer: &Peer) -> bool {
        self.policy(peer) == Policy::Required
    }

    fn policy_of_site(&self, nick: &[u8], enabled: bool) -> (Policy, Rule<'static>) {
        // Services answer machines, not people: a tag confuses them.
        let mut services = self.patterns.services.iter();
        if !enabled && services.any(|service| glob::matches(service, nick)) {
            return (Policy::Never, Rule::Service);
        }
        let rule = if self.settings.lost { Rule::Lost } else { Rule::Default };
        (self.default_policy(), rule)
    }

    /// The policy where the user set none.
    pub(crate) fn default_policy(&self) -> Policy {
        if self.settings.lost {
            return Policy::Required;
        }
        self.patterns.default.unwrap_or(Policy::Opportunistic)
    }

    /// A typed pattern as it is compared.
    pub(crate) fn fold(&self, pattern: &str) -> Vec<u8> {
        self.casemap.fold(pattern.as_bytes())
    }
}

/// The most specific of those that fit; of several, the last.
fn best<'a, T>(all: &'a [T], nick: &[u8], pattern: impl Fn(&T) -> &Pattern) -> Option<&'a T> {
    let fits = all.iter().filter(|one| pattern(one).fits(nick));
    fits.max_by_key(|one| pattern(one).specificity)
}
