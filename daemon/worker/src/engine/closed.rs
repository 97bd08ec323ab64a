//! Whom the module holds closed, and what it is told of whom to hold.

use super::conversation::GuardTold;
use super::messages::Message;
use super::policy::Policy;
use super::{Action, Engine, Phase};
use crate::limits;
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::Peer;
use proto::irc::Nick;
use proto::shim::guard::{self, ClosedNicks, Rule};
use proto::shim::{Effect, OutgoingMessage};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};

/// Names that one line of `*otr` lists.
const NAMED: usize = 20;

impl Engine {
    /// A module that was not connected before says whom it holds closed. Who is known here by any
    /// of our files, and not closed, was private once: another otrd may have seen to it, or files
    /// are lost.
    pub(super) fn take_over(&mut self, closed: &ClosedNicks) {
        if closed.everybody && !self.everybody {
            self.everybody = true;
            self.to_save.insert(StoredFile::Conversations);
        }
        let hashes: HashSet<&str> = closed.hashes.iter().map(String::as_str).collect();
        if hashes.is_empty() {
            return;
        }
        let mut nicks: BTreeMap<Vec<u8>, Nick> = BTreeMap::new();
        let of_files = self.known.peers().filter_map(|peer| Nick::new(peer.as_bytes()).ok());
        let met = self.conversations.values().map(|c| c.nick.clone());
        for nick in of_files.chain(met) {
            nicks.insert(guard::fold(nick.as_bytes()), nick);
        }
        let mut names = Vec::new();
        for (folded, nick) in nicks {
            let Some(peer) = self.peer(nick.as_bytes()) else { continue };
            let open = self.conversations.get(&peer).is_none_or(|c| c.phase == Phase::Clear);
            if !open || !hashes.contains(hash(&closed.salt, &folded).as_str()) {
                continue;
            }
            self.close(nick.clone());
            if let Some(conversation) = self.conversations.get_mut(&peer) {
                conversation.guard_told = GuardTold::Closed;
            }
            names.push(quote(nick.as_bytes()));
        }
        if names.is_empty() {
            return;
        }
        self.to_save.insert(StoredFile::Conversations);
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = names.join(", ");
        self.report(Message::UnknownToOtrd { names: format!("{names}{more}") });
    }

    /// The module holds somebody closed of whom nothing is known here. False: the line came back.
    pub(super) fn typed_to_closed(&mut self, peer: &Peer, out: &OutgoingMessage) -> bool {
        let is_open = |c: &super::Conversation| c.phase == Phase::Clear && c.asked.is_none();
        if !self.conversations.get(peer).is_some_and(is_open) {
            return true;
        }
        if let Some(other) = self.same_to_some(&out.to) {
            let (one, other) = (quote(out.to.as_bytes()), quote(other.as_bytes()));
            self.refuse(out.clone(), &Message::BackOtherRules { one, other });
            return false;
        }
        if let Some(conversation) = self.conversations.get_mut(peer) {
            conversation.phase = Phase::Blocked { fingerprint: None, asked_anew: true };
            conversation.guarded = true;
            conversation.guard_told = GuardTold::Closed;
            self.to_save.insert(StoredFile::Conversations);
        }
        true
    }

    /// Another nick that is closed, and one with this by some CASEMAPPING.
    fn same_to_some(&self, nick: &Nick) -> Option<Nick> {
        let folded = guard::fold(nick.as_bytes());
        let closed = self.conversations.values().filter(|c| c.phase != Phase::Clear);
        let mut others = closed.map(|c| &c.nick).filter(|other| *other != nick);
        others.find(|other| guard::fold(other.as_bytes()) == folded).cloned()
    }

    /// Whether one more nick can be kept closed by its name; otherwise everybody is.
    pub(super) fn room_for_closed(&mut self) -> bool {
        let closed = self.conversations.values().filter(|c| c.phase != Phase::Clear).count();
        if closed < limits::CLOSED {
            return true;
        }
        if !std::mem::replace(&mut self.everybody, true) {
            self.to_save.insert(StoredFile::Conversations);
        }
        false
    }

    /// The user's word opens a nick, whatever is known of it here.
    pub(crate) fn open(&mut self, nick: &Nick) {
        self.opened.push(nick.clone());
    }

    /// The user finished all conversations.
    pub(crate) fn open_everybody(&mut self) {
        if std::mem::take(&mut self.everybody) {
            self.to_save.insert(StoredFile::Conversations);
        }
        if self.tells_closed() {
            self.effect(Effect::Open);
        }
    }

    pub(super) fn tells_closed(&self) -> bool {
        self.module.as_ref().is_some_and(|module| module.closed.is_some())
    }

