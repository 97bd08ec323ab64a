//! The table of conversations: who is whom, and who went where.

use super::conversation::{GuardTold, Offer};
use super::messages::Message;
use super::{Engine, Phase};
use crate::limits;
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::Peer;
use proto::irc::Nick;
use proto::shim::Effect;

impl Engine {
    /// The peer's conversation, made where there is none.
    pub(super) fn meet(&mut self, nick: &Nick) -> Option<Peer> {
        let peer = self.peer(nick.as_bytes())?;
        let now = self.now.mono;
        match self.conversations.get_mut(&peer) {
            Some(conversation) => {
                conversation.last = now;
                if conversation.nick != *nick && !conversation.guarded {
                    conversation.nick = nick.clone();
                }
            }
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
            self.otr.forget(conversation.handle);
            if conversation.guarded {
                self.lift(conversation.nick);
            }
        }
    }

    /// Handles a peer's NICK: moves or merges the conversation.
    pub(super) fn renamed(&mut self, old_nick: &Nick, new_nick: &Nick) {
        let (Some(old), Some(new)) =
            (self.peer(old_nick.as_bytes()), self.peer(new_nick.as_bytes()))
        else {
            return;
        };
        let told = self.conversations.get(&old).map(|c| c.guard_told).unwrap_or_default();
        self.follow(old_nick, new_nick);
        // ZNC's module closes the new nick as it reads the NICK. The reply says it once more, for modules
        // that do not: from then on they have no gap, either.
        if told == GuardTold::Open || old == new {
            return;
        }
        let Some(conversation) = self.conversations.get_mut(&new) else {
            return self.lift(new_nick.clone());
        };
        conversation.guard_told = conversation.guard_told.max(told);
        let pending = conversation.guard_told == GuardTold::Pending;
        let peer = conversation.nick.clone();
        self.effect(Effect::Protect { peer, on: true, pending, by_user: false });
    }

    /// Ends a guard that nobody's word has to end.
    fn lift(&mut self, peer: Nick) {
        self.effect(Effect::Protect { peer, on: false, pending: false, by_user: false });
    }

    /// The live session goes along; the old nick stays closed for clear text.
    fn follow(&mut self, old_nick: &Nick, new_nick: &Nick) {
        let (Some(old), Some(new)) =
            (self.peer(old_nick.as_bytes()), self.peer(new_nick.as_bytes()))
        else {
            return;
        };
        let Some(conversation) = self.conversations.get_mut(&old) else { return };
        if old == new {
            let was = std::mem::replace(&mut conversation.nick, new_nick.clone());
            // By another CASEMAPPING it may be a nick that somebody else can take.
            if !was.as_bytes().eq_ignore_ascii_case(new_nick.as_bytes()) {
                conversation.also_closed(was);
            }
            return;
        }
        if conversation.is_idle() && !conversation.guarded {
            return;
        }
        if matches!(conversation.phase, Phase::Moved { .. }) {
            return;
        }
        let taken = self.conversations.get(&new).is_some_and(|c| {
            !matches!(c.phase, Phase::Clear | Phase::Moved { .. })
                || c.asked.is_some()
                || self.otr.has_session(c.handle)
        });
        let key = self.conversations.get(&old).and_then(|c| c.private()).map(|p| p.fingerprint);
        let brings = key.is_some_and(|key| self.known.trust(&new, key).is_none());
        if taken {
            return self.collision(&old, old_nick, new_nick);
        }
        self.fragments.forget(&old);
        let Some(mut conversation) = self.conversations.remove(&old) else { return };
        let was_private = !conversation.is_clear();
        let spelled = std::mem::replace(&mut conversation.nick, new_nick.clone());
        let aliases = std::mem::take(&mut conversation.aliases);
        self.known.follow(&old, &new, &self.otr.keys_in_use(conversation.handle));
        let there = self.conversations.remove(&new);
        if let Some(there) = &there {
            conversation.handle = self.one_handle(there.handle, conversation.handle);
        }
        if let Some(there) = there.filter(|c| !c.is_clear()) {
            if !was_private {
                // Somebody who was only asked opens nothing by coming here.
                conversation.phase = there.phase;
            }
            conversation.also_closed(there.nick);
            there.aliases.into_iter().for_each(|alias| conversation.also_closed(alias));
        }
        let brought = std::mem::replace(&mut conversation.brought, brings);
        if let Phase::Private(private) = &conversation.phase
            && brought
            && self.known.trust(&old, private.fingerprint) == Some(otr::Trust::None)
        {
            // It was never this nick's own key.
            self.known.forget(&old, private.fingerprint);
        }
        conversation.last = self.now.mono;
        conversation.guard_told = GuardTold::Open;
        conversation.gone = false;
        // Another key than the one known of the new nick: perhaps somebody took it to be taken
        // for its owner.
        let mut changed = None;
        if let Phase::Private(private) = &mut conversation.phase
            && !private.held
            && self.is_other_key(&new, private.fingerprint)
        {
            private.held = true;
            changed = Some(private.fingerprint);
        }
        for waiting in &mut conversation.waiting {
            waiting.out.message.to = new_nick.clone();
        }
        self.conversations.insert(new, conversation);
        self.persistence.nick_changed(self.now.mono);
        if !was_private {
            // Only asked so far: whoever takes the old nick gets nothing of it.
            self.lift(old_nick.clone());
            return;
        }
        if !self.room_for_closed() {
            // The module, whose room is the same, closes everybody.
            return self.moved_to(old_nick, new_nick, changed);
        }
        let mut left_behind = self.conversations.begin(old_nick.clone(), self.now.mono);
        left_behind.phase = Phase::Moved { to: new_nick.clone() };
        left_behind.offer = Offer::Declined;
        left_behind.aliases = aliases;
        left_behind.also_closed(spelled);
        left_behind.guarded = true;
        left_behind.guard_told = GuardTold::Closed;
        self.conversations.insert(old, left_behind);
        self.moved_to(old_nick, new_nick, changed);
    }

