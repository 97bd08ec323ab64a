//! What all connections share: the accounts, and the way to each one's supervisor.

use crate::access::{self, Mode, Rights};
use crate::args::Settings;
use crate::config::Config;
use crate::heartbeat::Liveness;
use crate::hello_rate::HelloRate;
use crate::inherited::HandedOver;
use crate::keygen::Keygens;
use crate::master_secret::MasterSecrets;
use crate::memory::Memory;
use crate::pending::PendingConnections;
use crate::requests::AccountRequest;
use crate::state_dir::StateDir;
use crate::token_bucket::{Allowance, BucketsByUid, Taken};
use crate::turns::Turns;
use proto::account::Account;
use proto::worker::{AtRest, WorkerConfig};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

/// Refusals of one uid in the log.
const REFUSALS: Allowance = Allowance { burst: 20, interval: Duration::from_secs(10) };
/// Pages of accounts for one uid that does not see everybody's.
const LISTS: Allowance = Allowance { burst: 128, interval: Duration::from_millis(250) };
/// A change of fronts holds up everybody for so long at most.
const FREEZE_TIME: Duration = Duration::from_secs(1);

/// What the front does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It serves modules and admins.
    Serving,
    /// Nothing: another front may go on with the workers, or this one.
    Frozen,
    /// It ends, and its workers with it.
    Stopping,
}

/// Shared by every task; all run on one thread.
pub struct Context {
    mode: Mode,
    /// The state directory, with the accounts' own directories in it.
    pub state: StateDir,
    /// What their files are encrypted with, where the admin gave that.
    pub master_secrets: Option<MasterSecrets>,
    /// Path of the otrd-worker program.
    pub worker: PathBuf,
    /// Whether workers may run without Landlock.
    pub allow_no_landlock: bool,
    /// What the admin set.
    config: RefCell<Config>,
    /// The workers' part of it, for their supervisors.
    pub worker_config: watch::Sender<WorkerConfig>,
    /// When the front started, for uptime.
    pub started: Instant,
    /// Connections to the module's socket before their hello.
    pub pending: RefCell<PendingConnections>,
    /// How often each account's modules said hello.
    pub hello_rate: RefCell<HelloRate>,
    /// Admin connections by uid.
    pub admins: RefCell<BTreeMap<u32, usize>>,
    /// Workers that start at once: as many as there are processors, twice. Five hundred that do
    /// would all be late.
    pub starts: Turns,
    /// Key generations: as many at once as there are processors.
    pub keygens: Rc<Keygens>,
    /// See [`Context::logs_refusal`].
    refusals: RefCell<BucketsByUid>,
    /// See [`Context::may_list`].
    lists: RefCell<BucketsByUid>,
    /// Whether accounts are served.
    pub phase: watch::Sender<Phase>,
    /// What supervisors hand over while nobody is served: one entry of each.
    frozen: RefCell<Vec<Option<HandedOver>>>,
    /// An account came or went.
    pub changed: Notify,
    /// What the workers have taken.
    pub memory: RefCell<Memory>,
    /// When each supervisor has something to do next.
    pub liveness: RefCell<Liveness>,
    /// The channel to another otrd that wants to go on from here.
    successor: RefCell<Option<OwnedFd>>,
    /// Says that there is one.
    pub succeeded: Notify,
    supervisors: RefCell<BTreeMap<Account, mpsc::Sender<AccountRequest>>>,
}

impl Context {
    /// One that knows nobody yet.
    pub fn new(settings: Settings, state: StateDir, master_secrets: Option<MasterSecrets>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let program = settings.worker.clone();
        let keygens = Keygens::new(processors, program, settings.allow_no_landlock);
        state.limit(settings.config.limits.accounts);
        Self {
            mode: settings.mode,
            state,
            master_secrets,
            worker: settings.worker,
            allow_no_landlock: settings.allow_no_landlock,
            worker_config: watch::Sender::new(settings.config.worker_config()),
            started: Instant::now(),
            pending: RefCell::new(PendingConnections::new(settings.config.limits.pending)),
            config: RefCell::new(settings.config),
            hello_rate: RefCell::default(),
            admins: RefCell::default(),
            starts: Turns::new(2 * processors),
            keygens: Rc::new(keygens),
            refusals: RefCell::new(BucketsByUid::new(REFUSALS)),
            lists: RefCell::new(BucketsByUid::new(LISTS)),
            phase: watch::Sender::new(Phase::Serving),
            frozen: RefCell::default(),
            changed: Notify::new(),
            memory: RefCell::default(),
            liveness: RefCell::default(),
            successor: RefCell::default(),
            succeeded: Notify::new(),
            supervisors: RefCell::default(),
        }
    }

