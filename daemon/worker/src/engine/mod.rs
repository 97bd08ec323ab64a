//! Decides. One step in, actions out; time, files and keys come from outside.
//!
//! * `outgoing`, `incoming`: what the user typed, what a peer sent.
//! * `split_lines`: OTR lines that a gateway cut.
//! * `automatic`: lines that a peer's messages cause, and their allowance.
//! * `crossing`: key exchanges at the same time.
//! * `session`: what libotr said, and the lines that wait for it.
//! * `nicks`: the table of conversations, nick changes, comings and goings.
//! * `casemapping_change`: another rule for comparing nicks.
//! * `closed`: whom the module holds closed for clear text.
//! * `handles`: which of libotr's peers a conversation is with.
//! * `keys`, `key_dates`: our own key; when keys were made and used.
//! * `known_keys`: whose keys are known.
//! * `policy`: whom to talk OTR with at all.
//! * `persistence`, `save_retry`, `nick_saves`: what survives a restart, and when it is written.
//! * `standing`: what the module is told of how conversations stand.
//! * `overview`: the whole account as data.
//! * `import_export`: keys and fingerprints of other programs.

mod action;
mod arrival;
mod automatic;
mod casemapping_change;
mod closed;
mod conversation;
mod conversations;
mod crossing;
mod ending;
mod handles;
mod import_export;
mod incoming;
mod key_dates;
mod keys;
mod known_keys;
// Its sentences are docs, too, with words in brackets that are no links.
#[allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]
pub mod messages;
mod nick_saves;
mod nicks;
mod outgoing;
mod overview;
mod patterns;
mod persistence;
mod policy;
mod private;
mod save_retry;
mod session;
mod smp;
mod speak;
mod split_lines;
mod standing;
mod versions;

pub use action::{Action, Event, Now};
pub use closed::hash;
pub use conversation::{Conversation, Phase, Private, SmpState};
pub use keys::KeyState;
pub use known_keys::ForgetError;
pub use policy::{Policy, Settings};

use crate::commands;
use crate::limits;
use crate::limits::TokenBucket;
use crate::store::{Store, StoredFile};
use crate::text::casemap::Casemap;
use conversation::HeldLine;
use conversations::Table;
use key_dates::KeyDates;
use messages::Message;
use nick_saves::NickSaves;
use otr::fragment::Reassembler;
use otr::{FingerprintStore, Otr};
use policy::Patterns;
use proto::account::{self, Account};
use proto::admin::WorkerStatus;
use proto::irc::Nick;
use proto::shim::guard::Rule;
use proto::shim::{Call, Effect, Hello, Network, Style};
use proto::worker::WorkerConfig;
use save_retry::SaveRetry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use zeroize::Zeroizing;

/// The conversations of one account.
pub struct Engine {
    pub(crate) account: Account,
    /// The ZNC user that our files name.
    files_of: account::Name,
    pub(crate) otr: Otr,
    /// Whose keys are known, by folded nick.
    pub(crate) known: FingerprintStore,
    /// The next peer's.
    next_handle: u64,
    pub(crate) key: KeyState,
    pub(crate) settings: Settings,
    /// What the admin set.
    pub(crate) config: WorkerConfig,
    /// How our files lie on disk, in words.
    pub(crate) at_rest: &'static str,
    pub(crate) network: Network,
    casemap: Casemap,
    patterns: Patterns,
    /// What the connected module said of itself.
    pub(crate) module: Option<Hello>,
    /// By folded nick.
    pub(crate) conversations: Table,
    /// So many nicks are closed that everybody is.
    everybody: bool,
    /// Nicks that the user's word opens in this step.
    opened: Vec<Nick>,
    /// How conversations stand, as the module knows it.
    told: standing::Told,
    /// The rules as the module knows them.
    rules_told: Vec<Rule>,
    /// Peers' lines that need our key, in order.
    held: Vec<HeldLine>,
    fragments: Reassembler,
    key_exchanges: TokenBucket,
    authentications: TokenBucket,
    error_replies: TokenBucket,
    heartbeats: TokenBucket,
    /// When libotr wants to wipe the keys of exchanges that nobody answered.
    wipe_at: Option<Duration>,
    /// Told to the user as soon as a module is there.
    notes: Vec<(Style, String)>,
    pub(crate) now: Now,
    actions: Vec<Action>,
    to_save: BTreeSet<StoredFile>,
    nick_saves: NickSaves,
    key_dates: KeyDates,
    /// Damaged, and still in their place: never written over.
    write_protected: BTreeSet<StoredFile>,
    save_retries: BTreeMap<StoredFile, SaveRetry>,
    /// Our key until it is known to be on disk.
    key_not_on_disk: Option<Zeroizing<Vec<u8>>>,
}

