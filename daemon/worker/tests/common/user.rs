//! The user: the engine, and a module that performs its effects as the shim does.

use super::key_file;
use super::module::{Module, Told};
use super::store::Files;
use proto::account::{Account, Name as AccountName};
use proto::command::Command;
use proto::irc::{Nick, Source, Text};
use proto::shim::guard::{MAX_CLOSED, fold};
use proto::shim::{
    Call, CommandLine, Effect, IncomingMessage, MessageKind, Network, NickChange, OutgoingMessage,
    Presence, Security, Standing, State, Style,
};
use std::collections::{BTreeMap, VecDeque};
use worker::engine::{Action, Engine, Event, Now};
use worker::store::{Store, StoredFile};
use worker::text::casemap::Casemap;
use zeroize::Zeroizing;

/// What the module puts in front of what another one may have shown.
pub const PERHAPS_SHOWN: &str = "[perhaps shown before] ";
/// And behind the reason for which a text comes back.
pub const PERHAPS_SAID: &str = "; perhaps said before";

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
        user.connect();
        user
    }

    pub(super) fn restart_engine(&mut self) {
        self.engine = load(self.name, &self.files, self.now);
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
        self.ask(Call::Out(OutgoingMessage {
            to: nick(to),
            kind,
            text,
            client: 1,
            closed,
            line: None,
        }));
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

    pub fn key_fails(&mut self) {
        if std::mem::take(&mut self.keygen) {
            let effects = self.step(Event::KeyFailed("no randomness".into()));
            self.unasked(effects);
        }
    }

    // ---- the worker's side

    pub(super) fn step(&mut self, input: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut failed = Vec::new();
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
                Action::SetAside(name, suffix) => {
                    let _ = self.files.set_aside(name, &suffix);
                }
                Action::Keygen => self.keygen = true,
                Action::CancelKeygen => self.keygen = false,
            }
        }
        for (name, why) in failed {
            effects.extend(self.step(Event::NotSaved(name, why)));
        }
        effects
    }

    // ---- effects

    pub(super) fn perform(&mut self, effects: Vec<Effect>, held: Option<(u64, Call, bool)>) {
        let (id, held, done) = match held {
            Some((id, call, done)) => (id, Some(call), done),
            None => (0, None, false),
        };
        let incoming = matches!(held, Some(Call::In(_)));
        for effect in effects {
            check(&effect);
            match effect {
                Effect::Pass if done => {}
                Effect::Deliver { .. } if done && incoming => {}
                Effect::Pass => self.pass(held.as_ref().expect("something held")),
                Effect::Hold => {
                    let held = held.clone().expect("something held");
                    self.module.kept.insert(id, held);
                }
                Effect::Send { to, kind, text } => self.out.push_back(Line {
                    to: to.display().into_owned(),
                    kind,
                    text: text.into_bytes(),
                }),
                Effect::Deliver { from, kind, text, security, unexpected, repeat, .. } => {
                    let security = security.expect("said with each text");
                    let mark = match security {
                        Security::Clear if unexpected => "[NOT ENCRYPTED] ",
                        Security::Changed => "[UNVERIFIED NEW KEY] ",
                        _ => "",
                    };
                    let perhaps = if repeat { PERHAPS_SHOWN } else { "" };
                    let text = format!("{perhaps}{mark}{}", words(&text));
                    self.protected.push((text.clone(), security));
                    self.screen.push(Shown::Peer {
                        from: from.nick().display().into_owned(),
                        kind,
                        text,
                    });
                }
                Effect::Echo { to, text, of, .. } => {
                    of.and_then(|of| self.module.kept.remove(&of));
                    self.screen
                        .push(Shown::Echo { to: to.display().into_owned(), text: words(&text) });
                }
                Effect::Print { text, style, repeat, .. } => {
                    let perhaps = if repeat { PERHAPS_SHOWN } else { "" };
                    self.screen.push(Shown::Otr(style, format!("{perhaps}{}", words(&text))));
                }
                Effect::Table { rows, .. } => {
                    let row = |row: Vec<Text>| Shown::Row(row.iter().map(words).collect());
                    self.screen.extend(rows.into_iter().map(row));
                }
                Effect::Protect { peer, on, pending, by_user } => {
                    let word = matches!(held, None | Some(Call::Command(_) | Call::Typed(_)));
                    self.protect(&peer.display(), on, pending, by_user && word);
                }
                Effect::Open => {
                    self.guard.clear();
                    self.pending.clear();
                    self.exempt.clear();
                    self.everybody = false;
                }
                Effect::Rules { .. } => {}
                Effect::State(one) => self.stands(one),
                Effect::Refuse { to, why, text, of, repeat, about } => {
                    assert!(about.code.is_some(), "{why} has no code");
                    let why = if repeat { why + PERHAPS_SAID } else { why };
                    of.and_then(|of| self.module.kept.remove(&of));
                    self.screen.push(Shown::Refused {
                        to: to.display().into_owned(),
                        why,
                        text: words(&text),
                    });
                }
            }
        }
    }

    fn pass(&mut self, held: &Call) {
        match held {
            Call::Out(out) => {
                let to = out.to.display().into_owned();
                if self.guarded(&to) {
                    // What was decided before the link broke: the guard is of today.
                    // By other rules for comparing nicks it may be somebody else who is: the module
                    // takes the safe side.
                    let same = |one: &String| self.same(one, &to);
                    let known = self.guard.iter().chain(&self.pending).any(same);
                    assert!(self.replays || !known, "a line was to pass to {to}, who is guarded");
                    let why = "this conversation is private".into();
                    return self.screen.push(Shown::Refused { to, why, text: words(&out.text) });
                }
                self.screen.push(Shown::Passed { to: to.clone(), text: words(&out.text) });
                self.out.push_back(Line { to, kind: out.kind, text: out.text.as_bytes().to_vec() });
            }
            Call::In(message) => self.screen.push(Shown::Peer {
                from: message.from.nick().display().into_owned(),
                kind: message.kind,
                text: words(&message.text),
            }),
            _ => panic!("only messages can pass"),
        }
    }

    fn stands(&mut self, one: Standing) {
        self.states.insert(one.peer.clone(), one);
    }

    /// Whether the module was told how everybody stands: of the others that they are clear.
    pub fn knows_how_all_stand(&self) {
        if !self.up || self.waits_for_answers() {
            return;
        }
        let now = self.engine.standings();
        for one in &now {
            assert_eq!(self.states.get(&one.peer), Some(one), "told otherwise than it is");
        }
        for (nick, one) in &self.states {
            let open = one.state == State::Clear && one.waiting == 0;
            assert!(open || now.iter().any(|now| now.peer == *nick), "{nick:?} is not {one:?}");
        }
    }

    pub fn casemap(&self) -> Casemap {
        self.network.casemapping.as_deref().map(Casemap::parse).unwrap_or_default()
    }

    pub fn same(&self, a: &str, b: &str) -> bool {
        self.casemap().fold(a.as_bytes()) == self.casemap().fold(b.as_bytes())
    }

    fn protect(&mut self, peer: &str, on: bool, pending: bool, by_user: bool) {
        let others = |all: &mut Vec<String>| all.retain(|one| !same_widely(one, peer));
        match (on, pending) {
            (true, true) => self.pending.push(peer.into()),
            (true, false) => self.close(peer),
            (false, _) => others(&mut self.pending),
        }
        if !on && by_user {
            others(&mut self.guard);
            if self.everybody {
                self.exempt.push(peer.into());
            }
        }
    }

    /// As the module: its room is as large as the worker's.
    pub fn close(&mut self, nick: &str) {
        if holds(&self.guard, nick) {
            return;
        }
        self.exempt.retain(|one| !same_widely(one, nick));
        match self.guard.len() < MAX_CLOSED {
            true => self.guard.push(nick.into()),
            false => self.everybody = true,
        }
    }

    /// Until the user's word.
    pub fn closed(&self, who: &str) -> bool {
        holds(&self.guard, who) || self.everybody && !holds(&self.exempt, who)
    }

    pub fn guarded(&self, who: &str) -> bool {
        self.closed(who) || holds(&self.pending, who)
    }

    // ---- what tests look at

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
    Engine::load(account(user), &mut files.clone(), now).expect("libotr")
}

pub fn account(user: &str) -> Account {
    let name = |name: &str| AccountName::new(name).expect("a name");
    Account { uid: 1000, user: name(user), network: name("net") }
}

/// What no effect may carry, whoever made the words.
fn check(effect: &Effect) {
    let clean = |text: &[u8]| !text.iter().any(|b| matches!(b, 0 | b'\r' | b'\n'));
    match effect {
        Effect::Send { text, .. } => {
            assert!(clean(text.as_bytes()), "a line that would be two");
            assert!(!text.as_bytes().is_empty(), "an empty line");
        }
        Effect::Deliver { text, .. } => {
            assert!(clean(text.as_bytes()) && !text.as_bytes().contains(&1), "a line that is more");
        }
        Effect::Print { text, .. } => {
            let control = |b: &u8| *b < b' ' || *b == 0x7f;
            assert!(!text.as_bytes().iter().any(control), "{:?}", words(text));
        }
        _ => {}
    }
}

/// One nick by some CASEMAPPING.
pub fn same_widely(one: &str, other: &str) -> bool {
    fold(one.as_bytes()) == fold(other.as_bytes())
}

pub fn holds(all: &[String], who: &str) -> bool {
    all.iter().any(|one| same_widely(one, who))
}
