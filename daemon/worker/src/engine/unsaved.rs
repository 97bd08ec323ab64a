//! Files that could not be written: tried again until they can be.

use super::Engine;
use crate::limits;
use crate::store::Name;
use proto::shim::Style;
use std::time::Duration;

/// A file that could not be written.
pub struct Unsaved {
    /// When to try again.
    due: Duration,
    /// Was tried, and nothing bad was heard since.
    tried: bool,
}

impl Engine {
    /// Told once, not at each try.
    pub(super) fn not_saved(&mut self, name: Name, why: &str) {
        let due = self.now.mono + limits::SAVE_AGAIN;
        if self.not_saved.insert(name, Unsaved { due, tried: false }).is_some() {
            return;
        }
        let what = match name {
            Name::Key => "your private key: it will be gone after a restart",
            Name::Fingerprints => "known fingerprints and their trust",
            Name::InstanceTag => "your instance tag",
            Name::Conversations => {
                "which conversations are private: after a restart they would not be blocked for clear text"
            }
            Name::Settings => "your settings",
        };
        self.say(
            Style::Bad,
            format!("Could not save {what} ({why}). It is tried again every minute: ask the admin to look at the disk."),
        );
    }

    pub(super) fn save_again(&mut self) {
        let now = self.now.mono;
        let due: Vec<Name> = self
            .not_saved
            .iter()
            .filter(|(_, file)| file.due <= now)
            .map(|(name, _)| *name)
            .collect();
        for name in due {
            if self.not_saved.get(&name).is_some_and(|file| file.tried) {
                self.not_saved.remove(&name);
                continue;
            }
            let due = now + limits::SAVE_AGAIN;
            self.not_saved.insert(name, Unsaved { due, tried: true });
            self.unsaved.insert(name);
        }
    }

    /// Once nothing bad was heard of the key's file, its copy is wiped.
    pub(super) fn forget_saved_key(&mut self) {
        if !self.not_saved.contains_key(&Name::Key) {
            self.unsaved_key = None;
        }
    }

    pub(super) fn save_due(&self) -> Option<Duration> {
        self.not_saved.values().map(|file| file.due).min()
    }
}