impl Engine {
    /// Loads what is on disk. A damaged file is set aside and told; it never keeps the rest from
    /// working.
    ///
    /// # Errors
    /// Only where libotr itself cannot hold the account.
    pub fn load(account: Account, store: &mut dyn Store, now: Now) -> Result<Self, otr::NewError> {
        Self::load_files_of(&account.user.clone(), account, store, now)
    }

    /// The same, of files that name another ZNC user: the network was moved.
    ///
    /// # Errors
    /// Only where libotr itself cannot hold the account.
    pub fn load_files_of(
        user: &account::Name,
        account: Account,
        store: &mut dyn Store,
        now: Now,
    ) -> Result<Self, otr::NewError> {
        let otr = Otr::new(user.as_str())?;
        let known = FingerprintStore::new(user.as_str())?;
        let mut engine = Self {
            account,
            files_of: user.clone(),
            otr,
            known,
            next_handle: 0,
            key: KeyState::None,
            settings: Settings::default(),
            config: WorkerConfig::default(),
            at_rest: "plain",
            network: Network::default(),
            casemap: Casemap::default(),
            patterns: Patterns::default(),
            module: None,
            conversations: Table::default(),
            everybody: false,
            opened: Vec::new(),
            told: standing::Told::default(),
            rules_told: Vec::new(),
            held: Vec::new(),
            fragments: Reassembler::default(),
            key_exchanges: TokenBucket::new(limits::AKE_BURST_ALL, limits::AKE_EVERY_ALL),
            authentications: TokenBucket::new(limits::SMP_BURST_ALL, limits::SMP_EVERY_ALL),
            error_replies: TokenBucket::new(
                limits::ERROR_REPLIES_BURST_ALL,
                limits::ERROR_REPLIES_EVERY_ALL,
            ),
            heartbeats: TokenBucket::new(
                limits::HEARTBEATS_BURST_ALL,
                limits::HEARTBEATS_EVERY_ALL,
            ),
            wipe_at: None,
            notes: Vec::new(),
            now,
            actions: Vec::new(),
            to_save: BTreeSet::new(),
            nick_saves: NickSaves::default(),
            key_dates: KeyDates::default(),
            write_protected: BTreeSet::new(),
            save_retries: BTreeMap::new(),
            key_not_on_disk: None,
        };
        engine.remember(store);
        engine.fold_patterns();
        Ok(engine)
    }

    /// One step: what happened in, what is to be done out, in order. Files to be saved come
    /// first, so that nothing is told that a crash could undo.
    pub fn step(&mut self, now: Now, event: Event) -> Vec<Action> {
        self.now = now;
        if !matches!(event, Event::NotSaved(..)) {
            self.forget_saved_key();
        }
        match event {
            Event::Hello(hello) => self.greet(hello),
            Event::Again(hello) => {
                self.module = Some(hello);
                self.rules_told = self.rules();
                self.tell_standings_since();
            }
            Event::Gone => self.module_gone(),
            Event::Returned => self.forget_waiting(),
            Event::End => {
                if self.nick_saves.due().is_some() {
                    self.save_nick_changes_now();
                }
                self.give_all_back(&Message::BackOtrdEnds {});
            }
            Event::Call(call) => self.call(call),
            Event::Command(line) => commands::run_line(self, line.as_bytes()),
            Event::Do(command) => commands::run(self, &command),
            Event::KeyMade(file) => self.key_made(&file),
            Event::KeyFailed(why) => self.key_failed(&why),
            Event::NotSaved(name, why) => self.not_saved(name, &why),
            Event::Tick => {}
        }
        self.tick();
        self.end_of_step()
    }

    fn end_of_step(&mut self) -> Vec<Action> {
        let touched = self.conversations.settle();
        self.guard_changes(&touched);
        self.standing_changes(&touched);
        self.conversations.settled(touched);
        self.rules_changes();
        let mut actions = self.saves();
        actions.append(&mut self.actions);
        actions
    }

    /// The time, for who only looks.
    pub fn set_now(&mut self, now: Now) {
        self.now = now;
    }

    /// Takes what the admin set. The next step tells what that changes.
    pub fn set_config(&mut self, config: WorkerConfig) {
        self.config = config;
        self.fold_patterns();
        self.conversations.touch_all();
    }

    /// Whether there is a key.
    pub fn key_state(&self) -> &KeyState {
        &self.key
    }

    /// How the files lie on disk, for who asks.
    pub fn set_at_rest(&mut self, at_rest: &'static str) {
        self.at_rest = at_rest;
    }

