//! When the server's rule for comparing nicks turns out to be another one.

use super::conversation::{GuardTold, Waiting};
use super::messages::Message;
use super::{Conversation, Engine, Phase};
use crate::limits;
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::{KnownFingerprint, Peer};
use proto::irc::Nick;

impl Engine {
    /// The server says how it compares nicks. Changes over the allowance take effect later; until then the
    /// module keeps closed every name that any rule takes for a closed one.
    pub(super) fn hear_casemapping(&mut self, word: &str) {
        if !self.policies.is_other_casemapping(word) {
            self.casemapping_later = None;
        } else if self.allowances.casemappings.take(self.now.mono) {
            self.casemapping_later = None;
            self.change_casemap(word);
        } else {
            let at = self.now.mono + limits::CASEMAPPINGS_EVERY;
            self.casemapping_later = Some((at, word.to_owned()));
        }
    }

    pub(super) fn hear_casemapping_later(&mut self) {
        let now = self.now.mono;
        if let Some((_, word)) = self.casemapping_later.take_if(|(at, _)| *at <= now) {
            self.hear_casemapping(&word);
        }
    }

    /// The server compares nicks by another rule than we believed. Nicks that were two may be one
    /// now, and the other way round: whatever was closed for clear text stays closed.
    pub(super) fn change_casemap(&mut self, word: &str) {
        let first = self.policies.casemapping().is_none();
        if self.policies.set_casemapping(word) {
            self.persistence.changed(StoredFile::Settings);
        }
        let casemap = self.policies.casemap();
        if casemap == self.conversations.casemap() {
            if first {
                self.fold_known();
            }
            return;
        }
        self.conversations.set_casemap(casemap);
        self.fold_known();
        let mut all = self.conversations.take_all();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (old, mut conversation) in all {
            let aliases = std::mem::take(&mut conversation.aliases);
            if !conversation.is_clear() {
                // The module may have taken two guarded nicks for one: it is told of each again.
                conversation.guard_told = GuardTold::Open;
            }
            self.seat(Some(&old), conversation);
            for alias in aliases {
                self.close(alias, Phase::lost());
            }
        }
        self.persistence.changed(StoredFile::Conversations);
    }

    /// A conversation that is known to have been private.
    pub(super) fn close(&mut self, nick: Nick, phase: Phase) {
        let mut conversation = self.conversations.begin(nick, self.now.mono);
        conversation.phase = phase;
        conversation.guarded = true;
        self.seat(None, conversation);
    }

    /// Gives a conversation its place by its nick; shares it with one that is there already.
    pub(super) fn seat(&mut self, old: Option<&Peer>, mut conversation: Conversation) {
        let Some(new) = self.peer(conversation.nick.as_bytes()) else {
            return self.otr.forget(conversation.handle);
        };
        let moved = old.filter(|old| **old != new);
        let mut there = self.conversations.remove(&new);
        if let Some(there) = &mut there
            && self.otr.has_session(there.handle)
            && self.otr.has_session(conversation.handle)
        {
            // One of two sessions can no longer be told from the other: not the one that had this
            // name before.
            self.lose_session(if moved.is_some() { &mut conversation } else { there });
        }
        if let Some(old) = moved {
            self.fragments.forget(old);
            self.known.follow(old, &new, &self.otr.keys_in_use(conversation.handle));
        }
        let Some(there) = there else {
            return self.conversations.insert(new, conversation);
        };
        let handle = self.one_handle(there.handle, conversation.handle);
        let (mut merged, unsent) = self.merge(there, conversation);
        merged.handle = handle;
        self.conversations.insert(new, merged);
        for line in unsent {
            self.refuse(line.out, &Message::BackOneNick {});
        }
    }

    fn lose_session(&mut self, conversation: &mut Conversation) {
        let _unsent = self.otr.finish(conversation.handle);
        if let Phase::Private(private) = &conversation.phase {
            let fingerprint = Some(private.fingerprint);
            conversation.phase = Phase::Blocked { fingerprint, asked_anew: true };
        }
    }

    /// Two conversations in one place, and the lines that must not wait for either any more.
    fn merge(&mut self, a: Conversation, b: Conversation) -> (Conversation, Vec<Waiting>) {
        let (mut keep, mut other) = match a.phase {
            Phase::Clear => (b, a),
            _ => (a, b),
        };
        let mut unsent = Vec::new();
        if !other.is_clear() {
            unsent.extend(std::mem::take(&mut keep.waiting));
            let (one, two) = (quote(keep.nick.as_bytes()), quote(other.nick.as_bytes()));
            self.report_of(&keep.nick, Message::OneNick { one, two });
            let fingerprint = match &keep.phase {
                Phase::Private(private) => Some(private.fingerprint),
                Phase::Blocked { fingerprint, .. } => *fingerprint,
                _ => None,
            };
            keep.phase = Phase::Blocked { fingerprint, asked_anew: true };
            keep.also_closed(other.nick);
        }
        unsent.extend(std::mem::take(&mut other.waiting));
        for alias in other.aliases {
            keep.also_closed(alias);
        }
        keep.asked = keep.asked.or(other.asked);
        keep.guarded |= other.guarded;
        keep.guard_told = keep.guard_told.max(other.guard_told);
        keep.written_to |= other.written_to;
        (keep, unsent)
    }

    /// Fingerprints saved under other spellings (by the old module, say) belong to the folded
    /// nick.
    pub(super) fn fold_known(&mut self) {
        let casemap = self.conversations.casemap();
        let others = self.known.peers().filter(|peer| !casemap.is_folded(peer.as_bytes()));
        let others: Vec<Peer> = others.rev().cloned().collect();
        for other in others {
            let Some(folded) = self.peer(other.as_bytes()).filter(|folded| *folded != other) else {
                continue;
            };
            // The oldest first: what came first stays the first.
            let known: Vec<KnownFingerprint> = self.known.of(&other).collect();
            for KnownFingerprint { peer, fingerprint, trust } in known.into_iter().rev() {
                if self.is_in_use(&peer, fingerprint) {
                    continue;
                }
                let there = self.known.trust(&folded, fingerprint).unwrap_or_default();
                self.known.put(&folded, fingerprint, there.strongest(trust));
                self.known.forget(&peer, fingerprint);
                self.persistence.changed(StoredFile::Fingerprints);
            }
        }
    }
}