    /// Tells the module about every peer whose guard changed in this step. Turned on before, and
    /// off after, everything else that the step does.
    pub(super) fn guard_changes(&mut self, peers: &[Peer]) {
        let (mut on, mut off) = (Vec::new(), Vec::new());
        let opened: Vec<Nick> = std::mem::take(&mut self.opened);
        for nick in &opened {
            off.push((nick.clone(), true));
        }
        for peer in peers {
            let Some(conversation) = self.conversations.get(peer) else { continue };
            let told = conversation.guard_told;
            let is = if conversation.phase != Phase::Clear {
                GuardTold::Closed
            } else if conversation.asked.is_some()
                || !conversation.waiting.is_empty()
                // Not for everybody who writes to us: strangers would fill the guard's list.
                || (conversation.written_to && self.is_required(peer))
            {
                GuardTold::Pending
            } else {
                GuardTold::Open
            };
            let guarded = is != GuardTold::Open;
            if is == told && guarded == conversation.guarded {
                continue;
            }
            let Some(conversation) = self.conversations.get_mut(peer) else { continue };
            conversation.guarded = guarded;
            conversation.guard_told = is;
            if is == told {
                continue;
            }
            self.to_save.insert(StoredFile::Conversations);
            let nick = conversation.nick.clone();
            match is {
                GuardTold::Open => off.push((nick, false)),
                is => on.push((nick, is == GuardTold::Pending)),
            }
        }
        on.sort();
        // One that is no longer closed is on again after its end, as far as it still is.
        let again: Vec<(Nick, bool)> = match opened.is_empty() {
            true => Vec::new(),
            false => {
                let folded: HashSet<Vec<u8>> =
                    opened.iter().map(|nick| guard::fold(nick.as_bytes())).collect();
                let same = |nick: &Nick| folded.contains(&guard::fold(nick.as_bytes()));
                let guarded = self.conversations.values().filter(|c| c.guarded && same(&c.nick));
                guarded.map(|c| (c.nick.clone(), c.guard_told == GuardTold::Pending)).collect()
            }
        };
        for (peer, pending) in on {
            self.actions.insert(0, protect(peer, pending));
        }
        off.sort();
        off.dedup();
        for (peer, by_user) in off {
            let effect = Effect::Protect { peer, on: false, pending: false, by_user };
            self.actions.push(Action::Effect(effect));
        }
        self.actions.extend(again.into_iter().map(|(peer, pending)| protect(peer, pending)));
    }

    /// Peers to whom nothing may go in clear: until the user says otherwise, or for now.
    pub fn protected(&self, pending: bool) -> Vec<Nick> {
        let is = |told: GuardTold| match pending {
            true => told == GuardTold::Pending,
            false => told == GuardTold::Closed,
        };
        let guarded = self.conversations.values().filter(|c| c.guarded && is(c.guard_told));
        let mut nicks: Vec<Nick> = guarded.map(|c| c.nick.clone()).collect();
        nicks.sort();
        nicks
    }

    /// Whether nothing may go in clear to anybody.
    pub fn everybody_closed(&self) -> bool {
        self.everybody
    }

    /// The rules for lines of other modules, where a policy requires anything. What is difficult
    /// to say by a list is required.
    pub fn rules(&self) -> Vec<Rule> {
        let settings = &self.settings;
        let default = self.default_policy() == Policy::Required;
        let required = |policy: Policy| policy == Policy::Required;
        if !default
            && !settings.policies.iter().any(|(_, policy)| required(*policy))
            && !settings.known.is_some_and(required)
        {
            return Vec::new();
        }
        let mut rules: Vec<(String, bool)> = Vec::new();
        let plain = settings.enable.is_empty();
        if plain {
            rules.extend(settings.ignore.iter().map(|pattern| (pattern.clone(), false)));
        }
        let (exact, mut wide): (Vec<_>, Vec<_>) =
            self.patterns.by_specificity().partition(|(pattern, _)| !pattern.contains(['*', '?']));
        rules.extend(exact);
        if settings.known.is_some_and(required) {
            let trusted = self.known.peers().filter(|peer| self.known.trusts(peer));
            rules.extend(
                trusted.map(|peer| (String::from_utf8_lossy(peer.as_bytes()).into(), true)),
            );
        }
        rules.append(&mut wide);
        if plain {
            rules.extend(self.config.services.iter().map(|service| (service.clone(), false)));
        }
        rules.push(("*".into(), default));
        let size: usize = rules.iter().map(|(pattern, _)| pattern.len() + 35).sum();
        if size > limits::RULES {
            rules = vec![("*".into(), true)];
        }
        let rule = |(pattern, required): (String, bool)| match Nick::new(pattern) {
            Ok(pattern) => Some(Rule { pattern, required }),
            Err(_) => None,
        };
        rules.into_iter().filter_map(rule).collect()
    }

    /// Tells the module where they changed.
    pub(super) fn rules_changes(&mut self) {
        if !self.tells_closed() {
            return;
        }
        let rules = self.rules();
        if rules != self.rules_told {
            self.rules_told.clone_from(&rules);
            self.actions.insert(0, Action::Effect(Effect::Rules { rules }));
        }
    }
}

fn protect(peer: Nick, pending: bool) -> Action {
    Action::Effect(Effect::Protect { peer, on: true, pending, by_user: false })
}

/// A nick as the module keeps it.
pub fn hash(salt: &str, folded: &[u8]) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update(folded).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_beginning_of_the_sum_of_salt_and_nick() {
        // printf saltbob | sha256sum
        assert_eq!(hash("salt", &guard::fold(b"BOB")), "07a2341cc0c47680c9c518fc4c5b003d");
    }
}
