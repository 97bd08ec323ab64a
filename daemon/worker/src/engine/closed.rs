//! Whom the module holds closed, and what it is told of whom to hold.

use super::action::Outgoing;
use super::conversation::{Conversation, GuardTold};
use super::conversations::Conversations;
use super::messages::Message;
use super::output::Output;
use super::peers::Peers;
use super::persistence::Persistence;
use super::policies::Policies;
use super::policies::module_rules::Compared;
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::{FingerprintStore, Peer};
use proto::irc::Nick;
use proto::shim::Effect;
use proto::shim::guard;
use std::collections::HashSet;

/// The parts that close somebody, and have to know of it.
pub(super) struct Closing<'a> {
    pub(super) policies: &'a mut Policies,
    pub(super) known: &'a FingerprintStore,
    pub(super) conversations: &'a mut Conversations,
    pub(super) persistence: &'a mut Persistence,
    pub(super) output: &'a mut Output,
}

impl Closing<'_> {
    fn peers(&self) -> Peers<'_> {
        Peers::new(self.policies, self.known, self.conversations)
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

    /// The user finished all conversations.
    pub(super) fn open_everybody(&mut self) {
        if self.conversations.open_everybody() {
            self.persistence.changed(StoredFile::Conversations);
        }
        if self.output.module().remembers() {
            self.output.effect(Effect::Open);
        }
    }

    /// Tells the module about every peer whose guard changed in this step, and about those whom the user's
    /// word has opened. Turned on before, and off after, everything else that the step does.
    pub(super) fn guard_changes(&mut self, opened: &[Nick], peers: &[Peer]) {
        let (mut on, mut off) = (Vec::new(), Vec::new());
        for nick in opened {
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
