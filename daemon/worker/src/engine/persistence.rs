//! Which files are to be written, and when.
//!
//! What a step changes is written at its end, before the module hears of it. Changes of nicks are the
//! exception: a server or a peer may send them without end, so over an allowance they are written
//! together, once a second. Nobody is opened by a crash in that second: the module closes the new nick
//! by itself, keeps that in its registry, and says so in its next `hello`.

use super::action::Action;
use super::messages::{Message, Phrase};
use super::output::Output;
use crate::limits::{self, TokenBucket};
use crate::store::StoredFile;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The files of an account that memory is ahead of.
pub(super) struct Persistence {
    changed: BTreeSet<StoredFile>,
    /// Damaged, and why. Never written over: the engine asks for each to be kept under another name.
    damaged: BTreeMap<StoredFile, String>,
    /// Of these, the ones for which that was not asked yet.
    unkept: BTreeSet<StoredFile>,
    /// Of which the user was told that they cannot be given another name.
    told: BTreeSet<StoredFile>,
    /// Files that could not be written.
    retries: BTreeMap<StoredFile, Retry>,
    nick_changes: TokenBucket,
    /// When changes of nicks over the allowance are written.
    nicks_due: Option<Duration>,
}

struct Retry {
    due: Duration,
    /// It was tried, and nothing bad was heard since.
    tried: bool,
}

impl Default for Persistence {
    fn default() -> Self {
        Self {
            changed: BTreeSet::new(),
            damaged: BTreeMap::new(),
            unkept: BTreeSet::new(),
            told: BTreeSet::new(),
            retries: BTreeMap::new(),
            nick_changes: TokenBucket::new(limits::NICK_SAVES_BURST, limits::NICK_SAVES_EVERY),
            nicks_due: None,
        }
    }
}

impl Persistence {
    /// To be written at the end of the step.
    pub(super) fn changed(&mut self, file: StoredFile) {
        self.changed.insert(file);
    }

    /// Written already, in a way of its own.
    pub(super) fn unchanged(&mut self, file: StoredFile) {
        self.changed.remove(&file);
    }

    /// A conversation went along with its peer to another nick.
    pub(super) fn nick_changed(&mut self, now: Duration) {
        if self.nicks_due.is_none() && self.nick_changes.take(now) {
            return self.nicks_changed();
        }
        self.nicks_due.get_or_insert(now + limits::NICK_SAVES_EVERY);
    }

    fn nicks_changed(&mut self) {
        self.nicks_due = None;
        self.changed.extend([StoredFile::Conversations, StoredFile::Fingerprints]);
    }

    /// What is put off is written now, and what could not be is tried once more: there may be no later.
    pub(super) fn put_nothing_off(&mut self) {
        if self.nicks_due.is_some() {
            self.nicks_changed();
        }
        self.changed.extend(self.retries.keys());
    }

    /// Whether a file could not be written, as far as is known.
    pub(super) fn is_behind(&self) -> bool {
        !self.retries.is_empty()
    }

    /// Damaged files that are to be given another name now, each once: before that, another start finds
    /// them as they are.
    pub(super) fn take_unkept(&mut self) -> BTreeSet<StoredFile> {
        std::mem::take(&mut self.unkept)
    }

    /// The file cannot be used, and is not written until [`Persistence::kept`] says where it went.
    pub(super) fn damaged(&mut self, file: StoredFile, why: String) {
        self.damaged.insert(file, why);
        self.unkept.insert(file);
    }

    /// A damaged file was given another name, or was not: that is asked again. Gives why it is damaged,
    /// where that is news.
    pub(super) fn kept(&mut self, file: StoredFile, under_another_name: bool) -> Option<String> {
        if under_another_name {
            return self.damaged.remove(&file);
        }
        self.unkept.insert(file);
        self.damaged.get(&file).filter(|_| self.told.insert(file)).cloned()
    }

    /// Somebody is there who hears of damaged files: they are given other names.
    pub(super) fn keep_damaged(&mut self, output: &mut Output) {
        let unkept = self.take_unkept();
        for file in unkept {
            output.push(Action::KeepDamaged(file));
        }
    }

    /// A damaged file has another name now, or could not be given one.
    pub(super) fn damaged_kept(
        &mut self,
        name: StoredFile,
        aside: Result<String, String>,
        output: &mut Output,
    ) {
        let Some(why) = self.kept(name, aside.is_ok()) else { return };
        let file = name.file().to_owned();
        output.report_or_note(match aside {
            Ok(aside) => Message::FileSetAside { file, why, aside },
            Err(error) => Message::FileNotSetAside { file, why, error },
        });
    }

    /// The file is written in a way that keeps a copy of what is there. Whether that is damaged.
    pub(super) fn replaced(&mut self, file: StoredFile) -> bool {
        self.unkept.remove(&file);
        self.damaged.remove(&file).is_some()
    }

    /// The file could not be written. True the first time: later ones are not news.
    pub(super) fn failed(&mut self, file: StoredFile, now: Duration) -> bool {
        let retry = Retry { due: now + limits::SAVE_AGAIN, tried: false };
        self.retries.insert(file, retry).is_none()
    }

