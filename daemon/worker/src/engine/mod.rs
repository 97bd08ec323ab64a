//! Decides. One step in, actions out; time, files and keys come from outside.
//!
//! Parts own what they decide by, and are tested alone. None knows the engine, and each uses only parts
//! that stand before it (`layers`):
//!
//! * `action`, `messages`: what goes in and comes out; what is said.
//! * `module_view`, `output`: what the connected module said, and was told; what a step does and says.
//! * `policy`, `patterns`, `policies`: how far OTR is used with whom.
//! * `allowances`, `casemapping`: what peers and the server may cause.
//! * `persistence`: which files are to be written, and when.
//! * `key_dates`, `known_keys`: when keys were made and used; what follows from whose keys are known.
//! * `split_lines`, `crossing`: lines that a gateway cut; key exchanges at the same time.
//! * `own_key`: our own key.
//! * `conversation`, `conversations`: how it stands with each; who is there.
//! * `remembered`: who stays closed over a restart.
//!
//! What concerns several parts borrows these and no others, and knows the engine no more than they do:
//!
//! * `peers`, `standing`, `key_search`: how it stands with each peer, and which key is meant; only to look at.
//! * `info`, `overview`, `help`: what the user asks; the whole account as data.
//! * `pattern_lists`, `forgetting`: what the user sets, and wants to know no more.
//! * `nicks`, `casemapping_change`, `takeover`: who is whom, by which rule, and whom a module holds closed.
//! * `closed`, `hashes`: whom to hold closed, looked at at the end of a step.
//! * `peer_limits`: what a peer may cause.
//! * `load`, `foreign_files`: what survived a restart; files of other programs.
//! * `versions`: a module and an otrd that were not made together.
//!
//! What the engine does with them, where it takes libotr, keys and conversations together:
//!
//! * `greeting`, `arrival`: a module that comes, goes and describes IRC.
//! * `outgoing`, `incoming`: what the user typed, what a peer sent.
//! * `key_exchange`: steps of key exchanges.
//! * `session`, `private`, `ending`, `smp`: what libotr said of a session, and what the user asked for.
//! * `keys`, `trust`: our key; whose keys are trusted.
//! * `run`: commands, each to whom it concerns; `borrowed`: who gets which parts.
//! * `import_export`: keys and fingerprints of other programs become ours.

mod action;
mod allowances;
mod arrival;
mod borrowed;
mod casemapping;
mod casemapping_change;
mod closed;
mod conversation;
mod conversations;
mod crossing;
mod ending;
mod foreign_files;
mod forgetting;
mod greeting;
mod hashes;
mod help;
mod import_export;
mod incoming;
mod info;
mod key_dates;
mod key_exchange;
mod key_search;
mod keys;
mod known_keys;
#[cfg(test)]
mod layers;
mod load;
// Its sentences are docs, too, with words in brackets that are no links.
#[allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags)]
pub mod messages;
mod module_view;
mod nicks;
mod outgoing;
mod output;
mod overview;
mod own_key;
mod pattern_lists;
mod patterns;
mod peer_limits;
mod peers;
mod persistence;
mod policies;
mod policy;
mod private;
mod remembered;
mod run;
mod session;
mod smp;
mod split_lines;
mod standing;
mod takeover;
mod trust;
mod versions;

pub use action::{Action, Event, Now, Outgoing};
use conversation::{Conversation, GuardTold, Phase, Private, SmpState};
pub use hashes::hash;
pub use output::left_out;
pub use own_key::KeyState;
use policy::Policy;

use crate::store::{StoredFile, StoredFiles};
use allowances::Allowances;
use casemapping::Casemapping;
use conversations::Conversations;
use key_dates::KeyDates;
use load::Loaded;
use messages::Message;
use otr::fragment::Reassembler;
use otr::{FingerprintStore, Otr, Peer};
use output::Output;
use overview::Overview;
use own_key::OwnKey;
use peers::Peers;
use persistence::Persistence;
use policies::Policies;
use proto::account::{self, Account};
use proto::admin::WorkerStatus;
use proto::irc::Nick;
use proto::overview::{AccountState, StatePage};
use proto::shim::{Standing, guard};
use proto::worker::WorkerConfig;
use remembered::Remembered;
use std::time::Duration;
use zeroize::Zeroizing;

/// The conversations of one account.
pub struct Engine {
    account: Account,
    /// The ZNC user that our files name.
    files_of: account::Name,
    otr: Otr,
    /// Whose keys are known, by folded nick.
    known: FingerprintStore,
    own_key: OwnKey,
    key_dates: KeyDates,
    policies: Policies,
    conversations: Conversations,
    persistence: Persistence,
    output: Output,
    allowances: Allowances,
    /// What the admin set.
    config: WorkerConfig,
    /// Whether our files are encrypted on disk, in words.
    at_rest: &'static str,
    fragments: Reassembler,
    /// When further conversations that a restart interrupted ask for new sessions.
    ask_anew_at: Option<Duration>,
    casemapping: Casemapping,
    /// When libotr wants to wipe the keys of exchanges that nobody answered.
    wipe_at: Option<Duration>,
    now: Now,
    /// Nicks that the user's word opens in this step.
    opened: Vec<Nick>,
}

