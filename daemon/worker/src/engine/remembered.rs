//! `conversations.json`: whom nothing may go to in clear, over restarts, and when keys were used.

use super::conversation::{Conversation, Phase};
use super::key_dates::{KeyDates, Written};
use otr::{Fingerprint, Peer};
use proto::irc::Nick;
use serde::{Deserialize, Serialize};

/// The contents of `conversations.json`.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Remembered {
    version: u32,
    pub(super) conversations: Vec<RememberedOne>,
    /// There were too many: everybody is closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) everybody: bool,
    /// When keys were made and used.
    #[serde(default, skip_serializing_if = "Written::is_empty")]
    pub(super) dates: Written,
}

/// One nick that is closed.
#[derive(Serialize, Deserialize)]
pub(super) struct RememberedOne {
    pub(super) nick: Nick,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// The nick that the conversation went on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<Nick>,
    /// The peer ended it before.
    #[serde(default)]
    finished: bool,
}

impl Remembered {
    /// What is to be remembered of these conversations. `required` says of whom the settings see to
    /// it that nothing goes out in clear.
    pub(super) fn of<'a>(
        conversations: impl Iterator<Item = (&'a Peer, &'a Conversation)>,
        required: impl Fn(&Peer) -> bool,
        everybody: bool,
        dates: &KeyDates,
    ) -> Self {
        let mut remembered = Vec::new();
        for (peer, conversation) in conversations {
            remembered.extend(RememberedOne::of(conversation, || required(peer)));
            remembered.extend(conversation.aliases().iter().cloned().map(RememberedOne::closed));
        }
        remembered.sort_by(|a, b| a.nick.cmp(&b.nick));
        Self { version: 1, conversations: remembered, everybody, dates: dates.written() }
    }
}

impl RememberedOne {
    /// Nothing is known of it but that it is closed.
    fn closed(nick: Nick) -> Self {
        Self { nick, fingerprint: None, moved: None, finished: false }
    }

    fn of(conversation: &Conversation, required: impl Fn() -> bool) -> Option<Self> {
        let (fingerprint, moved) = match conversation.phase() {
            // What was asked for is not forgotten.
            Phase::Clear if conversation.is_asking() && !required() => (None, None),
            Phase::Clear => return None,
            Phase::Private(private) => (Some(private.fingerprint), None),
            Phase::Blocked { fingerprint, .. } => (*fingerprint, None),
            Phase::Finished => (None, None),
            Phase::Moved { to } => (None, Some(to.clone())),
        };
        Some(Self {
            fingerprint: fingerprint.map(|fingerprint| fingerprint.to_hex()),
            moved,
            // Where another one was asked for, it is to be asked for again.
            finished: *conversation.phase() == Phase::Finished && !conversation.is_asking(),
            ..Self::closed(conversation.nick().clone())
        })
    }

    /// How it stands after a restart.
    pub(super) fn phase(&self) -> Phase {
        match (&self.moved, self.finished) {
            (Some(to), _) => Phase::Moved { to: to.clone() },
            (None, true) => Phase::Finished,
            (None, false) => Phase::Blocked {
                fingerprint: self.fingerprint.as_deref().and_then(Fingerprint::from_hex),
                asked_anew: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use otr::Handle;
    use std::time::Duration;

    fn conversation(nick: &str, phase: Phase) -> Conversation {
        let nick = Nick::new(nick.as_bytes()).unwrap();
        match phase {
            Phase::Clear => Conversation::new(nick, Handle::new(1), Duration::ZERO),
            phase => Conversation::closed(nick, Handle::new(1), phase, Duration::ZERO),
        }
    }

    fn again(conversations: &[Conversation], required: bool) -> Vec<(String, Phase)> {
        let named = conversations.iter().map(|c| (Peer::new(c.nick().as_bytes()).unwrap(), c));
        let named: Vec<_> = named.collect();
        let listed = named.iter().map(|(peer, conversation)| (peer, *conversation));
        let dates = KeyDates::default();
        let json = serde_json::to_vec(&Remembered::of(listed, |_| required, false, &dates));
        let read: Remembered = serde_json::from_slice(&json.unwrap()).unwrap();
        let name = |one: &RememberedOne| String::from_utf8(one.nick.as_bytes().to_vec()).unwrap();
        read.conversations.iter().map(|one| (name(one), one.phase())).collect()
    }

    #[test]
    fn who_is_closed_stays_closed_and_nobody_else() {
        let fingerprint = Some(Fingerprint::from_bytes([7; 20]));
        let blocked = |fingerprint| Phase::Blocked { fingerprint, asked_anew: false };
        let asked = || {
            let mut dora = conversation("dora", Phase::Clear);
            dora.asks(Duration::ZERO);
            dora
        };
        let mut moved = conversation("e\\e", Phase::Moved { to: Nick::new("eve").unwrap() });
        moved.also_closed(Nick::new("e|e").unwrap());
        let all = [
            conversation("clear", Phase::Clear),
            conversation("bob", Phase::Blocked { fingerprint, asked_anew: true }),
            conversation("carol", Phase::Finished),
            asked(),
            moved,
        ];
        let expected = [
            ("bob", blocked(fingerprint)),
            ("carol", Phase::Finished),
            ("dora", blocked(None)),
            ("e\\e", Phase::Moved { to: Nick::new("eve").unwrap() }),
            ("e|e", blocked(None)),
        ];
        let expected = expected.map(|(nick, phase)| (nick.to_owned(), phase));
        assert_eq!(again(&all, false), expected);
        assert_eq!(again(&[asked()], true), []);
    }
}
