//! The user: the engine, and a module that performs its effects as the shim does.

use super::key_file;
use super::module::{Module, Told};
use super::store::Files;
use proto::account::{Account, Name as AccountName};
use proto::command::Command;
use proto::irc::{Nick, Source, Text};
use proto::overview::{AccountState, StatePage};
use proto::shim::guard::fold;
use proto::shim::{
    Call, CommandLine, Effect, IncomingMessage, MessageKind, Network, NickChange, OutgoingMessage,
    Presence, Security, Standing, Style,
};
use std::collections::{BTreeMap, VecDeque};
use worker::engine::{Action, Engine, Event, Now};
use worker::store::{Store, StoredFile, StoredFiles};
use zeroize::Zeroizing;

/// What the module puts in front of what another one may have shown.
pub const PERHAPS_SHOWN: &str = "[perhaps shown before] ";
/// And behind the reason for which a text comes back.
pub const PERHAPS_SAID: &str = " (may be a repeat)";

/// What stands before text that an unreachable daemon has not looked at.
pub const UNCHECKED: &str = "[not checked by otrd] ";

/// Something that the user sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A peer's line in the peer's window.
    Peer { from: String, kind: MessageKind, text: String },
    /// The user's own line, which other clients see too: it went out.
    Echo { to: String, text: String },
    /// The user's line went out as if there were no module.
    Passed { to: String, text: String },
    /// `*otr` said.
    Otr(Style, String),
    /// A row of a table.
    Row(Vec<String>),
    /// The user's line came back.
    Refused { to: String, why: String, text: String },
}

/// A line of the user's on its way to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub to: String,
    pub kind: MessageKind,
    pub text: Vec<u8>,
}

pub struct User {
    /// The account.
    pub name: &'static str,
    /// On IRC.
    pub nick: String,
    pub files: Files,
    pub engine: Engine,
    pub now: Now,
    pub network: Network,
    /// The module is connected to the worker.
    pub up: bool,
    pub screen: Vec<Shown>,
    /// Lines that went to IRC.
    pub out: VecDeque<Line>,
    pub guard: Vec<String>,
    /// For now.
    pub pending: Vec<String>,
    /// How peers stand, but for those who are clear without more.
    pub states: BTreeMap<Nick, Standing>,
    /// What was delivered, and what had protected it.
    pub protected: Vec<(String, Security)>,
    /// There were too many.
    pub everybody: bool,
    /// Opened by the user since.
    pub exempt: Vec<String>,
    /// A key generation was asked for.
    pub keygen: bool,
    /// The reply to the next request is lost, and the connection with it.
    pub lose_next_reply: bool,
    /// The next request is lost before it is read, and the connection with it.
    pub lose_next_request: bool,
    /// What came from IRC.
    pub came: Vec<Vec<u8>>,
    /// Texts of peers that the worker had shown, for whoever looks whether they were.
    pub decided: Vec<String>,
    pub module: Module,
    pub told: Told,
    /// What was said before the link broke is said again.
    pub replays: bool,
    /// What follows the reply to a hello.
    pub news_of_worker: Vec<Effect>,
}

pub fn nick(name: &str) -> Nick {
    Nick::new(name.as_bytes()).expect("a nick")
}

pub(super) fn words(text: &Text) -> String {
    String::from_utf8_lossy(text.as_bytes()).into_owned()
}

impl User {
    /// With a key, a module and IRC.
    pub fn new() -> Self {
        Self::called("alice")
    }

    /// As [`User::new`], somebody else.
    pub fn called(name: &'static str) -> Self {
        let files = Files::default();
        files.put(StoredFile::Key, key_file(name, 0));
        Self::start(name, files)
    }

    pub fn from_disk(files: Files) -> Self {
        key_file("alice", 0);
        Self::start("alice", files)
    }

