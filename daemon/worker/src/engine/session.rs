//! A session asked for and finished, and what libotr says of it.

use super::conversation::{HeldLine, Offer, SmpState};
use super::{Conversation, Engine, Phase, Policy};
use crate::limits::{self, TokenBucket};
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::{Event, Peer};
use proto::irc::Nick;
use proto::shim::Style;

impl Engine {
    /// `start`: asks the peer for a private conversation.
    pub(crate) fn start(&mut self, nick: &Nick) {
        let Some(peer) = self.meet(nick) else { return };
        let (policy, rule) = self.policy_and_rule(&peer);
        if policy == Policy::Never {
            return self.say_of(nick, Style::Bad, format!("OTR is off for this nick ({rule})."));
        }
        if !self.online_or_say(nick) {
            return;
        }
        let Some(conversation) = self.conversations.get_mut(&peer) else { return };
        if conversation.private().is_some_and(|p| !p.held) {
            let name = quote(nick.as_bytes());
            return self.say_of(
                nick,
                Style::Plain,
                format!(
                    "The conversation is private already; refresh {name} makes new session keys."
                ),
            );
        }
        if conversation.asked.is_none() {
            self.say_of(nick, Style::Plain, "Asking for a private conversation.");
        }
        self.ask(&peer);
    }

    /// `refresh`: new session keys, or a new session.
    pub(crate) fn refresh(&mut self, nick: &Nick) {
        let Some(peer) = self.meet(nick) else { return };
        let private = self.conversations.get(&peer).is_some_and(|c| c.private().is_some());
        if !private {
            return self.start(nick);
        }
        if self.online_or_say(nick) {
            self.say_of(nick, Style::Plain, "Asking for new session keys.");
            if self.key_or_hold(HeldLine::Query(peer.clone())) {
                self.query(&peer);
            }
        }
    }

    /// Sends our query, or lets it wait for our key; what is typed from now on waits.
    pub(super) fn ask(&mut self, peer: &Peer) {
        let now = self.now.mono;
        if let Some(conversation) = self.conversations.get_mut(peer) {
            conversation.asked = Some(now);
            self.to_save.insert(StoredFile::Conversations);
            // What we ask for is not to be refused for what the peer asked before.
            conversation.key_exchanges = TokenBucket::new(limits::AKE_BURST, limits::AKE_EVERY);
        }
        if self.key_or_hold(HeldLine::Query(peer.clone())) {
            self.query(peer);
        } else if let super::KeyState::Damaged(why) = &self.key {
            let why = why.clone();
            self.say(Style::Bad, why);
            if let Some(conversation) = self.conversations.get_mut(peer) {
                conversation.asked = None;
            }
            self.give_back(peer, "your key cannot be read: see status");
        }
    }

    pub(super) fn query(&mut self, peer: &Peer) {
        let Some(nick) = self.conversations.get(peer).map(|c| c.nick.clone()) else { return };
        let query = self.otr.query();
        self.send_line(&nick, query);
    }

    /// `finish`: back to clear text; the peer is told.
    pub(crate) fn finish(&mut self, peer: &Peer) {
        let events = self.otr.finish(peer);
        self.events(events);
        self.fragments.forget(peer);
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let was = std::mem::replace(&mut conversation.phase, Phase::Clear);
        let asked = conversation.asked.take().is_some();
        conversation.smp = SmpState::Idle;
        conversation.offer = Offer::Declined;
        let aliases = std::mem::take(&mut conversation.aliases);
        let nick = conversation.nick.clone();
        for nick in aliases.iter().chain([&nick]) {
            self.open(nick);
        }
        self.held.retain(|held| !matches!(held, HeldLine::Query(waiting) if waiting == peer));
        self.give_back(peer, "the conversation was finished");
        match was {
            Phase::Clear if asked => {
                self.say_of(&nick, Style::Plain, "No longer asking for a private conversation.")
            }
            Phase::Clear => self.say_of(&nick, Style::Plain, "There is no private conversation."),
            _ if self.is_required(peer) => self.say_of(
                &nick,
                Style::Warn,
                "The private conversation is finished. The policy is required: what you type next asks for a new one, and waits for it.",
            ),
            _ => self.say_of(
                &nick,
                Style::Warn,
                "The private conversation is finished. What you type now goes out in clear.",
            ),
        }
        self.to_save.insert(StoredFile::Conversations);
    }

