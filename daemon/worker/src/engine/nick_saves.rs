//! When changes of nicks are written down: at once, unless a server or a peer sends them without end.
//! Then they are written together, once a second, so that a flood of NICK costs no disk write each.
//!
//! Nobody is opened by a crash in that second: the module closes the new nick by itself, keeps that in
//! its registry, and says so in its next `hello`.

use super::Engine;
use crate::limits::{self, TokenBucket};
use crate::store::StoredFile;
use std::time::Duration;

/// The allowance, and what is over it.
pub(super) struct NickSaves {
    at_once: TokenBucket,
    due: Option<Duration>,
}

impl Default for NickSaves {
    fn default() -> Self {
        let at_once = TokenBucket::new(limits::NICK_SAVES_BURST, limits::NICK_SAVES_EVERY);
        Self { at_once, due: None }
    }
}

impl NickSaves {
    /// When [`Engine::save_nick_changes`] has something to do.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }
}

impl Engine {
    /// A conversation went along with its peer to another nick.
    pub(super) fn nick_changed(&mut self) {
        let now = self.now.mono;
        if self.nick_saves.due.is_none() && self.nick_saves.at_once.take(now) {
            return self.save_nick_changes_now();
        }
        self.nick_saves.due.get_or_insert(now + limits::NICK_SAVES_EVERY);
    }

    /// Writes what waited long enough.
    pub(super) fn save_nick_changes(&mut self) {
        if self.nick_saves.due.is_some_and(|due| due <= self.now.mono) {
            self.save_nick_changes_now();
        }
    }

    /// Writes the files in which nicks stand.
    pub(super) fn save_nick_changes_now(&mut self) {
        self.nick_saves.due = None;
        self.to_save.extend([StoredFile::Conversations, StoredFile::Fingerprints]);
    }
}
