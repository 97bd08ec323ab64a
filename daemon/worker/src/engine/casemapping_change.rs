//! When the server's rule for comparing nicks turns out to be another one.

use super::conversation::{Conversation, Merged, Phase};
use super::known_keys;
use super::messages::Message;
use super::nicks::Nicks;
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::Peer;
use proto::irc::Nick;

impl Nicks<'_> {
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
            let aliases = conversation.compared_anew();
            self.seat(Some(&old), conversation);
            for alias in aliases {
                self.close(alias, Phase::lost());
            }
        }
        self.persistence.changed(StoredFile::Conversations);
    }

    /// A conversation that is known to have been private.
    pub(super) fn close(&mut self, nick: Nick, phase: Phase) {
        let conversation = self.conversations.begin_closed(nick, phase, self.now.mono);
        self.seat(None, conversation);
    }

    /// Gives a conversation its place by its nick; shares it with one that is there already.
    fn seat(&mut self, old: Option<&Peer>, mut conversation: Conversation) {
        let Some(new) = self.conversations.peer(conversation.nick().as_bytes()) else {
            return self.otr.forget(conversation.handle());
        };
        let moved = old.filter(|old| **old != new);
        let mut there = self.conversations.remove(&new);
        if let Some(there) = &mut there
            && self.otr.has_session(there.handle())
            && self.otr.has_session(conversation.handle())
        {
            // One of two sessions can no longer be told from the other: not the one that had this
            // name before.
            let lost = if moved.is_some() { &mut conversation } else { there };
            let _unsent = self.otr.finish(lost.handle());
            lost.keys_lost();
        }
        if let Some(old) = moved {
            self.fragments.forget(old);
            self.known.follow(old, &new, &self.otr.keys_in_use(conversation.handle()));
        }
        let Some(there) = there else {
            return self.conversations.insert(new, conversation);
        };
        let handle = self.one_handle(there.handle(), conversation.handle());
        let Merged { conversation, unsent, both_closed } =
            Conversation::merged(there, conversation, handle);
        self.conversations.insert(new, conversation);
        if let Some((keeps, other)) = both_closed {
            let (one, two) = (quote(keeps.as_bytes()), quote(other.as_bytes()));
            self.output.report_of(&keeps, Message::OneNick { one, two });
        }
        for line in unsent {
            self.output.refuse(line, &Message::BackOneNick {});
        }
    }

    /// Fingerprints saved under other spellings (by the old module, say) belong to the folded
    /// nick.
    pub(super) fn fold_known(&mut self) {
        let casemap = self.conversations.casemap();
        let in_use = |peer: &Peer, fingerprint| {
            let handle = self.conversations.handle(peer);
            handle.is_some_and(|handle| self.otr.keys_in_use(handle).contains(&fingerprint))
        };
        if known_keys::fold(self.known, casemap, in_use) {
            self.persistence.changed(StoredFile::Fingerprints);
        }
    }
}
