//! What an account knows at its start, and what is said of files that cannot be used.
//!
//! A damaged file never keeps the rest from working. It is kept under another name as soon as somebody is
//! there to hear of it: the engine asks for that, and hears what became of it, since files are not its own.

use super::action::Now;
use super::conversation::Phase;
use super::conversations::Conversations;
use super::key_dates::KeyDates;
use super::messages::{Message, Phrase};
use super::nicks::Nicks;
use super::output::Output;
use super::own_key::OwnKey;
use super::persistence::Persistence;
use super::policies::Policies;
use super::remembered::Remembered;
use crate::store::{StoredFile, StoredFiles};
use otr::fragment::Reassembler;
use otr::{FingerprintStore, KeyError, Otr, TextFile};
use proto::account;
use proto::irc::Nick;
use serde::Deserialize;
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// What came of a file.
enum Found<T> {
    /// There is no file.
    Nothing,
    /// There is one that cannot be used.
    Useless,
    Content(T),
}

/// The parts that files say something of.
pub(super) struct Loaded {
    pub(super) otr: Otr,
    pub(super) known: FingerprintStore,
    pub(super) own_key: OwnKey,
    pub(super) key_dates: KeyDates,
    pub(super) policies: Policies,
    pub(super) conversations: Conversations,
    pub(super) persistence: Persistence,
    pub(super) fragments: Reassembler,
    pub(super) output: Output,
    now: Now,
}

impl Loaded {
    /// Takes over everything that is on disk. The files name `user`.
    ///
    /// # Errors
    /// Only where libotr itself cannot hold the account.
    pub(super) fn from(
        user: &account::Name,
        files: StoredFiles,
        now: Now,
    ) -> Result<Self, otr::NewError> {
        let mut loaded = Self {
            otr: Otr::new(user.as_str())?,
            known: FingerprintStore::new(user.as_str())?,
            own_key: OwnKey::default(),
            key_dates: KeyDates::default(),
            policies: Policies::default(),
            conversations: Conversations::default(),
            persistence: Persistence::default(),
            fragments: Reassembler::default(),
            output: Output::default(),
            now,
        };
        loaded.remember(files);
        Ok(loaded)
    }

