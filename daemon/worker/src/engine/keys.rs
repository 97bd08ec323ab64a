//! Our own key: made in the background the first time one is needed, or when the user says so.

use super::conversation::HeldLine;
use super::messages::Message;
use super::{Action, Engine};
use crate::store::StoredFile;
use crate::text::date;
use otr::Peer;
use std::time::Duration;
use zeroize::Zeroizing;

/// Whether there is a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Not yet.
    None,
    /// One is being made; an old one may still be in use.
    Generating {
        /// Since when.
        since: Duration,
        /// The new key takes an old one's place.
        replaces: bool,
        /// What was wrong with the old one's file, where something was.
        damage: Option<String>,
    },
    /// There is.
    Ready,
    /// There is a file, and it cannot be used: why, and what to do.
    Damaged(String),
}

impl KeyState {
    /// For `status`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Generating { .. } => "generating",
            Self::Ready => "ready",
            Self::Damaged(_) => "damaged",
        }
    }
}

impl Engine {
    /// Starts a generation unless one runs.
    pub(crate) fn need_key(&mut self) {
        if self.key != KeyState::None {
            return;
        }
        self.report(Message::MakingKey {});
        self.generate(false);
    }

    fn generate(&mut self, replaces: bool) {
        let damage = match std::mem::replace(&mut self.key, KeyState::None) {
            KeyState::Damaged(why) => Some(why),
            _ => None,
        };
        self.key = KeyState::Generating { since: self.now.mono, replaces, damage };
        self.actions.push(Action::Keygen);
    }

    /// `genkey [--overwrite]`.
    pub(crate) fn genkey(&mut self, overwrite: bool) {
        match &self.key {
            KeyState::Generating { since, .. } => {
                let seconds = self.now.mono.saturating_sub(*since).as_secs();
                self.report(Message::MakingAlready { seconds: seconds.to_string() });
            }
            KeyState::None => {
                self.report(Message::MakingFirstKey {});
                self.generate(false);
            }
            KeyState::Ready | KeyState::Damaged(_) if !overwrite => {
                let fingerprint = self.own_fingerprint();
                self.report(Message::KeyThere { fingerprint });
            }
            KeyState::Ready | KeyState::Damaged(_) => {
                self.close_all();
                self.report(Message::MakingNewKey {});
                self.generate(true);
            }
        }
    }

    /// Ends every private conversation; how many there were.
    pub(crate) fn finish_all(&mut self) -> usize {
        let open = self.not_clear();
        for peer in &open {
            self.finish(peer);
        }
        open.len()
    }

    pub(super) fn key_made(&mut self, file: &[u8]) {
        let KeyState::Generating { since, replaces, .. } = self.key else { return };
        if replaces {
            // What became private with the old key meanwhile ends, and nobody said that it may go on
            // in clear.
            self.close_all();
        }
        if let Err(error) = self.otr.load_key(file) {
            return self.key_failed(&error.to_string());
        }
        if replaces {
            self.actions.push(Action::SetAside(StoredFile::Key, date::day(self.now.wall)));
        }
        let file = Zeroizing::new(file.to_vec());
        self.key_not_on_disk = Some(file.clone());
        self.actions.push(Action::Save(StoredFile::Key, file));
        self.key = KeyState::Ready;
        if let Some(own) = self.otr.own_fingerprint() {
            self.key_dates.made(own, self.now.wall);
            self.to_save.insert(StoredFile::Conversations);
        }
        let seconds = self.now.mono.saturating_sub(since).as_secs_f32();
        let fingerprint = self.own_fingerprint();
        self.report(Message::KeyReady { seconds: format!("{seconds:.1}"), fingerprint });
        for held in std::mem::take(&mut self.held) {
            self.resume(held);
        }
    }

    fn resume(&mut self, held: HeldLine) {
        match held {
            HeldLine::Query(peer) => self.query(&peer),
            HeldLine::In(message, step) => {
                if let Some(peer) = self.peer(message.from.nick().as_bytes()) {
                    self.receive(&peer, &message, step);
                }
            }
        }
    }

    pub(super) fn key_failed(&mut self, why: &str) {
        let KeyState::Generating { damage, .. } = &mut self.key else { return };
        // A file that is of no use is still not to be written over.
        self.key = match damage.take() {
            Some(why) => KeyState::Damaged(why),
            None if self.otr.has_key() => KeyState::Ready,
            None => KeyState::None,
        };
        self.report(Message::KeyFailed { why: why.to_owned() });
        let waiting: Vec<Peer> = std::mem::take(&mut self.held)
            .into_iter()
            .filter_map(|held| match held {
                HeldLine::Query(peer) => Some(peer),
                HeldLine::In(..) => None,
            })
            .collect();
        for peer in waiting {
            if let Some(conversation) = self.conversations.get_mut(&peer) {
                conversation.asked = None;
            }
            self.give_back(&peer, &Message::BackKeyFailed {});
        }
    }

    /// Our fingerprint, or why there is none.
    pub(crate) fn own_fingerprint(&self) -> String {
        match self.otr.own_fingerprint() {
            Some(fingerprint) => fingerprint.to_string(),
            None => "none yet (a key is made the first time one is needed, or by genkey)".into(),
        }
    }
}
