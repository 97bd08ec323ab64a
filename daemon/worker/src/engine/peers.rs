//! How it stands with each peer, by what several parts know together: only to look at.

use super::conversations::Conversations;
use super::known_keys;
use super::policies::Policies;
use super::policy::{Policy, Rule};
use otr::{FingerprintStore, Peer};
use proto::shim::Security;
use proto::shim::guard;

/// What the user and the admin set, whose keys are known, and who is there.
#[derive(Clone, Copy)]
pub(super) struct Peers<'a> {
    policies: &'a Policies,
    known: &'a FingerprintStore,
    conversations: &'a Conversations,
}

impl<'a> Peers<'a> {
    pub(super) fn new(
        policies: &'a Policies,
        known: &'a FingerprintStore,
        conversations: &'a Conversations,
    ) -> Self {
        Self { policies, known, conversations }
    }

    pub(super) fn policies(self) -> &'a Policies {
        self.policies
    }

    pub(super) fn known(self) -> &'a FingerprintStore {
        self.known
    }

    pub(super) fn conversations(self) -> &'a Conversations {
        self.conversations
    }

    /// The policy for a peer.
    pub(super) fn policy(self, peer: &Peer) -> Policy {
        self.policy_and_rule(peer).0
    }

    /// The policy for a peer, and the rule that decides.
    pub(super) fn policy_and_rule(self, peer: &Peer) -> (Policy, Rule<'a>) {
        let trusted = || self.known.trusts(peer);
        let (policy, rule) = self.policies.decide(peer.as_bytes(), trusted);
        let open = || self.conversations.get(peer).is_some_and(|c| !c.is_idle());
        match policy {
            Policy::Never if rule.is_of_admin() && open() => (Policy::Manual, rule),
            policy => (policy, rule),
        }
    }

    /// Whether nothing goes to this peer in clear, whatever happens.
    pub(super) fn is_required(self, peer: &Peer) -> bool {
        self.policy(peer) == Policy::Required
    }

    /// Which key a text came under decides how it is shown.
    pub(super) fn security_under(self, peer: &Peer, key: Option<otr::Fingerprint>) -> Security {
        match self.conversations.get(peer).and_then(|c| c.private()) {
            Some(private) if !private.held && key == Some(private.fingerprint) => {
                known_keys::security(self.known, peer, private.fingerprint)
            }
            _ => Security::Changed,
        }
    }

    /// The rules for lines of other modules.
    pub(super) fn rules(self) -> Vec<guard::Rule> {
        let trusted = self.known.peers().filter(|peer| self.known.trusts(peer));
        self.policies.guard_rules(trusted)
    }
}