    fn start(name: &'static str, files: Files) -> Self {
        let now = Now { mono: std::time::Duration::ZERO, wall: 1_795_305_600 };
        let network =
            Network { connected: true, mask: Some(mask(name)), admin: true, ..Network::default() };
        let mut user = Self {
            name,
            nick: name.into(),
            came: Vec::new(),
            engine: load(name, &files, now),
            files,
            now,
            network,
            up: false,
            screen: Vec::new(),
            out: VecDeque::new(),
            guard: Vec::new(),
            pending: Vec::new(),
            states: BTreeMap::new(),
            protected: Vec::new(),
            everybody: false,
            exempt: Vec::new(),
            keygen: false,
            lose_next_reply: false,
            lose_next_request: false,
            decided: Vec::new(),
            module: Module::default(),
            told: Told::default(),
            replays: false,
            news_of_worker: Vec::new(),
        };
        user.begin();
        user.connect();
        user
    }

    pub(super) fn restart_engine(&mut self) {
        self.engine = load(self.name, &self.files, self.now);
        self.begin();
    }

    /// As the event loop begins, when no module is there.
    fn begin(&mut self) {
        let effects = self.step(Event::Tick);
        self.unasked(effects);
    }

    /// Says `network`, as after every change of the surroundings.
    pub fn tell_network(&mut self) {
        if self.up {
            self.ask(Call::Network(self.network.clone()));
        }
    }

    pub fn irc(&mut self, connected: bool) {
        self.network.connected = connected;
        self.tell_network();
    }

    /// Takes another nick.
    pub fn goes_by(&mut self, nick: &str) {
        self.nick = nick.into();
        self.network.mask = Some(mask(nick));
        self.tell_network();
    }

    pub fn casemapping(&mut self, mapping: &str) {
        self.network.casemapping = Some(mapping.into());
        self.tell_network();
    }

    pub fn lines(&mut self, longest: u32) {
        self.network.linelen = longest;
        self.tell_network();
    }

    // ---- what happens

    pub fn types(&mut self, to: &str, kind: MessageKind, text: &str) {
        let closed = self.closed(to);
        let text = text.into();
        self.ask(Call::Out(OutgoingMessage { to: nick(to), kind, text, client: 1, closed }));
    }

    pub fn says(&mut self, to: &str, text: &str) {
        self.types(to, MessageKind::Text, text);
    }

    pub fn command(&mut self, line: &str) {
        self.ask(Call::Command(CommandLine { text: line.into() }));
    }

    /// The same by a typed method.
    pub fn commands(&mut self, command: Command) {
        self.ask(Call::Typed(command));
    }

    pub fn hears(&mut self, from: &str, kind: MessageKind, text: &[u8]) {
        self.came.push(text.to_vec());
        let from = mask(from);
        self.ask(Call::In(IncomingMessage { from, kind, text: Text::new(text) }));
    }

    pub fn sees_nick(&mut self, old: &str, new: &str) {
        if holds(&self.guard, old) {
            self.close(new);
        } else if holds(&self.pending, old) {
            self.pending.push(new.into());
        }
        self.tells_of_nick(old, new);
    }

    /// Of a module that closes nobody by itself at a NICK.
    pub fn tells_of_nick(&mut self, old: &str, new: &str) {
        self.ask(Call::Nick(NickChange { old: nick(old), new: nick(new) }));
    }

    pub fn sees_quit(&mut self, who: &str) {
        self.ask(Call::Quit(Presence { nick: nick(who) }));
    }

    pub fn sees_join(&mut self, who: &str) {
        self.ask(Call::Join(Presence { nick: nick(who) }));
    }

    pub fn waits(&mut self, seconds: u64) {
        self.now.mono += std::time::Duration::from_secs(seconds);
        self.now.wall += seconds;
        let effects = self.step(Event::Tick);
        self.unasked(effects);
        self.module_ticks();
    }

    pub fn key_is_made(&mut self, which: usize) {
        self.key_comes(key_file(self.name, which));
    }

    /// Whatever who makes keys hands over.
    pub fn key_comes(&mut self, file: &[u8]) {
        if std::mem::take(&mut self.keygen) {
            let file = Zeroizing::new(file.to_vec());
            let effects = self.step(Event::KeyMade(file));
            self.unasked(effects);
        }
    }

