//! Whom the module holds closed, and what it is told of whom to hold.

use super::action::Outgoing;
use super::conversation::{Conversation, GuardTold};
use super::messages::Message;
use super::policies::module_rules::Compared;
use super::{Engine, Phase};
use crate::limits;
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::Peer;
use proto::irc::Nick;
use proto::shim::Effect;
use proto::shim::guard::{self, ClosedNicks};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};

/// Names that one line of `*otr` lists.
const NAMED: usize = 20;

impl Engine {
    /// A module that was not connected before says whom it holds closed. Who is known here by any
    /// of our files, and not closed, was private once: another otrd may have seen to it, or files
    /// are lost.
    pub(super) fn take_over(&mut self, closed: &ClosedNicks) {
        if closed.everybody && self.conversations.close_everybody() {
            self.persistence.changed(StoredFile::Conversations);
        }
        let hashes: HashSet<&str> = closed.hashes.iter().map(String::as_str).collect();
        if hashes.is_empty() {
            return;
        }
        let mut nicks: BTreeMap<Vec<u8>, Nick> = BTreeMap::new();
        let of_files = self.known.peers().filter_map(|peer| Nick::new(peer.as_bytes()).ok());
        let met = self.conversations.values().map(|c| c.nick().clone());
        for nick in of_files.chain(met) {
            nicks.insert(guard::fold(nick.as_bytes()), nick);
        }
        let mut names = Vec::new();
        for (folded, nick) in nicks {
            let Some(peer) = self.conversations.peer(nick.as_bytes()) else { continue };
            if self.conversations.is_closed(&peer)
                || !hashes.contains(hash(&closed.salt, &folded).as_str())
            {
                continue;
            }
            self.close(nick.clone(), Phase::lost());
            if let Some(conversation) = self.conversations.get_mut(&peer) {
                conversation.module_guards(GuardTold::Closed);
            }
            names.push(quote(nick.as_bytes()));
        }
        if names.is_empty() {
            return;
        }
        self.persistence.changed(StoredFile::Conversations);
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = names.join(", ");
        self.output.report(Message::UnknownToOtrd { names: format!("{names}{more}") });
    }

    /// A module that was not connected before says whether anything was required. Where that is news here,
    /// files are lost, or it asked another otrd.
    pub(super) fn take_over_requirement(&mut self, required: bool) {
        match self.policies.compare_with_module(required) {
            Compared::Same => return,
            Compared::ToSave => {}
            Compared::Lost => {
                self.output.module_mut().note(Message::SettingsLost {});
                self.conversations.touch_all();
            }
        }
        self.persistence.changed(StoredFile::Settings);
    }

    /// The module holds somebody closed of whom nothing is known here. False: the line came back.
    pub(super) fn typed_to_closed(&mut self, peer: &Peer, out: &Outgoing) -> bool {
        let is_open = |c: &Conversation| c.is_clear() && !c.is_asking();
        if !self.conversations.get(peer).is_some_and(is_open) {
            return true;
        }
        if let Some(other) = self.conversations.same_to_some(&out.message.to) {
            let (one, other) = (quote(out.message.to.as_bytes()), quote(other.as_bytes()));
            self.output.refuse(out.clone(), &Message::BackOtherRules { one, other });
            return false;
        }
        if let Some(conversation) = self.conversations.get_mut(peer) {
            conversation.found_closed();
            // Said all the same: the module may have written this line before it read that the user's
            // word opens them.
            let nick = conversation.nick().clone();
            self.output.effect(protect(nick, false));
            self.persistence.changed(StoredFile::Conversations);
        }
        true
    }

    /// Whether one more nick can be kept closed by its name; otherwise everybody is.
    pub(super) fn room_for_closed(&mut self) -> bool {
        if self.conversations.fewer_closed_than(limits::CLOSED) {
            return true;
        }
        if self.conversations.close_everybody() {
            self.persistence.changed(StoredFile::Conversations);
        }
        false
    }

    /// The user's word opens a nick, whatever is known of it here.
    pub(super) fn open(&mut self, nick: &Nick) {
        self.opened.push(nick.clone());
    }

    /// The user finished all conversations.
    pub(super) fn open_everybody(&mut self) {
        if self.conversations.open_everybody() {
            self.persistence.changed(StoredFile::Conversations);
        }
        if self.output.module().remembers() {
            self.output.effect(Effect::Open);
        }
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
            let is = conversation.guard_wanted(|| self.peers().is_required(peer));
            if conversation.is_guarded_so(is) {
                continue;
            }
            let Some(conversation) = self.conversations.get_mut(peer) else { continue };
            if !conversation.guarded_so(is) {
                continue;
            }
            self.persistence.changed(StoredFile::Conversations);
            let nick = conversation.nick().clone();
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
                let guarded = |c: &&Conversation| c.is_guarded() && same(c.nick());
                let guarded = self.conversations.values().filter(guarded);
                let pending = |c: &Conversation| c.guard_told() == GuardTold::Pending;
                guarded.map(|c| (c.nick().clone(), pending(c))).collect()
            }
        };
        let on = on.into_iter().rev().map(|(peer, pending)| protect(peer, pending));
        self.output.effects_first(on);
        off.sort();
        off.dedup();
        for (peer, by_user) in off {
            self.output.effect(Effect::Protect { peer, on: false, pending: false, by_user });
        }
        for (peer, pending) in again {
            self.output.effect(protect(peer, pending));
        }
    }

    /// Peers to whom nothing may go in clear: until the user says otherwise, or for now.
    pub fn protected(&self, pending: bool) -> Vec<Nick> {
        let told = if pending { GuardTold::Pending } else { GuardTold::Closed };
        self.conversations.guarded(told)
    }

    /// Whether nothing may go in clear to anybody.
    pub fn everybody_closed(&self) -> bool {
        self.conversations.everybody_closed()
    }

    /// Tells the module where they changed.
    pub(super) fn rules_changes(&mut self) {
        if !self.output.module().remembers() {
            return;
        }
        let rules = self.peers().rules();
        if self.output.module_mut().learns_rules(&rules) {
            if self.policies.note_told() {
                self.persistence.changed(StoredFile::Settings);
            }
            self.output.effects_first([Effect::Rules { rules }]);
        }
    }
}

fn protect(peer: Nick, pending: bool) -> Effect {
    Effect::Protect { peer, on: true, pending, by_user: false }
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