    fn nicks(&mut self) -> Nicks<'_> {
        Nicks {
            otr: &mut self.otr,
            known: &mut self.known,
            fragments: &mut self.fragments,
            policies: &mut self.policies,
            conversations: &mut self.conversations,
            persistence: &mut self.persistence,
            now: self.now,
            output: &mut self.output,
        }
    }

    fn remember(&mut self, mut files: StoredFiles) {
        let files = &mut files;
        match self.read_json(files, StoredFile::Settings) {
            Found::Nothing => {}
            Found::Useless => self.settings_are_lost(),
            Found::Content(settings) => {
                self.policies = Policies::new(settings);
                self.conversations.set_casemap(self.policies.casemap());
            }
        }
        self.remember_key(files);
        if let Found::Content(file) = self.read(files, StoredFile::InstanceTag) {
            self.remember_tag(&file);
        }
        // Peers know us by it: it has to be the same after a restart.
        let known_before = self.otr.instags_file();
        self.otr.instag();
        if self.otr.instags_file() != known_before {
            self.persistence.changed(StoredFile::InstanceTag);
        }
        if let Found::Content(file) = self.read(files, StoredFile::Fingerprints) {
            self.remember_fingerprints(&file);
        }
        match self.read_json::<Remembered>(files, StoredFile::Conversations) {
            Found::Nothing => {}
            Found::Useless => self.conversations_are_lost(),
            Found::Content(remembered) => {
                if remembered.everybody {
                    self.conversations.close_everybody();
                }
                self.key_dates = KeyDates::read(&remembered.dates);
                for one in remembered.conversations {
                    let phase = one.phase();
                    self.nicks().close(one.nick, phase);
                }
            }
        }
    }

    /// What the user required is not known any more: everything is, until the user says otherwise.
    fn settings_are_lost(&mut self) {
        self.policies = Policies::lost();
        self.persistence.changed(StoredFile::Settings);
        self.output.module_mut().note(Message::SettingsLost {});
    }

    /// Who was private is not known any more: everybody with a known key may have been.
    fn conversations_are_lost(&mut self) {
        let closed = self.known.peers().filter_map(|peer| Nick::new(peer.as_bytes()).ok());
        for nick in closed.collect::<BTreeSet<Nick>>() {
            self.nicks().close(nick, Phase::lost());
        }
        self.persistence.changed(StoredFile::Conversations);
        self.output.module_mut().note(Message::ConversationsLost {});
    }

    fn remember_key(&mut self, files: &mut StoredFiles) {
        let file = match files.take(StoredFile::Key) {
            None if files.was_damaged(StoredFile::Key) => {
                // Until there is a key again: no other is made without the user's word.
                return self.key_is_useless(Phrase::KeyDamaged {});
            }
            None => return,
            Some(Ok(file)) => file,
            Some(Err(error)) => {
                return self.key_is_useless(Phrase::KeyUnreadable { error: error.to_string() });
            }
        };
        match self.otr.load_key(&file) {
            Ok(()) => self.own_key = OwnKey::ready(),
            // The file is sound, it is just not for us: it stays where it is.
            Err(error @ KeyError::OtherAccount { .. }) => {
                self.key_is_useless(Phrase::KeyOfAnother { error: error.to_string() });
            }
            Err(error) => {
                self.damaged(StoredFile::Key, error.to_string());
                self.key_is_useless(Phrase::KeyDamaged {});
            }
        }
    }

    fn key_is_useless(&mut self, why: Phrase) {
        let why = why.text();
        self.output.module_mut().note(Message::KeyUnusable { why: why.clone() });
        self.own_key = OwnKey::damaged(why);
    }

    fn remember_tag(&mut self, file: &[u8]) {
        let none = self.otr.instags_file();
        let why = match self.otr.load_instags(file) {
            Err(error) => error.to_string(),
            Ok(()) if self.otr.instags_file() == none && says_something(file) => {
                Phrase::NoTagOfAccount {}.text()
            }
            Ok(()) => return,
        };
        self.damaged(StoredFile::InstanceTag, why);
    }

    fn remember_fingerprints(&mut self, file: &[u8]) {
        let why = match self.known.load(file) {
            Ok(report) if !report.lossy() => None,
            // What was readable is in use; the file itself is kept for whoever can mend it.
            Ok(report) if report.others + report.malformed + report.beyond_limit > 0 => {
                Some(Phrase::NotAllFingerprints {}.text())
            }
            Ok(_) => Some(Phrase::UnknownTrust {}.text()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = why {
            self.damaged(StoredFile::Fingerprints, why);
        }
        if self.policies.casemapping().is_some() {
            self.nicks().fold_known();
        }
    }

    fn read(&mut self, files: &mut StoredFiles, name: StoredFile) -> Found<Zeroizing<Vec<u8>>> {
        match files.take(name) {
            // It was set aside, and nothing could be written in its place.
            None if files.was_damaged(name) => Found::Useless,
            None => Found::Nothing,
            Some(Ok(file)) => Found::Content(file),
            Some(Err(error)) => {
                let error = error.to_string();
                self.damaged(name, Phrase::FileUnreadable { error }.text());
                Found::Useless
            }
        }
    }

    fn read_json<T: for<'de> Deserialize<'de>>(
        &mut self,
        files: &mut StoredFiles,
        name: StoredFile,
    ) -> Found<T> {
        let file = match self.read(files, name) {
            Found::Content(file) => file,
            Found::Nothing => return Found::Nothing,
            Found::Useless => return Found::Useless,
        };
        match serde_json::from_slice(&TextFile::new(&file)) {
            Ok(value) => Found::Content(value),
            Err(_) => {
                self.damaged(name, Phrase::NotWrittenByOtrd {}.text());
                Found::Useless
            }
        }
    }

    fn damaged(&mut self, name: StoredFile, why: String) {
        self.persistence.damaged(name, why);
        if name == StoredFile::Fingerprints {
            self.persistence.changed(name);
        }
    }
}

/// Whether one of libotr's files has more than comments and blanks in it.
fn says_something(file: &[u8]) -> bool {
    let file = TextFile::new(file);
    let lines = file.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    lines.into_iter().any(|line| !line.is_empty() && !line.starts_with(b"#"))
}
