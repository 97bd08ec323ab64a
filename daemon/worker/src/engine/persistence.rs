//! What survives a restart, and what is said of files that do not.

use super::key_dates::{KeyDates, Written};
use super::keys::KeyState;
use super::{Action, Engine, Phase, Settings};
use crate::store::{Store, StoredFile};
use crate::text::casemap::Casemap;
use otr::{Fingerprint, KeyError, TextFile};
use proto::irc::Nick;
use proto::shim::Style;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// `conversations.json`: whom nothing may go to in clear.
#[derive(Default, Serialize, Deserialize)]
struct Remembered {
    version: u32,
    conversations: Vec<RememberedOne>,
    /// There were too many: everybody is closed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    everybody: bool,
    /// When keys were made and used.
    #[serde(default, skip_serializing_if = "Written::is_empty")]
    dates: Written,
}

#[derive(Serialize, Deserialize)]
struct RememberedOne {
    nick: Nick,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// The nick that the conversation went on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<Nick>,
    /// The peer ended it before.
    #[serde(default)]
    finished: bool,
}

impl RememberedOne {
    /// Nothing is known of it but that it is closed.
    fn closed(nick: Nick) -> Self {
        Self { nick, fingerprint: None, moved: None, finished: false }
    }
}

/// What came of reading a file.
enum Found<T> {
    /// There is none.
    Nothing,
    /// There is one that cannot be used; it was set aside, and that is told.
    Useless,
    Content(T),
}

impl Engine {
    /// Reads everything at start.
    pub(super) fn remember(&mut self, store: &mut dyn Store) {
        match self.read_json::<Settings>(store, StoredFile::Settings) {
            Found::Nothing => {}
            Found::Useless => self.settings_are_lost(),
            Found::Content(settings) => {
                self.casemap =
                    settings.casemapping.as_deref().map(Casemap::parse).unwrap_or_default();
                self.settings = settings;
            }
        }
        self.remember_key(store);
        if let Found::Content(file) = self.read(store, StoredFile::InstanceTag) {
            self.remember_tag(store, &file);
        }
        // Peers know us by it: it has to be the same after a restart.
        let known_before = self.otr.instags_file();
        self.otr.instag();
        if self.otr.instags_file() != known_before {
            self.to_save.insert(StoredFile::InstanceTag);
        }
        if let Found::Content(file) = self.read(store, StoredFile::Fingerprints) {
            self.remember_fingerprints(store, &file);
        }
        match self.read_json::<Remembered>(store, StoredFile::Conversations) {
            Found::Nothing => {}
            Found::Useless => self.conversations_are_lost(),
            Found::Content(remembered) => {
                self.everybody = remembered.everybody;
                self.key_dates = KeyDates::read(&remembered.dates);
                for one in remembered.conversations {
                    self.remember_conversation(one);
                }
            }
        }
    }

    /// What the user required is not known any more: everything is, until the user says otherwise.
    fn settings_are_lost(&mut self) {
        self.settings.lost = true;
        self.to_save.insert(StoredFile::Settings);
        self.notes.push((
            Style::Bad,
            "Your settings are gone, and a policy may have required private conversations: nothing goes out in clear until you say policy * opportunistic, or another policy for *.".into(),
        ));
    }

    /// Who was private is not known any more: everybody with a known key may have been.
    fn conversations_are_lost(&mut self) {
        let closed = self.known.peers().filter_map(|peer| Nick::new(peer.as_bytes()).ok());
        for nick in closed.collect::<BTreeSet<Nick>>() {
            self.close(nick);
        }
        self.to_save.insert(StoredFile::Conversations);
        self.notes.push((
            Style::Bad,
            "Which conversations were private is not known any more: nothing goes out in clear to anybody whose key is known, until you say finish and the nick, or finish --all.".into(),
        ));
    }

    fn remember_key(&mut self, store: &mut dyn Store) {
        let file = match store.read(StoredFile::Key) {
            Ok(None) => return,
            Ok(Some(file)) => file,
            Err(error) => {
                let why = format!(
                    "Your key file otr.key cannot be read ({error}). Ask the admin to mend it, or make a new key with genkey --overwrite."
                );
                self.notes.push((Style::Bad, why.clone()));
                self.key = KeyState::Damaged(why);
                return;
            }
        };
        match self.otr.load_key(&file) {
            Ok(()) => self.key = KeyState::Ready,
            // The file is sound, it is just not for us: it stays where it is.
            Err(error @ KeyError::OtherAccount { .. }) => {
                let why = format!("Your key file otr.key cannot be used: {error}.");
                self.notes.push((Style::Bad, why.clone()));
                self.key = KeyState::Damaged(why);
            }
            Err(error) => {
                self.damaged(store, StoredFile::Key, &error.to_string());
                let why = "Your key file was damaged and set aside. Restore it from a backup, or make a new key with genkey --overwrite: your peers will then see a changed key.";
                self.key = KeyState::Damaged(why.into());
            }
        }
    }

    fn remember_tag(&mut self, store: &mut dyn Store, file: &[u8]) {
        let none = self.otr.instags_file();
        let why = match self.otr.load_instags(file) {
            Err(error) => error.to_string(),
            Ok(()) if self.otr.instags_file() == none && says_something(file) => {
                "it has no tag of this account".into()
            }
            Ok(()) => return,
        };
        self.damaged(store, StoredFile::InstanceTag, &why);
    }