impl Engine {
    /// An account, as its files say. They name `user`, who is not the account's where the network was
    /// moved. A damaged file never keeps the rest from working; the first step tells of it.
    ///
    /// # Errors
    /// Only where libotr itself cannot hold the account.
    pub fn load(
        account: Account,
        user: &account::Name,
        files: StoredFiles,
        now: Now,
    ) -> Result<Self, otr::NewError> {
        let loaded = Loaded::from(user, files, now)?;
        let config = WorkerConfig::default();
        let mut policies = loaded.policies;
        policies.set_by_admin(&config.policy, &config.services);
        Ok(Self {
            account,
            files_of: user.clone(),
            otr: loaded.otr,
            known: loaded.known,
            own_key: loaded.own_key,
            key_dates: loaded.key_dates,
            policies,
            conversations: loaded.conversations,
            persistence: loaded.persistence,
            output: loaded.output,
            allowances: Allowances::default(),
            config,
            at_rest: "plain",
            fragments: loaded.fragments,
            ask_anew_at: None,
            casemapping: Casemapping::default(),
            wipe_at: None,
            now,
            opened: Vec::new(),
        })
    }

    /// One step: what happened in, what is to be done out, in order. Files to be saved come
    /// first, so that nothing is told that a crash could undo.
    pub fn step(&mut self, now: Now, event: Event) -> Vec<Action> {
        self.now = now;
        self.otr.set_now(now.mono);
        // Once nothing bad was heard of the key's file, its copy is wiped.
        if !matches!(event, Event::NotSaved(..)) && !self.persistence.is_failing(StoredFile::Key) {
            self.own_key.saved();
        }
        match event {
            Event::Hello(hello) => self.greet(hello),
            Event::Again(hello) => self.greet_again(hello),
            Event::Gone => self.module_gone(),
            Event::Returned => self.conversations.forget_waiting(),
            Event::End => {
                self.persistence.put_nothing_off();
                self.conversations.give_all_back(&Message::BackOtrdEnds {}, &mut self.output);
            }
            Event::Network(network) => self.network_changed(network),
            Event::Out(out) => self.outgoing(out),
            Event::In(message) => self.incoming(message),
            Event::Nick(change) => self.nicks().renamed(&change.old, &change.new),
            Event::Quit(presence) => self.conversations.left(&presence.nick, &mut self.output),
            Event::Join(presence) => self.conversations.came(&presence.nick, &mut self.output),
            Event::Command(line) => {
                self.persistence.keep_damaged(&mut self.output);
                self.run_line(line);
            }
            Event::KeyMade(file) => self.key_made(&file),
            Event::KeyFailed(why) => self.key_failed(&why),
            Event::NotSaved(file, why) => {
                self.persistence.not_saved(file, &why, self.now.mono, &mut self.output)
            }
            Event::DamagedKept(file, aside) => {
                self.persistence.damaged_kept(file, aside, &mut self.output)
            }
            Event::Arrived(arrival) => self.arrived(&arrival),
            Event::Config(config) => self.config_changed(config),
            Event::AtRest(at_rest) => self.at_rest = at_rest,
            Event::Import(bundle, order) => {
                if !order.check {
                    self.persistence.keep_damaged(&mut self.output);
                }
                let outcome = self.moves_in(&bundle, &order);
                self.output.push(Action::Imported(outcome));
            }
            Event::Tick => {}
        }
        self.tick();
        self.end_of_step()
    }

    fn end_of_step(&mut self) -> Vec<Action> {
        let touched = self.conversations.settle();
        let opened = std::mem::take(&mut self.opened);
        self.closing().guard_changes(&opened, &touched);
        Peers::new(&self.policies, &self.known, &self.conversations)
            .tell_changes(&touched, &mut self.output);
        self.conversations.settled(touched);
        self.closing().rules_changes();
        let mut actions = self.saves();
        self.output.move_to(&mut actions);
        actions
    }

    /// The files that this step has changed.
    fn saves(&mut self) -> Vec<Action> {
        let changed = self.persistence.take();
        let save = |file| Some(Action::Save(file, self.content(file)?));
        changed.into_iter().filter_map(save).collect()
    }

