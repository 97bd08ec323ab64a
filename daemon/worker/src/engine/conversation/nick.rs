//! A conversation and nicks: who comes, leaves and goes by another; two of them in one place.

use super::{Conversation, Guard, GuardTold, Offer, Phase};
use crate::engine::action::Outgoing;
use crate::engine::split_lines::Split;
use otr::{Fingerprint, Handle};
use proto::irc::Nick;
use std::time::Duration;

/// Other spellings of a nick that one conversation keeps closed.
const MAX_ALIASES: usize = 16;

/// What a conversation leaves at a nick.
pub struct LeftBehind {
    /// It was private, or closed: so this nick stays.
    pub closed: bool,
    /// A key that had come from yet another nick, and was in use.
    pub brought: Option<Fingerprint>,
    /// As it was spelled.
    spelled: Nick,
    aliases: Vec<Nick>,
}

/// Two conversations in one place.
pub struct Merged {
    /// What they are now.
    pub conversation: Conversation,
    /// Lines that must not wait for either any more.
    pub unsent: Vec<Outgoing>,
    /// Whose nicks they had, where both were closed.
    pub both_closed: Option<(Nick, Nick)>,
}

impl Conversation {
    /// Something of the peer's or to the peer, spelled so.
    pub fn met_as(&mut self, nick: &Nick, now: Duration) {
        self.last = now;
        if self.nick != *nick && !self.guard.on {
            self.nick = nick.clone();
        }
    }

    /// The peer left IRC. Whether that is news of a private conversation.
    pub fn left_irc(&mut self) -> bool {
        self.offer = Offer::Next;
        self.split = Split::default();
        self.is_private() && !std::mem::replace(&mut self.gone, true)
    }

    /// A sign of life. Whether the peer had left.
    pub fn is_back(&mut self) -> bool {
        std::mem::take(&mut self.gone)
    }

    /// Keeps another nick closed, should it turn out not to be the same one.
    pub fn also_closed(&mut self, nick: Nick) {
        let there = nick == self.nick || self.aliases.contains(&nick);
        if !self.is_clear() && !there && self.aliases.len() < MAX_ALIASES {
            self.aliases.push(nick);
        }
    }

    /// The peer spells the nick otherwise.
    pub fn respelled(&mut self, nick: Nick) {
        let was = std::mem::replace(&mut self.nick, nick);
        // By another CASEMAPPING it may be a nick that somebody else can take.
        if !was.as_bytes().eq_ignore_ascii_case(self.nick.as_bytes()) {
            self.also_closed(was);
        }
    }

    /// Whether it goes along where its peer takes another nick.
    pub fn follows_its_peer(&self) -> bool {
        let nothing_to_follow = self.is_idle() && !self.guard.on;
        !nothing_to_follow && !matches!(self.phase, Phase::Moved { .. })
    }

    /// Whether another conversation cannot come to its nick.
    pub fn keeps_its_nick(&self) -> bool {
        !matches!(self.phase, Phase::Clear | Phase::Moved { .. }) || self.is_asking()
    }

    /// Where a nick that was left leads to.
    pub fn leads_to(&mut self, nick: &Nick) {
        if let Phase::Moved { to } = &mut self.phase {
            *to = nick.clone();
        }
    }

    /// The peer goes by another nick. `brings`: the key in use is not known of it.
    pub fn goes_to(&mut self, nick: Nick, brings: bool, now: Duration) -> LeftBehind {
        self.last = now;
        self.guard.told = GuardTold::Open;
        self.gone = false;
        self.waiting.readdress(&nick);
        let brought = std::mem::replace(&mut self.brought, brings);
        LeftBehind {
            closed: !self.is_clear(),
            brought: self.private().filter(|_| brought).map(|private| private.fingerprint),
            spelled: std::mem::replace(&mut self.nick, nick),
            aliases: std::mem::take(&mut self.aliases),
        }
    }

    /// It comes to a nick where another one was, and goes on as this one of libotr's peers.
    pub fn takes_place_of(&mut self, there: Self, handle: Handle) {
        self.handle = handle;
        if there.is_clear() {
            return;
        }
        if self.is_clear() {
            // Somebody who was only asked opens nothing by coming here.
            self.phase = there.phase;
        }
        self.also_closed(there.nick);
        there.aliases.into_iter().for_each(|alias| self.also_closed(alias));
    }

    /// What stays at a nick that a conversation left for another: closed for clear text.
    pub fn left_at(nick: Nick, to: Nick, left: LeftBehind, handle: Handle, now: Duration) -> Self {
        let mut conversation = Self {
            phase: Phase::Moved { to },
            offer: Offer::Declined,
            aliases: left.aliases,
            guard: Guard::closed(),
            ..Self::new(nick, handle, now)
        };
        conversation.also_closed(left.spelled);
        conversation
    }

    /// The peer takes a nick where another conversation is: that one stays, and this one is over.
    pub fn gives_way(&mut self) {
        let fingerprint = self.private().map(|private| private.fingerprint);
        self.phase = Phase::interrupted(fingerprint);
        self.asked = None;
    }

    /// Nicks are compared by another rule. The module may have taken two guarded ones for one: it is told
    /// of each again. Gives the other spellings, which may be others' nicks now.
    pub fn compared_anew(&mut self) -> Vec<Nick> {
        if !self.is_clear() {
            self.guard.told = GuardTold::Open;
        }
        std::mem::take(&mut self.aliases)
    }

    /// Two conversations in one place, where at most one has a session; it goes on as this one of
    /// libotr's peers.
    pub fn merged(a: Self, b: Self, handle: Handle) -> Merged {
        let (mut keep, mut other) = if a.is_clear() { (b, a) } else { (a, b) };
        let mut unsent = Vec::new();
        let mut both_closed = None;
        if !other.is_clear() {
            unsent.extend(keep.waiting.take());
            both_closed = Some((keep.nick.clone(), other.nick.clone()));
            keep.phase = Phase::interrupted(keep.phase.fingerprint());
            keep.also_closed(other.nick);
        }
        unsent.extend(other.waiting.take());
        for alias in other.aliases {
            keep.also_closed(alias);
        }
        keep.handle = handle;
        keep.asked = keep.asked.or(other.asked);
        keep.guard.on |= other.guard.on;
        keep.guard.at_least(other.guard.told);
        keep.written_to |= other.written_to;
        Merged { conversation: keep, unsent, both_closed }
    }
}
