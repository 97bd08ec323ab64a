//! A session asked for and finished, and what libotr says of it.

use super::conversation::Ended;
use super::messages::Message;
use super::own_key::HeldLine;
use super::{Engine, Policy, known_keys};
use crate::limits;
use crate::store::StoredFile;
use crate::text::sanitize::quote;
use otr::{Event, Peer};
use proto::irc::Nick;

impl Engine {
    /// `start`: asks the peer for a private conversation.
    pub(super) fn start(&mut self, nick: &Nick) {
        let Some(peer) = self.nicks().meet(nick) else { return };
        let (policy, rule) = self.peers().policy_and_rule(&peer);
        if policy == Policy::Never {
            return self.output.report_of(nick, Message::OtrOff { rule: rule.to_string() });
        }
        if !self.output.online_or_say(nick) {
            return;
        }
        let Some(conversation) = self.conversations.get_mut(&peer) else { return };
        if conversation.private().is_some_and(|p| !p.held) {
            let name = quote(nick.as_bytes());
            return self.output.report_of(nick, Message::AlreadyPrivate { name });
        }
        conversation.allowances_mut().user_asks();
        if !conversation.is_asking() {
            self.output.report_of(nick, Message::Asking {});
        }
        self.ask(&peer);
    }

    /// `refresh`: new session keys, or a new session.
    pub(super) fn refresh(&mut self, nick: &Nick) {
        let Some(peer) = self.nicks().meet(nick) else { return };
        let private = self.conversations.get(&peer).is_some_and(|c| c.is_private());
        if !private {
            return self.start(nick);
        }
        if self.output.online_or_say(nick) {
            self.output.report_of(nick, Message::AskingKeys {});
            if let Some(conversation) = self.conversations.get_mut(&peer) {
                conversation.allowances_mut().user_asks();
            }
            if self.own_key.is_there_or_hold(
                HeldLine::Query(peer.clone()),
                self.now.mono,
                &mut self.output,
            ) {
                self.query(&peer);
            }
        }
    }

    /// Sends our query, or lets it wait for our key; what is typed from now on waits.
    pub(super) fn ask(&mut self, peer: &Peer) {
        let now = self.now.mono;
        if let Some(conversation) = self.conversations.get_mut(peer) {
            conversation.asks(now);
            self.persistence.changed(StoredFile::Conversations);
        }
        if self.own_key.is_there_or_hold(
            HeldLine::Query(peer.clone()),
            self.now.mono,
            &mut self.output,
        ) {
            self.query(peer);
        } else if let Some(why) = self.own_key.damage().map(str::to_owned) {
            self.output.report(Message::KeyUnusable { why });
            if let Some(conversation) = self.conversations.get_mut(peer) {
                conversation.asks_no_longer();
            }
            self.conversations.give_back(peer, &Message::BackKeyUnreadable {}, &mut self.output);
        }
    }

    /// `finish`: back to clear text; the peer is told.
    pub(super) fn finish(&mut self, peer: &Peer) {
        self.end_sessions(peer);
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let (ended, nicks) = conversation.ended_by_user();
        let nick = conversation.nick().clone();
        for nick in &nicks {
            self.open(nick);
        }
        self.own_key.ask_no_longer(peer);
        self.conversations.give_back(peer, &Message::BackFinished {}, &mut self.output);
        match ended {
            Ended::Asking => self.output.report_of(&nick, Message::AskingNoLonger {}),
            Ended::Nothing => self.output.report_of(&nick, Message::NothingPrivate {}),
            Ended::Conversation if self.peers().is_required(peer) => {
                self.output.report_of(&nick, Message::FinishedRequired {});
            }
            Ended::Conversation => self.output.report_of(&nick, Message::Finished {}),
        }
        self.persistence.changed(StoredFile::Conversations);
    }

