//! Our own key is made in the background the first time one is needed, or when the user says so.

use super::messages::Message;
use super::own_key::{HeldLine, KeyState};
use super::{Action, Engine, own_key};
use crate::store::StoredFile;
use crate::text::date;
use zeroize::Zeroizing;

impl Engine {
    /// `genkey [--overwrite]`.
    pub(super) fn genkey(&mut self, overwrite: bool) {
        match self.own_key.state() {
            KeyState::Generating { since, .. } => {
                let took = self.now.mono.saturating_sub(*since);
                self.output.report(Message::MakingAlready { seconds: took.as_secs().to_string() });
            }
            KeyState::None => {
                self.output.report(Message::MakingFirstKey {});
                self.own_key.generate(false, self.now.mono, &mut self.output);
            }
            KeyState::Ready | KeyState::Damaged(_) if !overwrite => {
                let fingerprint = own_key::fingerprint_or_why(&self.otr);
                self.output.report(Message::KeyThere { fingerprint });
            }
            KeyState::Ready | KeyState::Damaged(_) => {
                self.close_all();
                self.output.report(Message::MakingNewKey {});
                self.own_key.generate(true, self.now.mono, &mut self.output);
            }
        }
    }

    pub(super) fn key_made(&mut self, file: &[u8]) {
        let Some(replaces) = self.own_key.replaces() else { return };
        if replaces {
            // What became private with the old key meanwhile ends, and nobody said that it may go on
            // in clear.
            self.close_all();
        }
        if let Err(error) = self.otr.load_key(file) {
            return self.key_failed(&error.to_string());
        }
        let file = Zeroizing::new(file.to_vec());
        self.persistence.replaced(StoredFile::Key);
        self.output.push(match replaces {
            true => Action::Replace(StoredFile::Key, date::day(self.now.wall), file.clone()),
            false => Action::Save(StoredFile::Key, file.clone()),
        });
        let made = self.own_key.made(file, self.now.mono);
        if let Some(own) = self.otr.own_fingerprint() {
            self.key_dates.made(own, self.now.wall);
            self.persistence.changed(StoredFile::Conversations);
        }
        let seconds = format!("{:.1}", made.took.as_secs_f32());
        let fingerprint = own_key::fingerprint_or_why(&self.otr);
        self.output.report(Message::KeyReady { seconds, fingerprint });
        for held in made.held {
            self.resume(held);
        }
    }

    fn resume(&mut self, held: HeldLine) {
        match held {
            HeldLine::Query(peer) => self.query(&peer),
            HeldLine::In(message, what) => {
                if let Some(peer) = self.conversations.peer(message.from.nick().as_bytes()) {
                    self.receive(&peer, &message, &what);
                }
            }
        }
    }

    pub(super) fn key_failed(&mut self, why: &str) {
        let Some(asked) = self.own_key.failed(self.otr.has_key()) else { return };
        self.output.report(Message::KeyFailed { why: why.to_owned() });
        for peer in asked {
            if let Some(conversation) = self.conversations.get_mut(&peer) {
                conversation.asks_no_longer();
            }
            self.conversations.give_back(&peer, &Message::BackKeyFailed {}, &mut self.output);
        }
    }
}
