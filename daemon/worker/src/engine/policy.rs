//! Whom to talk OTR with at all.

use super::Engine;
use crate::text::pattern;
use otr::Peer;
use serde::{Deserialize, Serialize};

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
        match word.to_ascii_lowercase().as_str() {
            "never" => Some(Self::Never),
            "manual" => Some(Self::Manual),
            "opportunistic" => Some(Self::Opportunistic),
            "required" => Some(Self::Required),
            _ => None,
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

impl Engine {
    /// The policy for a peer, and the rule that decides, in words.
    pub(crate) fn policy(&self, peer: &Peer) -> (Policy, String) {
        let nick = peer.as_bytes();
        let status = self.network.status_prefix.as_bytes();
        if !status.is_empty() && nick.starts_with(status) || nick.starts_with(b"*") {
            return (Policy::Never, "one of ZNC's own nicks".into());
        }
        let exact = |p: &[u8]| !p.contains(&b'*') && !p.contains(&b'?');
        let enabled = self.best(self.settings.enable.iter(), nick);
        if let Some((how, pattern)) = self.best(self.settings.ignore.iter(), nick)
            && enabled.is_none_or(|(enabled, _)| enabled < how)
        {
            return (Policy::Never, format!("ignore {pattern}"));
        }
        let policies = || self.settings.policies.iter();
        let chosen = self.best(policies().map(|(pattern, _)| pattern), nick);
        let by_pattern = chosen.and_then(|(_, pattern)| {
            let policy = policies().find(|(p, _)| p == pattern).map(|(_, policy)| *policy)?;
            Some((policy, format!("policy {pattern}"), exact(&self.fold(pattern))))
        });
        if let Some((policy, rule, true)) = by_pattern {
            return (policy, rule);
        }
        if let Some(policy) = self.settings.known
            && self.otr.known_of(peer).iter().any(|k| k.trust.is_trusted())
        {
            return (policy, "policy known".into());
        }
        if let Some((policy, rule, _)) = by_pattern {
            return (policy, rule);
        }
        let (policy, rule) = self.policy_of_site(nick, enabled.is_some());
        // What the admin sets ends no conversation and opens none for clear text.
        let open = self.conversations.get(peer).is_some_and(|c| !c.is_idle());
        match policy {
            Policy::Never if open => (Policy::Manual, rule),
            policy => (policy, rule),
        }
    }

    /// Whether nothing goes to this peer in clear, whatever happens.
    pub(super) fn is_required(&self, peer: &Peer) -> bool {
        self.policy(peer).0 == Policy::Required
    }

    fn policy_of_site(&self, nick: &[u8], enabled: bool) -> (Policy, String) {
        // Services answer machines, not people: a tag confuses them.
        let mut services = self.site.services.iter();
        if !enabled && services.any(|service| pattern::matches(&self.fold(service), nick)) {
            return (Policy::Never, "the nick of a service".into());
        }
        let rule = if self.settings.lost { "your settings are lost" } else { "the default" };
        (self.default_policy(), rule.into())
    }

    /// The policy where the user set none.
    pub(crate) fn default_policy(&self) -> Policy {
        if self.settings.lost {
            return Policy::Required;
        }
        Policy::parse(&self.site.policy).unwrap_or(Policy::Opportunistic)
    }

    /// The most specific of the patterns that fit, and how specific.
    fn best<'a>(
        &self,
        patterns: impl Iterator<Item = &'a String>,
        nick: &[u8],
    ) -> Option<((usize, usize), &'a String)> {
        patterns
            .filter_map(|p| {
                let folded = self.fold(p);
                pattern::matches(&folded, nick).then(|| (pattern::specificity(&folded), p))
            })
            .max_by_key(|(how, _)| *how)
    }

    /// A typed pattern as it is compared.
    pub(crate) fn fold(&self, pattern: &str) -> Vec<u8> {
        self.casemap.fold(pattern.as_bytes())
    }
}