    fn content(&self, file: StoredFile) -> Option<Zeroizing<Vec<u8>>> {
        let bytes = match file {
            // Written when it is made, see `keys`; here only where that failed.
            StoredFile::Key => return self.own_key.unsaved().cloned(),
            StoredFile::Fingerprints => self.known.file(),
            StoredFile::InstanceTag => self.otr.instags_file(),
            StoredFile::Settings => serde_json::to_vec_pretty(self.policies.settings()).ok()?,
            StoredFile::Conversations => {
                let required = |peer: &Peer| self.peers().is_required(peer);
                let everybody = self.conversations.everybody_closed();
                let all = self.conversations.iter();
                let remembered = Remembered::of(all, required, everybody, &self.key_dates);
                serde_json::to_vec_pretty(&remembered).ok()?
            }
        };
        Some(Zeroizing::new(bytes))
    }

    fn config_changed(&mut self, config: WorkerConfig) {
        self.policies.set_by_admin(&config.policy, &config.services);
        self.config = config;
        self.conversations.touch_all();
    }

    /// Whether there is a key.
    pub fn key_state(&self) -> &KeyState {
        self.own_key.state()
    }

    /// When [`Event::Tick`] is due, in the time of [`Now::mono`].
    pub fn next_deadline(&self) -> Option<Duration> {
        let conversations = self.conversations.next_deadline();
        let casemapping = self.casemapping.next_deadline();
        let files = self.persistence.next_deadline();
        let all = [conversations, self.ask_anew_at, casemapping, self.wipe_at, files];
        all.into_iter().flatten().min()
    }

    /// Whether a worker without a module still has something to lose, and for how long it should
    /// stay for it. `unread`: texts wait for the next module.
    pub fn linger(&self, unread: bool) -> Option<Duration> {
        if matches!(self.own_key.state(), KeyState::Generating { .. }) {
            return None;
        }
        let private = self.conversations.values().any(Conversation::is_private);
        let seconds = match private || unread || self.persistence.is_behind() {
            true => self.config.linger_private,
            false => self.config.linger,
        };
        Some(Duration::from_secs(seconds))
    }

    /// What an admin may know.
    pub fn status(&self) -> WorkerStatus {
        let module = self.output.module().hello();
        WorkerStatus {
            connected: module.is_some(),
            shim: module.map(|m| m.shim.clone()).unwrap_or_default(),
            znc: module.map(|m| m.znc.clone()).unwrap_or_default(),
            key: self.own_key.state().word().into(),
            sessions: self.conversations.count(Conversation::is_private),
            blocked: self.conversations.count(Conversation::is_interrupted),
            waiting: u32::try_from(self.conversations.waiting()).unwrap_or(u32::MAX),
            memory: 0,
            at_rest: self.at_rest.into(),
            sandbox: String::new(),
        }
    }

    /// One page of the whole account, at this time.
    pub fn overview(&self, now: Now, page: StatePage) -> AccountState {
        let Self { account, otr, own_key, key_dates, .. } = self;
        let (peers, module) = (self.peers(), self.output.module());
        Overview { account, otr, own_key, key_dates, peers, module, now }.page(page)
    }

    /// How everybody stands of whom anything is to be said.
    pub fn standings(&self) -> Vec<Standing> {
        self.peers().standings()
    }

    /// The rules for lines of other modules.
    pub fn rules(&self) -> Vec<guard::Rule> {
        self.peers().rules()
    }

    /// Peers to whom nothing may go in clear: until the user says otherwise, or for now.
    pub fn protected(&self, pending: bool) -> Vec<Nick> {
        let told = if pending { GuardTold::Pending } else { GuardTold::Closed };
        self.conversations.guarded(told)
    }

    /// Whether nothing may go in clear to anybody.
    pub fn everybody_closed(&self) -> bool {
        self.conversations.everybody_closed()
    }

    /// The user's word opens a nick, whatever is known of it here.
    fn open(&mut self, nick: &Nick) {
        self.opened.push(nick.clone());
    }

    /// The server says how it compares nicks.
    fn hear_casemapping(&mut self, word: &str) {
        let is_news = self.policies.is_other_casemapping(word);
        if self.casemapping.hear(word, is_news, self.now.mono) {
            self.nicks().change_casemap(word);
        }
    }

    /// A line of `*otr` about a peer, as often as this one may cause it.
    fn report_seldom(&mut self, peer: &Peer, message: Message) {
        self.conversations.report_seldom(peer, self.now.mono, message, &mut self.output);
    }

    fn tick(&mut self) {
        // Looking at each that waits would make every line dearer.
        if self.conversations.next_deadline().is_some_and(|at| at <= self.now.mono) {
            self.conversations.expire_waiting(
                self.now.mono,
                &mut self.persistence,
                &mut self.output,
            );
            self.conversations.expire_smp(self.now.mono, &mut self.output);
            self.conversations.expire_splits(self.now.mono, &mut self.output);
            self.expire_crossings();
        }
        if self.ask_anew_at.is_some_and(|at| at <= self.now.mono) {
            self.ask_blocked_anew();
        }
        if let Some(word) = self.casemapping.take_due(self.now.mono) {
            self.hear_casemapping(&word);
        }
        self.wipe_unanswered();
        self.persistence.tick(self.now.mono);
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
}
