//! Who is whom: peers that are met, change nicks, and stay closed under those that they left.

use super::action::Now;
use super::conversation::{Conversation, GuardTold};
use super::conversations::Conversations;
use super::known_keys;
use super::messages::Message;
use super::output::Output;
use super::persistence::Persistence;
use super::policies::Policies;
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::fragment::Reassembler;
use otr::{FingerprintStore, Handle, Otr, Peer};
use proto::irc::Nick;
use proto::shim::Effect;

/// The parts that know peers by their nicks.
pub(super) struct Nicks<'a> {
    pub(super) otr: &'a mut Otr,
    pub(super) known: &'a mut FingerprintStore,
    pub(super) fragments: &'a mut Reassembler,
    pub(super) policies: &'a mut Policies,
    pub(super) conversations: &'a mut Conversations,
    pub(super) persistence: &'a mut Persistence,
    pub(super) now: Now,
    pub(super) output: &'a mut Output,
}

impl Nicks<'_> {
    /// The peer's conversation, made where there is none.
    pub(super) fn meet(&mut self, nick: &Nick) -> Option<Peer> {
        let peer = self.conversations.peer(nick.as_bytes())?;
        let now = self.now.mono;
        match self.conversations.get_mut(&peer) {
            Some(conversation) => conversation.met_as(nick, now),
            None => {
                self.make_room();
                let conversation = self.conversations.begin(nick.clone(), self.now.mono);
                self.conversations.insert(peer.clone(), conversation);
            }
        }
        Some(peer)
    }

    /// Forgets those who were quiet longest, once there are too many.
    fn make_room(&mut self) {
        for (peer, conversation) in self.conversations.make_room() {
            self.fragments.forget(&peer);
            self.otr.forget(conversation.handle());
            if conversation.is_guarded() {
                self.lift(conversation.nick().clone());
            }
        }
    }

    /// Handles a peer's NICK: moves or merges the conversation.
    pub(super) fn renamed(&mut self, old_nick: &Nick, new_nick: &Nick) {
        let (Some(old), Some(new)) = (
            self.conversations.peer(old_nick.as_bytes()),
            self.conversations.peer(new_nick.as_bytes()),
        ) else {
            return;
        };
        let told = self.conversations.get(&old).map(Conversation::guard_told).unwrap_or_default();
        self.follow(old_nick, new_nick);
        // ZNC's module closes the new nick as it reads the NICK. The reply says it once more, for modules
        // that do not: from then on they have no gap, either.
        if told == GuardTold::Open || old == new {
            return;
        }
        let Some(conversation) = self.conversations.get_mut(&new) else {
            return self.lift(new_nick.clone());
        };
        conversation.module_guards(told);
        let pending = conversation.guard_told() == GuardTold::Pending;
        let peer = conversation.nick().clone();
        self.output.effect(Effect::Protect { peer, on: true, pending, by_user: false });
    }

    /// Ends a guard that nobody's word has to end.
    fn lift(&mut self, peer: Nick) {
        self.output.effect(Effect::Protect { peer, on: false, pending: false, by_user: false });
    }

    /// The live session goes along; the old nick stays closed for clear text.
    fn follow(&mut self, old_nick: &Nick, new_nick: &Nick) {
        let (Some(old), Some(new)) = (
            self.conversations.peer(old_nick.as_bytes()),
            self.conversations.peer(new_nick.as_bytes()),
        ) else {
            return;
        };
        let Some(conversation) = self.conversations.get_mut(&old) else { return };
        if old == new {
            return conversation.respelled(new_nick.clone());
        }
        if !conversation.follows_its_peer() {
            return;
        }
        let key = conversation.private().map(|p| p.fingerprint);
        let brings = key.is_some_and(|key| self.known.trust(&new, key).is_none());
        let taken = |c: &Conversation| c.keeps_its_nick() || self.otr.has_session(c.handle());
        if self.conversations.get(&new).is_some_and(taken) {
            return self.collision(&old, old_nick, new_nick);
        }
        self.fragments.forget(&old);
        let Some(mut conversation) = self.conversations.remove(&old) else { return };
        self.known.follow(&old, &new, &self.otr.keys_in_use(conversation.handle()));
        let left = conversation.goes_to(new_nick.clone(), brings, self.now.mono);
        if let Some(there) = self.conversations.remove(&new) {
            let handle = self.one_handle(there.handle(), conversation.handle());
            conversation.takes_place_of(there, handle);
        }
        if let Some(key) = left.brought
            && self.known.trust(&old, key) == Some(otr::Trust::None)
        {
            // It was never this nick's own key.
            self.known.forget(&old, key);
        }
        // Another key than the one known of the new nick: perhaps somebody took it to be taken
        // for its owner.
        let changed =
            conversation.hold_other_key(|key| known_keys::is_other(self.known, &new, key));
        self.conversations.insert(new, conversation);
        self.persistence.nick_changed(self.now.mono);
        if !left.closed {
            // Only asked so far: whoever takes the old nick gets nothing of it.
            return self.lift(old_nick.clone());
        }
        // Where there is no room, the module, whose room is the same, closes everybody.
        if self.conversations.room_for_closed(self.persistence) {
            let (nick, to) = (old_nick.clone(), new_nick.clone());
            self.conversations.leave(old, nick, to, left, self.now.mono);
        }
        self.moved_to(old_nick, new_nick, changed);
    }

    fn moved_to(&mut self, old_nick: &Nick, new_nick: &Nick, changed: Option<otr::Fingerprint>) {
        self.follow_trail(old_nick, new_nick);
        let (was, is) = (quote(old_nick.as_bytes()), quote(new_nick.as_bytes()));
        self.output.report_of(new_nick, Message::NowKnownAs { was, is });
        if let Some(fingerprint) = changed {
            self.output.announce_change(new_nick, &fingerprint);
        }
    }

    /// All nicks that a conversation has left know where it is.
    fn follow_trail(&mut self, old_nick: &Nick, new_nick: &Nick) {
        for peer in self.conversations.left_for(old_nick) {
            self.conversations.leads_to(&peer, new_nick);
        }
    }

    /// Somebody with a private conversation takes a nick that has one too.
    fn collision(&mut self, old: &Peer, old_nick: &Nick, new_nick: &Nick) {
        let Some(conversation) = self.conversations.get_mut(old) else { return };
        conversation.gives_way();
        self.persistence.changed(StoredFile::Conversations);
        let (was, is) = (quote(old_nick.as_bytes()), quote(new_nick.as_bytes()));
        self.output.report_of(old_nick, Message::TwoBecomeOne { was, is });
        self.conversations.give_back(old, &Message::BackNickChanged {}, self.output);
    }

    /// A handle goes along with its conversation to whatever nick, and libotr hears nothing of nicks. Where
    /// two conversations become one, only one of them goes on in libotr: what comes, if it is
    /// more than what is there. At most one of them has sessions.
    pub(super) fn one_handle(&mut self, there: Handle, comes: Handle) -> Handle {
        let (one, other) = match !self.otr.has_session(there) && self.otr.is_met(comes) {
            true => (comes, there),
            false => (there, comes),
        };
        self.otr.forget(other);
        one
    }
}