    /// Stops asking for a private conversation; what waited for it comes back. Unlike `finish`, it is not the
    /// user's word that text may go out in clear.
    pub(super) fn withdraw(&mut self, peer: &Peer) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let asked = conversation.withdraws();
        let nick = conversation.nick().clone();
        self.own_key.ask_no_longer(peer);
        self.conversations.give_back(peer, &Message::BackKeyReplaced {}, &mut self.output);
        if asked {
            self.output.report_of(&nick, Message::AskingNoLonger {});
        }
        self.persistence.changed(StoredFile::Conversations);
    }

    /// After a connect: conversations that were private before a restart ask for a new session,
    /// each once. Those with trusted keys come first, and some wait for their turn: a stranger may have
    /// made hundreds.
    pub(super) fn ask_blocked_anew(&mut self) {
        self.ask_anew_at = None;
        if !self.output.module().is_online() {
            return;
        }
        let mut blocked: Vec<Peer> = self
            .conversations
            .iter()
            .filter(|(_, conversation)| conversation.phase().is_to_ask_anew())
            .map(|(peer, _)| peer.clone())
            .filter(|peer| self.peers().policy(peer) != Policy::Never)
            .collect();
        blocked.sort_by_key(|peer| (!self.known.trusts(peer), peer.clone()));
        for peer in blocked {
            if !self.allowances.asking_anew.take(self.now.mono) {
                self.ask_anew_at = Some(self.now.mono + limits::ASKING_ANEW_EVERY);
                return;
            }
            self.ask_anew(&peer);
        }
    }

    /// Asks for a new session in place of one that a restart interrupted.
    pub(super) fn ask_anew(&mut self, peer: &Peer) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        conversation.asks_anew();
        let nick = conversation.nick().clone();
        self.output.report_of(&nick, Message::AskingAnew {});
        self.ask(peer);
    }

    /// What libotr did with a peer.
    pub(super) fn events(&mut self, peer: &Peer, events: Vec<Event>) {
        for event in events {
            self.event(peer, event);
        }
    }

    fn event(&mut self, peer: &Peer, event: Event) {
        match event {
            Event::Inject { line } => {
                if let Some(nick) = self.conversations.get(peer).map(|c| c.nick().clone())
                    && self.output.module().is_online()
                {
                    self.output.send_line(&nick, line);
                }
            }
            Event::Private { instance, fingerprint, version } => {
                known_keys::met(&mut self.known, peer, fingerprint, &mut self.persistence);
                self.went_private(peer, instance, fingerprint, version);
            }
            Event::Refreshed { instance, fingerprint } => {
                known_keys::met(&mut self.known, peer, fingerprint, &mut self.persistence);
                self.refreshed(peer, instance, fingerprint)
            }
            Event::Ended { instance } => self.ended(peer, instance),
            Event::Smp { instance, event } => self.smp_event(peer, instance, event),
            Event::Unreadable { .. } => self.report_seldom(peer, Message::Unreadable {}),
            Event::NotPrivate { ignorable: true, .. } => {}
            Event::NotPrivate { .. } => self.unreadable(peer),
            Event::Malformed => self.report_seldom(peer, Message::Damaged {}),
            Event::OtherInstance => self.report_seldom(peer, Message::ForAnotherClient {}),
            Event::Unencrypted { text } => self.unencrypted(peer, text),
            Event::ErrorFromPeer { text } => {
                let words = quote(&text);
                self.report_seldom(peer, Message::TheirError { words });
            }
            Event::SetupFailed { reason } => {
                self.report_seldom(peer, Message::SetupFailed { reason: quote(reason.as_bytes()) });
            }
            Event::Reflected => self.report_seldom(peer, Message::Reflected {}),
            Event::TooManyInstances => self.report_seldom(peer, Message::TooManyClients {}),
            Event::KeyNeeded => {
                self.own_key.is_there_or_hold(
                    HeldLine::Query(peer.clone()),
                    self.now.mono,
                    &mut self.output,
                );
            }
            Event::InstagsChanged => {
                self.persistence.changed(StoredFile::InstanceTag);
            }
        }
    }

    fn unencrypted(&mut self, peer: &Peer, text: Vec<u8>) {
        let Some(nick) = self.conversations.get(peer).map(|c| c.nick().clone()) else { return };
        if let Ok(from) = proto::irc::Source::new(nick.as_bytes()) {
            let text = proto::irc::Text::new(text);
            self.output.clear_marked(&proto::shim::IncomingMessage {
                from,
                kind: proto::shim::MessageKind::Text,
                text,
            });
        }
    }
}