    fn moved_to(&mut self, old_nick: &Nick, new_nick: &Nick, changed: Option<otr::Fingerprint>) {
        self.follow_trail(old_nick, new_nick);
        let (was, is) = (quote(old_nick.as_bytes()), quote(new_nick.as_bytes()));
        self.report_of(new_nick, Message::NowKnownAs { was, is });
        if let Some(fingerprint) = changed {
            self.announce_change(new_nick, &fingerprint);
        }
    }

    /// All nicks that a conversation has left know where it is.
    fn follow_trail(&mut self, old_nick: &Nick, new_nick: &Nick) {
        for peer in self.conversations.left_for(old_nick) {
            self.conversations.leads_to(&peer, new_nick);
        }
    }

    /// Whether one more stranger may have a private conversation that we did not ask for.
    pub(super) fn room_for_stranger(&self, peer: &Peer) -> bool {
        let Some(conversation) = self.conversations.get(peer) else { return false };
        !conversation.is_clear()
            || conversation.asked.is_some()
            || self.known.trusts(peer)
            || self.conversations.fewer_closed_than(limits::CONVERSATIONS)
    }

    /// Somebody with a private conversation takes a nick that has one too.
    fn collision(&mut self, old: &Peer, old_nick: &Nick, new_nick: &Nick) {
        let Some(conversation) = self.conversations.get_mut(old) else { return };
        let fingerprint = conversation.private().map(|p| p.fingerprint);
        conversation.phase = Phase::Blocked { fingerprint, asked_anew: true };
        conversation.asked = None;
        self.persistence.changed(StoredFile::Conversations);
        let (was, is) = (quote(old_nick.as_bytes()), quote(new_nick.as_bytes()));
        self.report_of(old_nick, Message::TwoBecomeOne { was, is });
        self.give_back(old, &Message::BackNickChanged {});
    }

    /// A peer left IRC.
    pub(super) fn left(&mut self, nick: &Nick) {
        let Some(peer) = self.peer(nick.as_bytes()) else { return };
        let Some(conversation) = self.conversations.get_mut(&peer) else { return };
        conversation.offer = Offer::Next;
        conversation.split = None;
        if matches!(conversation.phase, Phase::Private(_)) && !conversation.gone {
            conversation.gone = true;
            self.report_of(nick, Message::LeftIrc {});
        }
    }

    /// A peer joined a channel of ours.
    pub(super) fn came(&mut self, nick: &Nick) {
        if let Some(peer) = self.peer(nick.as_bytes()) {
            self.back(&peer, nick);
        }
    }

    /// A sign of life of a peer who had left.
    pub(super) fn back(&mut self, peer: &Peer, nick: &Nick) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        if std::mem::take(&mut conversation.gone) {
            let name = quote(nick.as_bytes());
            self.report_of(nick, Message::Back { name });
        }
    }
}