    /// A file could not be written: the user is told once, not at each attempt.
    pub(super) fn not_saved(
        &mut self,
        file: StoredFile,
        why: &str,
        now: Duration,
        output: &mut Output,
    ) {
        if !self.failed(file, now) {
            return;
        }
        let what = match file {
            StoredFile::Key => Phrase::YourKey {},
            StoredFile::Fingerprints => Phrase::Fingerprints {},
            StoredFile::InstanceTag => Phrase::InstanceTag {},
            StoredFile::Conversations => Phrase::Conversations {},
            StoredFile::Settings => Phrase::Settings {},
        };
        output.report(Message::NotSaved { what: what.into(), why: why.into() });
    }

    /// Whether the last attempt to write this file failed, as far as is known.
    pub(super) fn is_failing(&self, file: StoredFile) -> bool {
        self.retries.contains_key(&file)
    }

    /// When [`Persistence::tick`] has something to do.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.retries.values().map(|retry| retry.due).chain(self.nicks_due).min()
    }

    /// What waited long enough is to be written.
    pub(super) fn tick(&mut self, now: Duration) {
        if self.nicks_due.is_some_and(|due| due <= now) {
            self.nicks_changed();
        }
        let changed = &mut self.changed;
        self.retries.retain(|file, retry| {
            if retry.due > now {
                return true;
            }
            let tries = !retry.tried;
            if tries {
                *retry = Retry { due: now + limits::SAVE_AGAIN, tried: true };
                changed.insert(*file);
            }
            tries
        });
    }

    /// The files that are to be written now.
    pub(super) fn take(&mut self) -> Vec<StoredFile> {
        let damaged = &self.damaged;
        let ready: Vec<StoredFile> =
            self.changed.iter().filter(|file| !damaged.contains_key(file)).copied().collect();
        self.changed.retain(|file| damaged.contains_key(file));
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_changed_is_written_once() {
        let mut files = Persistence::default();
        files.changed(StoredFile::Settings);
        files.changed(StoredFile::Settings);
        files.changed(StoredFile::InstanceTag);
        files.unchanged(StoredFile::InstanceTag);
        assert_eq!(files.take(), [StoredFile::Settings]);
        assert_eq!(files.take(), []);
        assert_eq!(files.next_deadline(), None);
    }

    #[test]
    fn changes_of_nicks_over_the_allowance_are_written_together() {
        let mut files = Persistence::default();
        let now = 5 * SECOND;
        for _ in 0..limits::NICK_SAVES_BURST {
            files.nick_changed(now);
            assert_eq!(files.take(), [StoredFile::Fingerprints, StoredFile::Conversations]);
        }
        for _ in 0..1000 {
            files.nick_changed(now);
        }
        assert_eq!(files.take(), []);
        let due = files.next_deadline().unwrap();
        assert_eq!(due, now + limits::NICK_SAVES_EVERY);
        files.tick(due);
        assert_eq!(files.take(), [StoredFile::Fingerprints, StoredFile::Conversations]);
        assert_eq!(files.next_deadline(), None);
    }

    #[test]
    fn nothing_is_put_off_at_the_end() {
        let mut files = Persistence::default();
        for _ in 0..=limits::NICK_SAVES_BURST {
            files.nick_changed(SECOND);
        }
        files.take();
        files.put_nothing_off();
        assert_eq!(files.take(), [StoredFile::Fingerprints, StoredFile::Conversations]);
        files.failed(StoredFile::Key, SECOND);
        assert!(files.is_behind());
        files.put_nothing_off();
        assert_eq!(files.take(), [StoredFile::Key]);
    }

    #[test]
    fn a_damaged_file_is_written_only_once_it_has_another_name() {
        let mut files = Persistence::default();
        files.damaged(StoredFile::Fingerprints, "torn".into());
        files.changed(StoredFile::Fingerprints);
        assert_eq!(files.take(), []);
        assert_eq!(files.kept(StoredFile::Fingerprints, false).as_deref(), Some("torn"));
        assert_eq!(files.take(), []);
        assert_eq!(files.kept(StoredFile::Fingerprints, true).as_deref(), Some("torn"));
        assert_eq!(files.take(), [StoredFile::Fingerprints]);
        assert_eq!(files.kept(StoredFile::Key, true), None);
    }

    #[test]
    fn a_file_that_could_not_be_written_is_tried_until_it_can() {
        let mut files = Persistence::default();
        assert!(files.failed(StoredFile::Key, SECOND));
        for round in 1..=3 {
            let due = files.next_deadline().unwrap();
            files.tick(due);
            assert_eq!(files.take(), [StoredFile::Key], "{round}");
            assert!(!files.failed(StoredFile::Key, due));
        }
        let due = files.next_deadline().unwrap();
        files.tick(due);
        assert_eq!(files.take(), [StoredFile::Key]);
        assert!(files.is_failing(StoredFile::Key));
        // Nothing bad is heard any more.
        files.tick(files.next_deadline().unwrap());
        assert!(!files.is_failing(StoredFile::Key));
        assert_eq!((files.take(), files.next_deadline()), (vec![], None));
    }
}
