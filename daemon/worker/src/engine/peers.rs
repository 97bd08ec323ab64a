//! The table of conversations: who is whom, and who went where.

use super::conversation::Offer;
use super::{Conversation, Engine, Phase};
use crate::limits;
use crate::store::Name;
use crate::text::clean::quote;
use otr::Peer;
use proto::shim::{Effect, Style};
use proto::text::Nick;

impl Engine {
    /// The one name of a peer for all spellings; `None` where libotr could not hold it.
    pub(crate) fn peer(&self, nick: &[u8]) -> Option<Peer> {
        Peer::new(&self.casemap.fold(nick)).ok()
    }

    /// The peer's conversation, made where there is none.
    pub(crate) fn meet(&mut self, nick: &Nick) -> Option<Peer> {
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
                self.conversations.insert(peer.clone(), Conversation::new(nick.clone(), now));
            }
        }
        Some(peer)
    }

    /// Forgets the half of the idle peers that was quiet longest, once there are too many.
    fn make_room(&mut self) {
        if self.conversations.len() < limits::IDLE_PEERS {
            return;
        }
        let mut idle: Vec<(std::time::Duration, Peer)> = self
            .conversations
            .iter()
            .filter(|(_, c)| c.is_idle())
            .map(|(peer, c)| (c.last, peer.clone()))
            .collect();
        idle.sort();
        idle.truncate(idle.len().div_ceil(2));
        for (_, peer) in idle {
            if let Some(nick) =
                self.conversations.remove(&peer).filter(|c| c.guarded).map(|c| c.nick)
            {
                self.effect(Effect::Protect { peer: nick, on: false });
            }
            self.otr.forget_peer(&peer);
            self.fragments.forget(&peer);
        }
    }

    /// How a nick was last spelled.
    pub(crate) fn spelled(&self, peer: &Peer) -> String {
        let nick = self.conversations.get(peer).map_or(peer.as_bytes(), |c| c.nick.as_bytes());
        quote(nick)
    }

    /// A peer's NICK.
    pub(super) fn renamed(&mut self, old_nick: &Nick, new_nick: &Nick) {
        let (Some(old), Some(new)) =
            (self.peer(old_nick.as_bytes()), self.peer(new_nick.as_bytes()))
        else {
            return;
        };
        let guarded = self.conversations.get(&old).is_some_and(|c| c.guard_told);
        self.follow(old_nick, new_nick);
        // The module guards the new nick as it did the old one, until it is told otherwise.
        if !guarded || old == new {
            return;
        }
        match self.conversations.get_mut(&new) {
            Some(conversation) => conversation.guard_told = true,
            None => self.effect(Effect::Protect { peer: new_nick.clone(), on: false }),
        }
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
            !matches!(c.phase, Phase::Clear | Phase::Moved { .. }) || c.asked.is_some()
        });
        if taken || self.otr.rename(&old, &new).is_err() {
            return self.collision(&old, old_nick, new_nick);
        }
        self.fragments.forget(&old);
        let Some(mut conversation) = self.conversations.remove(&old) else { return };
        let was_private = conversation.phase != Phase::Clear;
        conversation.nick = new_nick.clone();
        let aliases = std::mem::take(&mut conversation.aliases);
        conversation.last = self.now.mono;
        conversation.guard_told = false;
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
            waiting.to = new_nick.clone();
        }
        self.conversations.insert(new, conversation);
        self.unsaved.extend([Name::Conversations, Name::Fingerprints]);
        if !was_private {
            // Only asked so far: whoever takes the old nick gets nothing of it.
            self.effect(Effect::Protect { peer: old_nick.clone(), on: false });
            return;
        }
        let mut left_behind = Conversation::new(old_nick.clone(), self.now.mono);
        left_behind.phase = Phase::Moved { to: new_nick.clone() };
        left_behind.offer = Offer::Declined;
        left_behind.aliases = aliases;
        left_behind.guarded = true;
        left_behind.guard_told = true;
        self.conversations.insert(old, left_behind);
        let (was, is) = (quote(old_nick.as_bytes()), quote(new_nick.as_bytes()));
        self.say_of(
            new_nick,
            Style::Warn,
            format!("{was} is now known as {is}; the private conversation goes on there. Nothing goes out to {was} until you say finish {was}."),
        );
        if let Some(fingerprint) = changed {
            self.announce_change(new_nick, &fingerprint);
        }
    }

    /// Somebody with a private conversation takes a nick that has one too.
    fn collision(&mut self, old: &Peer, old_nick: &Nick, new_nick: &Nick) {
        let Some(conversation) = self.conversations.get_mut(old) else { return };
        let fingerprint = conversation.private().map(|p| p.fingerprint);
        conversation.phase = Phase::Blocked { fingerprint, asked_anew: true };
        conversation.asked = None;
        self.unsaved.insert(Name::Conversations);
        let (was, is) = (quote(old_nick.as_bytes()), quote(new_nick.as_bytes()));
        self.say_of(
            old_nick,
            Style::Bad,
            format!("{was} is now known as {is}, with whom you have another private conversation: both stay closed for each other's words. Say finish {was}, and start {is} for a new one."),
        );
        self.give_back(old, "the peer changed nick");
    }

    /// A peer left IRC.
    pub(super) fn left(&mut self, nick: &Nick) {
        let Some(peer) = self.peer(nick.as_bytes()) else { return };
        let Some(conversation) = self.conversations.get_mut(&peer) else { return };
        conversation.offer = Offer::Next;
        conversation.split = None;
        if matches!(conversation.phase, Phase::Private(_)) && !conversation.gone {
            conversation.gone = true;
            self.say_of(nick, Style::Plain, "They left IRC. The private conversation stays.");
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
            self.say_of(
                nick,
                Style::Plain,
                format!("This nick is back. The private conversation stays; if they cannot read it, use refresh {name}."),
            );
        }
    }

    /// Tells the module about every peer whose guard changed in this step. Turned on before, and
    /// off after, everything else that the step does.
    pub(super) fn guard_changes(&mut self) {
        let peers = self.conversations.settle();
        let mut changes = Vec::new();
        for peer in peers {
            let required = self.policy(&peer).0 == super::Policy::Required;
            let Some(conversation) = self.conversations.get_mut(&peer) else { continue };
            conversation.guarded = conversation.phase != Phase::Clear
                || conversation.asked.is_some()
                || !conversation.waiting.is_empty()
                // Not for everybody who writes to us: strangers would fill the guard's list.
                || (required && conversation.written_to);
            if conversation.guarded != conversation.guard_told {
                conversation.guard_told = conversation.guarded;
                changes.push((conversation.nick.clone(), conversation.guarded));
            }
        }
        changes.sort();
        for (peer, on) in changes {
            let effect = super::Act::Effect(Effect::Protect { peer, on });
            if on { self.acts.insert(0, effect) } else { self.acts.push(effect) }
        }
        // What was just looked at is not to be looked at again in the next step.
        self.conversations.settle();
    }
}