    /// The worker is told to end.
    pub fn ends(&mut self) {
        let effects = self.step(Event::End);
        self.unasked(effects);
    }

    pub fn key_fails(&mut self) {
        if std::mem::take(&mut self.keygen) {
            let effects = self.step(Event::KeyFailed("no randomness".into()));
            self.unasked(effects);
        }
    }

    // ---- the worker's side

    pub(super) fn step(&mut self, input: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        let (mut failed, mut damaged) = (Vec::new(), Vec::new());
        for act in self.engine.step(self.now, input) {
            match act {
                Action::Effect(effect) => {
                    if let Effect::Deliver { text, .. } = &effect {
                        self.decided.push(words(text));
                    }
                    effects.push(effect);
                }
                Action::Save(name, content) => {
                    if let Err(error) = self.files.write_one(name, &content) {
                        failed.push((name, error.to_string()));
                    }
                }
                Action::Replace(name, suffix, content) => {
                    let kept = self.files.keep_copy(name, &suffix);
                    if let Err(error) = kept.and_then(|()| self.files.write_one(name, &content)) {
                        failed.push((name, error.to_string()));
                    }
                }
                Action::Keygen => self.keygen = true,
                Action::CancelKeygen => self.keygen = false,
                Action::KeepDamaged(name) => {
                    let aside = self.files.set_aside(name, "damaged");
                    damaged.push((name, aside.map_err(|error| error.to_string())));
                }
                Action::Imported(_) => unreachable!("only where files are brought in"),
            }
        }
        for (name, why) in failed {
            effects.extend(self.step(Event::NotSaved(name, why)));
        }
        for (name, aside) in damaged {
            effects.extend(self.step(Event::DamagedKept(name, aside)));
        }
        effects
    }

    // ---- what tests look at

    /// The first page of the account as data.
    pub fn overview(&self) -> AccountState {
        self.engine.overview(self.now, StatePage::default())
    }

    /// What was shown since the last look.
    pub fn news(&mut self) -> Vec<Shown> {
        std::mem::take(&mut self.screen)
    }

    /// The state that the table of `info` shows of a nick.
    pub fn state(&mut self, who: &str) -> String {
        let before = std::mem::take(&mut self.screen);
        self.command(&format!("info {who}"));
        let shown = std::mem::replace(&mut self.screen, before);
        let rows = shown.into_iter().filter_map(|one| match one {
            Shown::Row(row) => row.get(1).cloned(),
            _ => None,
        });
        rows.into_iter().next().unwrap_or_default()
    }

    /// The known fingerprints of a nick in the file, the oldest first, each with its trust.
    pub fn known(&self, who: &str) -> Vec<(String, String)> {
        let file = self.files.get("otr.fp").unwrap_or_default();
        let text = String::from_utf8_lossy(&file).into_owned();
        let lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        lines
            .filter(|fields| self.same(fields[0], who))
            .map(|fields| (fields[3].into(), fields.get(4).copied().unwrap_or("").into()))
            .collect()
    }
}

fn mask(nick: &str) -> Source {
    Source::new(format!("{nick}!u@host").into_bytes()).expect("a mask")
}

pub fn load(user: &str, files: &Files, now: Now) -> Engine {
    let account = account(user);
    let name = account.user.clone();
    let stored = StoredFiles::read(&mut files.clone());
    Engine::load(account, &name, stored, now).expect("libotr")
}

pub fn account(user: &str) -> Account {
    let name = |name: &str| AccountName::new(name).expect("a name");
    Account { uid: 1000, user: name(user), network: name("net") }
}

/// One nick by some CASEMAPPING.
pub fn same_widely(one: &str, other: &str) -> bool {
    fold(one.as_bytes()) == fold(other.as_bytes())
}

pub fn holds(all: &[String], who: &str) -> bool {
    all.iter().any(|one| same_widely(one, who))
}