    /// When [`Event::Tick`] is due, in the time of [`Now::mono`].
    pub fn next_deadline(&self) -> Option<Duration> {
        [self.conversations.next_deadline(), self.wipe_at, self.save_due(), self.nick_saves.due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether a worker without a module still has something to lose, and for how long it should
    /// stay for it.
    pub fn linger(&self) -> Option<Duration> {
        if matches!(self.key, KeyState::Generating { .. }) {
            return None;
        }
        let private = self.conversations.values().any(|c| matches!(c.phase, Phase::Private(_)));
        let seconds = if private { self.config.linger_private } else { self.config.linger };
        Some(Duration::from_secs(seconds))
    }

    /// What an admin may know.
    pub fn status(&self) -> WorkerStatus {
        let count = |wanted: fn(&Conversation) -> bool| {
            u32::try_from(self.conversations.values().filter(|c| wanted(c)).count())
                .unwrap_or(u32::MAX)
        };
        let module = self.module.as_ref();
        WorkerStatus {
            connected: module.is_some(),
            shim: module.map(|m| m.shim.clone()).unwrap_or_default(),
            znc: module.map(|m| m.znc.clone()).unwrap_or_default(),
            key: self.key.word().into(),
            sessions: count(|c| matches!(c.phase, Phase::Private(_))),
            blocked: count(|c| matches!(c.phase, Phase::Blocked { .. } | Phase::Moved { .. })),
            waiting: u32::try_from(self.waiting()).unwrap_or(u32::MAX),
            memory: 0,
            at_rest: self.at_rest.into(),
            sandbox: String::new(),
        }
    }

    fn greet(&mut self, hello: Hello) {
        let closed = hello.closed.clone();
        self.module = Some(hello);
        self.rules_told = self.rules();
        self.give_all_back(&Message::BackModuleGone {});
        if let Some(closed) = closed {
            self.take_over(&closed);
        }
        self.tell_standings();
        // Until the module says otherwise: a new connection may belong to a new ZNC.
        self.network.connected = false;
        for (style, text) in std::mem::take(&mut self.notes) {
            self.say(style, text);
        }
        self.compare_versions();
    }

    fn module_gone(&mut self) {
        self.network.connected = false;
        let comes_back = self.module.take().is_some_and(|module| module.instance.is_some());
        // A module that got no reply gave the line back already: what waits must never go out
        // after that.
        if !comes_back {
            self.give_all_back(&Message::BackModuleGone {});
        }
    }

    fn give_all_back(&mut self, why: &Message) {
        for peer in self.conversations.busy() {
            self.give_back(&peer, why);
        }
    }

    fn call(&mut self, call: Call) {
        match call {
            Call::Network(network) => self.network_changed(network),
            Call::Out(out) => self.outgoing(out),
            Call::In(message) => self.incoming(message),
            Call::Command(line) => commands::run_line(self, line.text.as_bytes()),
            Call::Typed(command) => commands::run(self, &command),
            Call::Nick(change) => self.renamed(&change.old, &change.new),
            Call::Quit(presence) => self.left(&presence.nick),
            Call::Join(presence) => self.came(&presence.nick),
            Call::State(_) | Call::Ack(_) | Call::Bye(_) => {}
        }
    }

    fn network_changed(&mut self, network: Network) {
        if let Some(casemapping) = &network.casemapping {
            self.change_casemap(Casemap::parse(casemapping), casemapping.clone());
        }
        let connects = network.connected && !self.network.connected;
        let old_data = network.old_data && !self.network.old_data;
        if network.status_prefix != self.network.status_prefix {
            self.conversations.touch_all(); // for whose policy it is that of ZNC's own
        }
        self.network = network;
        if old_data {
            self.tell_of_old_data();
        }
        if connects {
            self.ask_blocked_anew();
        }
    }

    fn tick(&mut self) {
        // Looking at each that waits would make every line dearer.
        if self.conversations.next_deadline().is_some_and(|at| at <= self.now.mono) {
            self.expire_waiting();
            self.expire_smp();
            self.expire_splits();
            self.expire_crossings();
        }
        self.wipe_unanswered();
        self.save_again();
        self.save_nick_changes();
    }

    fn wipe_unanswered(&mut self) {
        if self.wipe_at.is_some_and(|at| at <= self.now.mono) {
            self.otr.poll();
            self.wipe_at = None;
        }
        if self.wipe_at.is_none() {
            self.wipe_at = self.otr.poll_every().map(|every| self.now.mono + every);
        }
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.actions.push(Action::Effect(effect));
    }
}