    /// After a connect: conversations that were private before a restart ask for a new session,
    /// each once.
    pub(super) fn ask_blocked_anew(&mut self) {
        let not_yet =
            |c: &Conversation| matches!(c.phase, Phase::Blocked { asked_anew: false, .. });
        let mut blocked: Vec<Peer> =
            self.conversations.iter().filter(|(_, c)| not_yet(c)).map(|(p, _)| p.clone()).collect();
        blocked.sort();
        for peer in blocked {
            let Some(conversation) = self.conversations.get_mut(&peer) else { continue };
            if let Phase::Blocked { asked_anew, .. } = &mut conversation.phase {
                *asked_anew = true;
            }
            let nick = conversation.nick.clone();
            self.say_of(
                &nick,
                Style::Warn,
                "The private conversation was interrupted; asking for a new session.",
            );
            self.ask(&peer);
        }
    }

    pub(super) fn events(&mut self, events: Vec<Event>) {
        for event in events {
            self.event(event);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Inject { peer, line } => {
                if let Some(nick) = self.conversations.get(&peer).map(|c| c.nick.clone())
                    && self.network.connected
                {
                    self.send_line(&nick, line);
                }
            }
            Event::Private { peer, instance, fingerprint, version, .. } => {
                self.went_private(&peer, instance, fingerprint, version);
            }
            Event::Refreshed { peer, instance, fingerprint } => {
                self.refreshed(&peer, instance, fingerprint)
            }
            Event::Ended { peer, instance } => self.ended(&peer, instance),
            Event::Smp { peer, instance, event } => self.smp_event(&peer, instance, event),
            Event::Unreadable { peer, .. } => self.note_of(
                &peer,
                Style::Warn,
                "An encrypted message came that these session keys cannot open. \
                 If it goes on, use refresh.",
            ),
            Event::NotPrivate { ignorable: true, .. } => {}
            Event::NotPrivate { peer, .. } => self.unreadable(&peer),
            Event::Malformed { peer } => self.damaged_message(&peer),
            Event::OtherInstance { peer } => self.note_of(
                &peer,
                Style::Warn,
                "A message came that was encrypted to another of your OTR clients.",
            ),
            Event::Unencrypted { peer, text } => self.unencrypted(&peer, text),
            Event::ErrorFromPeer { peer, text } => {
                let words = quote(&text);
                self.note_of(
                    &peer,
                    Style::Warn,
                    format!("Their OTR reports an error, in their words: {words}"),
                );
            }
            Event::SetupFailed { peer, reason } => {
                self.note_of(
                    &peer,
                    Style::Bad,
                    format!(
                        "No private conversation could be set up: {}",
                        quote(reason.as_bytes())
                    ),
                );
            }
            Event::Reflected { peer } => {
                self.note_of(&peer, Style::Warn, "Your own OTR message came back.");
            }
            Event::TooManyInstances { peer } => self.note_of(
                &peer,
                Style::Warn,
                "They use too many OTR clients at once: a message was dropped.",
            ),
            Event::KeyNeeded { peer } => {
                self.held.push(HeldLine::Query(peer));
                self.held.truncate(limits::HELD_FOR_KEY);
                self.need_key();
            }
            Event::FingerprintsChanged => {
                self.to_save.insert(StoredFile::Fingerprints);
            }
            Event::InstagsChanged => {
                self.to_save.insert(StoredFile::InstanceTag);
            }
        }
    }

    fn unencrypted(&mut self, peer: &Peer, text: Vec<u8>) {
        let Some(nick) = self.conversations.get(peer).map(|c| c.nick.clone()) else { return };
        if let Ok(from) = proto::irc::Source::new(nick.as_bytes()) {
            let text = proto::irc::Text::new(text);
            self.clear_marked(&proto::shim::IncomingMessage {
                from,
                kind: proto::shim::MessageKind::Text,
                text,
            });
        }
    }
}
