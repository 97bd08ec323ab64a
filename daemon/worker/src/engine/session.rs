//! What libotr said, and what follows for the conversation.

use super::conversation::{HeldLine, Offer, SmpState};
use super::{Conversation, Engine, Phase, Policy, Private};
use crate::limits::{self, Bucket};
use crate::store::Name;
use crate::text::clean::quote;
use otr::{Asker, Event, Fingerprint, Peer, Proof, Smp, Trust, Version};
use proto::shim::Style;
use proto::text::Nick;

impl Engine {
    /// `start`: asks the peer for a private conversation.
    pub(crate) fn start(&mut self, nick: &Nick) {
        let Some(peer) = self.meet(nick) else { return };
        let (policy, rule) = self.policy(&peer);
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
            // What we ask for is not to be refused for what the peer asked before.
            conversation.key_exchanges = Bucket::new(limits::AKE_BURST, limits::AKE_EVERY);
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
        self.send_line(&nick, &query);
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
        conversation.aliases.clear();
        let nick = conversation.nick.clone();
        self.held.retain(|held| !matches!(held, HeldLine::Query(waiting) if waiting == peer));
        self.give_back(peer, "the conversation was finished");
        match was {
            Phase::Clear if asked => {
                self.say_of(&nick, Style::Plain, "No longer asking for a private conversation.")
            }
            Phase::Clear => self.say_of(&nick, Style::Plain, "There is no private conversation."),
            _ => self.say_of(
                &nick,
                Style::Warn,
                "The private conversation is finished. What you type now goes out in clear.",
            ),
        }
        self.unsaved.insert(Name::Conversations);
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
                    self.send_line(&nick, &line);
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
                self.unsaved.insert(Name::Fingerprints);
            }
            Event::InstagsChanged => {
                self.unsaved.insert(Name::InstanceTag);
            }
        }
    }

    fn unencrypted(&mut self, peer: &Peer, text: Vec<u8>) {
        let Some(nick) = self.conversations.get(peer).map(|c| c.nick.clone()) else { return };
        if let Ok(from) = proto::text::Mask::new(nick.as_bytes()) {
            let text = proto::text::Text::new(text);
            self.clear_marked(&proto::shim::In { from, kind: proto::shim::Kind::Text, text });
        }
    }

    fn went_private(
        &mut self,
        peer: &Peer,
        instance: u32,
        fingerprint: Fingerprint,
        version: Version,
    ) {
        let trust = self.otr.trust(peer, fingerprint).unwrap_or_default();
        let other = self.is_other_key(peer, fingerprint);
        let wall = self.now.wall;
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let pinned = match &conversation.phase {
            Phase::Private(private) => Some(private.fingerprint),
            Phase::Blocked { fingerprint, .. } => *fingerprint,
            _ => None,
        };
        let moved = matches!(conversation.phase, Phase::Moved { .. });
        let changed = !trust.is_trusted()
            && (other || moved || pinned.is_some_and(|pinned| pinned != fingerprint));
        let again = conversation
            .private()
            .is_some_and(|p| p.fingerprint == fingerprint && p.instance == instance);
        // A conversation held for its new key stays held when the same key comes again.
        let held = changed
            || (again && conversation.private().is_some_and(|p| p.held) && !trust.is_trusted());
        let since = match conversation.private() {
            Some(private) if again => private.since,
            _ => wall,
        };
        conversation.phase =
            Phase::Private(Private { fingerprint, instance, version, since, held });
        conversation.asked = None;
        conversation.smp = SmpState::Idle;
        conversation.gone = false;
        let nick = conversation.nick.clone();
        self.unsaved.insert(Name::Conversations);
        self.announce(&nick, &fingerprint, version, &trust, held);
        self.release(peer);
    }

    /// Whether a key that nobody vouched for comes where another one is known. Without trust, the
    /// key that was there first is the peer's: one that came later is a change each time it
    /// comes, until it is trusted.
    pub(super) fn is_other_key(&self, peer: &Peer, fingerprint: Fingerprint) -> bool {
        let known = self.otr.known_of(peer);
        let this = |k: &&otr::Known| k.fingerprint == fingerprint;
        let trusted = known.iter().find(this).is_some_and(|k| k.trust.is_trusted());
        let first = known.last().is_none_or(|k| k.fingerprint == fingerprint);
        !trusted
            && (!first
                || known.iter().any(|k| k.fingerprint != fingerprint && k.trust.is_trusted()))
    }

    /// What the user is told when a conversation becomes private.
    fn announce(
        &mut self,
        nick: &Nick,
        fingerprint: &Fingerprint,
        version: Version,
        trust: &Trust,
        held: bool,
    ) {
        let name = quote(nick.as_bytes());
        if held {
            return self.announce_change(nick, fingerprint);
        }
        let version = match version {
            Version::V2 => "OTRv2",
            Version::V3 => "OTRv3",
        };
        if trust.is_trusted() {
            self.say_of(
                nick,
                Style::Good,
                format!("The conversation is private now ({version}), with a key that you trust."),
            );
        } else {
            self.say_of(nick, Style::Good, format!("The conversation is private now ({version})."));
            self.say_of(nick, Style::Warn, format!("It is not authenticated: you do not know yet who is at the other end. Use auth {name} <secret>, or authq {name} [question] <secret>, or compare fingerprints and say trust {name}. Their fingerprint: {fingerprint}."));
        }
        self.warn_of_surroundings(nick);
    }

    pub(super) fn announce_change(&mut self, nick: &Nick, fingerprint: &Fingerprint) {
        let name = quote(nick.as_bytes());
        self.say_of(
            nick,
            Style::Bad,
            "THE KEY HAS CHANGED. This is not the key known of this nick: it may be somebody else.",
        );
        self.say_of(nick, Style::Bad, format!("New fingerprint: {fingerprint}. Nothing you type goes out until you say trust {name} (check over another channel first), or finish {name}."));
    }

    /// What else could give the conversation away.
    fn warn_of_surroundings(&mut self, nick: &Nick) {
        let prefix = self.network.status_prefix.clone();
        for logger in self.network.loggers.clone() {
            let (level, module) = logger.split_once('/').unwrap_or(("network", &logger));
            let (level, module) = (quote(level.as_bytes()), quote(module.as_bytes()));
            self.say_of(nick, Style::Warn, format!("The module {module} may write this conversation down: /msg {prefix}status unloadmod --type={level} {module}"));
        }
        if self.network.insecure_clients > 0 {
            self.say_of(nick, Style::Warn, "A client of yours is connected to ZNC without TLS: what you read and type can be read on the way.");
        }
        if !self.network.admin {
            self.say_of(
                nick,
                Style::Warn,
                "You do not administer this bouncer: whoever does can read this conversation.",
            );
        }
    }

    fn refreshed(&mut self, peer: &Peer, instance: u32, fingerprint: Fingerprint) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let same = conversation
            .private()
            .is_some_and(|p| p.fingerprint == fingerprint && p.instance == instance);
        if !same {
            let session = self.otr.sessions(peer).into_iter().find(|s| s.instance == instance);
            let version = session.map_or(Version::V3, |s| s.version);
            return self.went_private(peer, instance, fingerprint, version);
        }
        conversation.asked = None;
        conversation.gone = false;
        conversation.smp = SmpState::Idle;
        let nick = conversation.nick.clone();
        self.say_of(&nick, Style::Good, "The session keys are new.");
        self.release(peer);
    }

    fn ended(&mut self, peer: &Peer, instance: u32) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        if conversation.private().is_some_and(|p| p.instance != instance) {
            let nick = conversation.nick.clone();
            return self.say_of(
                &nick,
                Style::Plain,
                "They ended the private conversation on another of their clients.",
            );
        }
        if conversation.phase == Phase::Clear {
            return;
        }
        conversation.smp = SmpState::Idle;
        if self.goes_on_elsewhere(peer, instance) {
            return;
        }
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        conversation.phase = Phase::Finished;
        let nick = conversation.nick.clone();
        let name = quote(nick.as_bytes());
        self.unsaved.insert(Name::Conversations);
        self.say_of(&nick, Style::Warn, format!("They ended the private conversation. Nothing you type goes out until you say finish {name} (then in clear) or start {name} (a new one)."));
        self.give_back(peer, "the peer ended the private conversation");
    }

    /// Where the session in use ends, the newest of the peer's other clients takes its place: one
    /// with the same key that was heard since. An older one may be gone, and our words with it.
    fn goes_on_elsewhere(&mut self, peer: &Peer, ended: u32) -> bool {
        let sessions = self.otr.sessions(peer);
        let began = sessions.iter().find(|s| s.instance == ended).map(|s| s.since);
        let Some(conversation) = self.conversations.get_mut(peer) else { return false };
        let Phase::Private(private) = &mut conversation.phase else { return false };
        let newest = sessions
            .iter()
            .filter(|s| {
                s.instance != ended
                    && s.state == otr::State::Encrypted
                    && s.fingerprint == Some(private.fingerprint)
                    && began.is_some_and(|began| s.last_heard > began)
            })
            .max_by_key(|s| s.since);
        let Some(newest) = newest else { return false };
        private.instance = newest.instance;
        private.version = newest.version;
        let nick = conversation.nick.clone();
        self.say_of(
            &nick,
            Style::Warn,
            format!("They ended the private conversation on one of their clients. It goes on with another one, instance {:08x}.", newest.instance),
        );
        true
    }

    /// Makes our record agree with libotr where libotr has less than we believed.
    pub(super) fn reconcile(&mut self, peer: &Peer) {
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        let Some(private) = conversation.private().cloned() else { return };
        let alive = self.otr.sessions(peer).into_iter().any(|s| {
            s.instance == private.instance
                && s.state == otr::State::Encrypted
                && s.fingerprint == Some(private.fingerprint)
        });
        if !alive {
            conversation.phase =
                Phase::Blocked { fingerprint: Some(private.fingerprint), asked_anew: true };
            let nick = conversation.nick.clone();
            self.unsaved.insert(Name::Conversations);
            self.say_of(
                &nick,
                Style::Bad,
                "The session's keys are gone: nothing goes out until there is a new one.",
            );
        }
    }

    fn smp_event(&mut self, peer: &Peer, instance: u32, event: Smp) {
        let now = self.now.mono;
        let Some(conversation) = self.conversations.get_mut(peer) else { return };
        // An authentication says something of the session in use only.
        if conversation.private().is_none_or(|p| p.instance != instance) {
            return;
        }
        let nick = conversation.nick.clone();
        let name = quote(nick.as_bytes());
        match event {
            Smp::Asked { question } => {
                conversation.smp = SmpState::Asked;
                match question.as_deref().map(quote).filter(|q| !q.is_empty()) {
                    Some(question) => self.say_of(&nick, Style::Warn, format!("They ask you to authenticate, with this question, in their words: {question}")),
                    None => self.say_of(&nick, Style::Warn, "They ask you to authenticate with a secret that you both know."),
                }
                self.say_of(
                    &nick,
                    Style::Plain,
                    format!("Answer with auth {name} <secret>, or authabort {name}."),
                );
            }
            Smp::Progress(_) => {
                conversation.smp = SmpState::Running { since: now, told: false };
                self.say_of(&nick, Style::Plain, "Peer replied to authentication request.");
            }
            Smp::Verified(proof) => {
                conversation.smp = SmpState::Idle;
                self.verified(peer, &nick, proof);
            }
            Smp::Failed(proof) => {
                conversation.smp = SmpState::Idle;
                let who = match proof.asker {
                    Asker::We => "The secrets differ",
                    Asker::Peer => "The secrets differ: your answer was not theirs",
                };
                self.say_of(
                    &nick,
                    Style::Bad,
                    format!("Authentication failed. {who}. What you trust has not changed."),
                );
            }
            Smp::Aborted => {
                conversation.smp = SmpState::Idle;
                self.say_of(&nick, Style::Warn, "Authentication aborted by the peer.");
            }
            Smp::Cheated | Smp::Error => {
                conversation.smp = SmpState::Idle;
                self.say_of(&nick, Style::Bad, "Authentication was broken off: what came from the peer does not fit. Try again.");
            }
        }
    }

    fn verified(&mut self, peer: &Peer, nick: &Nick, proof: Proof) {
        let name = quote(nick.as_bytes());
        if !proof.proves_peer() {
            return self.say_of(nick, Style::Good, format!("Your answer was right: they have verified you. You have not verified them: use authq {name} [question] <secret>."));
        }
        self.say_of(nick, Style::Good, "Successfully authenticated.");
        let Some(fingerprint) =
            self.conversations.get(peer).and_then(|c| c.private()).map(|p| p.fingerprint)
        else {
            return;
        };
        self.trust_set(peer, fingerprint, Trust::SharedSecret);
    }

    /// Stores trust, and lets a conversation go on that waited for it.
    pub(crate) fn trust_set(
        &mut self,
        peer: &Peer,
        fingerprint: Fingerprint,
        trust: Trust,
    ) -> bool {
        let trusted = trust.is_trusted();
        if !self.otr.set_trust(peer, fingerprint, &trust) {
            return false;
        }
        self.unsaved.insert(Name::Fingerprints);
        let other = self.is_other_key(peer, fingerprint);
        if let Some(Conversation { phase: Phase::Private(private), nick, .. }) =
            self.conversations.get_mut(peer)
            && private.fingerprint == fingerprint
        {
            let was_held = private.held;
            private.held = !trusted && (was_held || other);
            let (held, nick) = (private.held, nick.clone());
            if held && !was_held {
                self.announce_change(&nick, &fingerprint);
            }
            self.release(peer);
        }
        true
    }

    pub(super) fn expire_smp(&mut self) {
        let now = self.now.mono;
        let mut silent = Vec::new();
        for peer in self.conversations.busy() {
            if let Some(conversation) = self.conversations.get_mut(&peer)
                && let SmpState::Running { since, told } = &mut conversation.smp
                && !*told
                && now >= *since + limits::SMP_SILENCE
            {
                *told = true;
                silent.push(conversation.nick.clone());
            }
        }
        for nick in silent {
            let name = quote(nick.as_bytes());
            self.say_of(&nick, Style::Warn, format!("No answer to the authentication for 3 minutes. It still waits; authabort {name} ends it."));
        }
    }
}
