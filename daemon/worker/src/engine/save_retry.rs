//! Files that could not be written: tried again until they can be.

use super::Engine;
use super::messages::Message;
use crate::limits;
use crate::store::StoredFile;
use std::time::Duration;

/// A file that could not be written.
pub struct SaveRetry {
    /// When to try again.
    due: Duration,
    /// Was tried, and nothing bad was heard since.
    tried: bool,
}

impl Engine {
    /// Told once, not at each try.
    pub(super) fn not_saved(&mut self, name: StoredFile, why: &str) {
        let due = self.now.mono + limits::SAVE_AGAIN;
        if self.save_retries.insert(name, SaveRetry { due, tried: false }).is_some() {
            return;
        }
        let what = match name {
            StoredFile::Key => "your private key: it will be gone after a restart",
            StoredFile::Fingerprints => "known fingerprints and their trust",
            StoredFile::InstanceTag => "your instance tag",
            StoredFile::Conversations => {
                "which conversations are private: after a restart they would not be blocked for clear text"
            }
            StoredFile::Settings => "your settings",
        };
        self.report(Message::NotSaved { what: what.into(), why: why.into() });
    }

    pub(super) fn save_again(&mut self) {
        let now = self.now.mono;
        let due: Vec<StoredFile> = self
            .save_retries
            .iter()
            .filter(|(_, file)| file.due <= now)
            .map(|(name, _)| *name)
            .collect();
        for name in due {
            if self.save_retries.get(&name).is_some_and(|file| file.tried) {
                self.save_retries.remove(&name);
                continue;
            }
            let due = now + limits::SAVE_AGAIN;
            self.save_retries.insert(name, SaveRetry { due, tried: true });
            self.to_save.insert(name);
        }
    }

    /// Once nothing bad was heard of the key's file, its copy is wiped.
    pub(super) fn forget_saved_key(&mut self) {
        if !self.save_retries.contains_key(&StoredFile::Key) {
            self.key_not_on_disk = None;
        }
    }

    pub(super) fn save_due(&self) -> Option<Duration> {
        self.save_retries.values().map(|file| file.due).min()
    }
}