    fn remember_fingerprints(&mut self, store: &mut dyn Store, file: &[u8]) {
        match self.known.load(file) {
            Ok(report) if !report.lossy() => {}
            // What was readable is in use; the file itself is kept for whoever can mend it.
            Ok(report) if report.others + report.malformed + report.beyond_limit > 0 => self
                .damaged(
                    store,
                    StoredFile::Fingerprints,
                    "some lines are no fingerprints of this account",
                ),
            Ok(_) => self.damaged(
                store,
                StoredFile::Fingerprints,
                "it has words for trust that are not known; these fingerprints are not trusted",
            ),
            Err(error) => self.damaged(store, StoredFile::Fingerprints, &error.to_string()),
        }
        if self.settings.casemapping.is_some() {
            self.fold_known();
        }
    }

    fn remember_conversation(&mut self, one: RememberedOne) {
        let mut conversation = self.new_conversation(one.nick);
        conversation.phase = match (one.moved, one.finished) {
            (Some(to), _) => Phase::Moved { to },
            (None, true) => Phase::Finished,
            (None, false) => Phase::Blocked {
                fingerprint: one.fingerprint.as_deref().and_then(Fingerprint::from_hex),
                asked_anew: false,
            },
        };
        conversation.guarded = true;
        self.seat(None, conversation);
    }

    fn read(&mut self, store: &mut dyn Store, name: StoredFile) -> Found<Zeroizing<Vec<u8>>> {
        match store.read(name) {
            Ok(None) => Found::Nothing,
            Ok(Some(file)) => Found::Content(file),
            Err(error) => {
                self.damaged(store, name, &format!("it cannot be read: {error}"));
                Found::Useless
            }
        }
    }

    fn read_json<T: for<'de> Deserialize<'de>>(
        &mut self,
        store: &mut dyn Store,
        name: StoredFile,
    ) -> Found<T> {
        let file = match self.read(store, name) {
            Found::Content(file) => file,
            Found::Nothing => return Found::Nothing,
            Found::Useless => return Found::Useless,
        };
        match serde_json::from_slice(&TextFile::new(&file)) {
            Ok(value) => Found::Content(value),
            Err(_) => {
                self.damaged(store, name, "it is not what otrd wrote");
                Found::Useless
            }
        }
    }

    fn damaged(&mut self, store: &mut dyn Store, name: StoredFile, why: &str) {
        let file = name.file();
        let note = match store.set_aside(name, "damaged") {
            Ok(aside) => format!("The file {file} was damaged ({why}). It is kept as {aside}."),
            Err(error) => {
                self.write_protected.insert(name);
                format!(
                    "The file {file} is damaged ({why}) and cannot be set aside ({error}): nothing is saved there until the admin has removed it and otrd was started again."
                )
            }
        };
        self.notes.push((Style::Bad, note));
        if name == StoredFile::Fingerprints {
            self.to_save.insert(name);
        }
    }

    /// The files that this step has changed.
    pub(super) fn saves(&mut self) -> Vec<Action> {
        let mut unsaved = std::mem::take(&mut self.to_save);
        unsaved.retain(|name| !self.write_protected.contains(name));
        unsaved
            .into_iter()
            .filter_map(|name| Some(Action::Save(name, self.content(name)?)))
            .collect()
    }

    fn content(&self, name: StoredFile) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = match name {
            // Written when it is made, see `keys`; here only where that failed.
            StoredFile::Key => return self.key_not_on_disk.clone(),
            StoredFile::Fingerprints => self.known.file(),
            StoredFile::InstanceTag => self.otr.instags_file(),
            StoredFile::Settings => serde_json::to_vec_pretty(&self.settings).ok()?,
            StoredFile::Conversations => {
                serde_json::to_vec_pretty(&self.to_be_remembered()).ok()?
            }
        };
        Some(Zeroizing::new(bytes))
    }

    fn to_be_remembered(&self) -> Remembered {
        let mut conversations: Vec<RememberedOne> = self
            .conversations
            .iter()
            .filter_map(|(peer, c)| {
                let (fingerprint, moved) = match &c.phase {
                    // What was asked for is not forgotten. Where it is required, the settings see
                    // to it.
                    Phase::Clear if c.asked.is_some() && !self.is_required(peer) => (None, None),
                    Phase::Clear => return None,
                    Phase::Private(private) => (Some(private.fingerprint), None),
                    Phase::Blocked { fingerprint, .. } => (*fingerprint, None),
                    Phase::Finished => (None, None),
                    Phase::Moved { to } => (None, Some(to.clone())),
                };
                Some(RememberedOne {
                    nick: c.nick.clone(),
                    fingerprint: fingerprint.map(|f| f.to_hex()),
                    moved,
                    // Where another one was asked for, it is to be asked for again.
                    finished: c.phase == Phase::Finished && c.asked.is_none(),
                })
            })
            .collect();
        let aliases = self.conversations.values().flat_map(|c| &c.aliases);
        conversations.extend(aliases.map(|alias| RememberedOne::closed(alias.clone())));
        conversations.sort_by(|a, b| a.nick.cmp(&b.nick));
        let dates = self.key_dates.written();
        Remembered { version: 1, conversations, everybody: self.everybody, dates }
    }
}

/// Whether one of libotr's files has more than comments and blanks in it.
fn says_something(file: &[u8]) -> bool {
    let file = TextFile::new(file);
    let lines = file.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    lines.into_iter().any(|line| !line.is_empty() && !line.starts_with(b"#"))
}