    /// Takes other settings. What is there already stays, and nobody is disconnected.
    pub fn configure(&self, config: Config) {
        self.state.limit(config.limits.accounts);
        self.pending.borrow_mut().set_limit(config.limits.pending);
        self.worker_config.send_if_modified(|sent| {
            let new = config.worker_config();
            let changed = *sent != new;
            *sent = new;
            changed
        });
        self.config.replace(config);
    }

    /// Whether one more refusal of a uid is logged: without end, they would push everything else out of the
    /// journal.
    pub fn logs_refusal(&self, uid: u32) -> bool {
        self.refusals.borrow_mut().take(uid, tokio::time::Instant::now()) == Taken::Yes
    }

    /// Whether a uid may have its accounts listed once more: a list reads every directory of its in the one
    /// thread that serves everybody.
    pub fn may_list(&self, uid: u32) -> bool {
        self.lists.borrow_mut().take(uid, tokio::time::Instant::now()) == Taken::Yes
    }

    /// The most admin connections of one Unix user.
    pub fn admins_per_user(&self) -> usize {
        self.config.borrow().limits.admins
    }

    /// Notes what an account's worker has taken; whether it has to end for that.
    pub fn takes_too_much(&self, account: &Account, kib: u64) -> bool {
        let most = self.config.borrow().limits.memory.saturating_mul(1024);
        let mut memory = self.memory.borrow_mut();
        memory.heard(account, kib);
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        memory.too_much(account.uid, most) == Some(account)
    }

    /// Whether files are to be encrypted on disk; nothing without a master secret.
    pub fn at_rest(&self) -> Option<AtRest> {
        self.master_secrets.as_ref().map(|_| self.state.at_rest())
    }

    /// What a caller may ask.
    pub fn rights(&self, caller: u32) -> Rights {
        access::rights(self.mode, caller)
    }

    /// Whether a caller may take everything over.
    pub fn may_replace(&self, caller: u32) -> bool {
        access::may_replace(self.mode, nix::unistd::geteuid().as_raw(), caller)
    }

    /// The way to an account's supervisor, where it has one.
    pub fn supervisor(&self, account: &Account) -> Option<mpsc::Sender<AccountRequest>> {
        self.supervisors.borrow().get(account).cloned()
    }

    /// Whether one more account of its uid may have a supervisor.
    pub fn has_room_for(&self, account: &Account) -> bool {
        let of_uid = |kept: &&Account| kept.uid == account.uid;
        let most = self.config.borrow().limits.accounts;
        self.supervisors.borrow().keys().filter(of_uid).count() < most
    }

    /// An account has a supervisor from now on.
    pub fn add_supervisor(&self, account: Account, supervisor: mpsc::Sender<AccountRequest>) {
        self.supervisors.borrow_mut().insert(account, supervisor);
        self.changed.notify_one();
    }

    /// Another otrd wants to go on from here; false where one does already.
    pub fn is_succeeded_by(&self, channel: OwnedFd) -> bool {
        let mut successor = self.successor.borrow_mut();
        if successor.is_some() || *self.phase.borrow() != Phase::Serving {
            return false;
        }
        *successor = Some(channel);
        self.succeeded.notify_one();
        true
    }

    /// The channel to it.
    pub fn successor(&self) -> Option<OwnedFd> {
        self.successor.take()
    }

    /// Stops serving, so that another front can go on, and gives what that has to have.
    pub async fn freeze(&self) -> Vec<HandedOver> {
        self.frozen.borrow_mut().clear();
        self.phase.send_replace(Phase::Frozen);
        let all = async {
            while self.frozen.borrow().len() < self.supervisors.borrow().len() {
                self.changed.notified().await;
            }
        };
        if timeout(FREEZE_TIME, all).await.is_err() {
            tracing::warn!("some accounts cannot be handed over");
        }
        self.frozen.take().into_iter().flatten().collect()
    }

    /// Called by a supervisor that has stopped serving.
    pub fn is_frozen(&self, handed_over: Option<HandedOver>) {
        self.frozen.borrow_mut().push(handed_over);
        self.changed.notify_one();
    }

    /// Goes on after [`Context::freeze`].
    pub fn thaw(&self) {
        self.phase.send_replace(Phase::Serving);
    }

    /// Called by a supervisor that ends. It has seen no question in its queue, and nothing else has
    /// run since.
    pub fn forget(&self, account: &Account) {
        self.supervisors.borrow_mut().remove(account);
        self.liveness.borrow_mut().is_due(account, None);
        self.changed.notify_one();
    }

    /// Accounts that have a supervisor, sorted.
    pub fn kept(&self) -> Vec<Account> {
        self.supervisors.borrow().keys().cloned().collect()
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        match self.supervisors.borrow().len() {
            1 => "1 account".into(),
            count => format!("{count} accounts"),
        }
    }

    /// Ends every worker and returns when none is left.
    pub async fn stop(&self) {
        self.phase.send_replace(Phase::Stopping);
        while !self.supervisors.borrow().is_empty() {
            self.changed.notified().await;
        }
    }
}
