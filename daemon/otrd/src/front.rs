//! What all connections share: the accounts, and the way to each one's keeper.

use crate::args::Settings;
use crate::config::Config;
use crate::crowd::Crowd;
use crate::hello_rate::HelloRate;
use crate::keeper::{self, Ask};
use crate::master::Masters;
use crate::peer::{self, Mode, Rights};
use crate::pulse::Minding;
use crate::state::State;
use proto::account::Account;
use proto::control::{AtRest, Site};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::spawn_local;

/// Questions that wait for one keeper, which never takes long.
const ASKS: usize = 64;

/// Shared by every task; all run on one thread.
pub struct Front {
    mode: Mode,
    /// The account directories.
    pub state: State,
    /// What their files are encrypted with, where the admin gave that.
    pub masters: Option<Masters>,
    /// The worker's program.
    pub worker: PathBuf,
    /// Whether workers may run without Landlock.
    pub allow_no_landlock: bool,
    /// What the admin set.
    config: RefCell<Config>,
    /// The workers' part of it, for their keepers.
    pub site: watch::Sender<Site>,
    /// When we started.
    pub started: Instant,
    /// Connections to the module's socket before their hello.
    pub strangers: RefCell<Crowd>,
    /// How often each account's modules said hello.
    pub hello_rate: RefCell<HelloRate>,
    /// Admin connections by uid.
    pub admins: RefCell<BTreeMap<u32, usize>>,
    /// Workers that start at once: as many as there are processors, twice. Five hundred that do
    /// would all be late.
    pub starts: Arc<Semaphore>,
    /// Key generations at once: as many as there are processors.
    pub keygens: Semaphore,
    /// Says when to stop.
    pub stopping: watch::Sender<bool>,
    /// An account came or went.
    pub changed: Notify,
    /// Which keeper minds its worker until when.
    pub minding: RefCell<Minding>,
    keepers: RefCell<BTreeMap<Account, mpsc::Sender<Ask>>>,
}

impl Front {
    /// One that knows nobody yet.
    pub fn new(settings: Settings, state: State, masters: Option<Masters>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        state.limit(settings.config.limits.accounts);
        Self {
            mode: settings.mode,
            state,
            masters,
            worker: settings.worker,
            allow_no_landlock: settings.allow_no_landlock,
            site: watch::Sender::new(settings.config.site()),
            started: Instant::now(),
            strangers: RefCell::new(Crowd::new(settings.config.limits.strangers)),
            config: RefCell::new(settings.config),
            hello_rate: RefCell::default(),
            admins: RefCell::default(),
            starts: Arc::new(Semaphore::new(2 * processors)),
            keygens: Semaphore::new(processors),
            stopping: watch::Sender::new(false),
            changed: Notify::new(),
            minding: RefCell::default(),
            keepers: RefCell::default(),
        }
    }

    /// Takes other settings. What is there already stays, and nobody is disconnected.
    pub fn configure(&self, config: Config) {
        self.state.limit(config.limits.accounts);
        self.strangers.borrow_mut().set_limit(config.limits.strangers);
        self.site.send_if_modified(|site| {
            let new = config.site();
            let changed = *site != new;
            *site = new;
            changed
        });
        self.config.replace(config);
    }

    /// The most admin connections of one Unix user.
    pub fn admins_per_user(&self) -> usize {
        self.config.borrow().limits.admins
    }

    /// How files are to lie on disk; nothing without a master secret.
    pub fn at_rest(&self) -> Option<AtRest> {
        self.masters.as_ref().map(|_| self.state.at_rest())
    }

    /// What a caller may ask.
    pub fn rights(&self, caller: u32) -> Rights {
        peer::rights(self.mode, caller)
    }

    /// Brings a question to an account's keeper, or gives it back where there is no room for it.
    /// A keeper is made where there is none.
    pub fn ask(self: &Rc<Self>, account: &Account, ask: Ask) -> Result<(), Ask> {
        if *self.stopping.borrow() {
            return Err(ask);
        }
        let mut keepers = self.keepers.borrow_mut();
        if let Some(keeper) = keepers.get(account) {
            return keeper.try_send(ask).map_err(|error| error.into_inner());
        }
        let most = self.config.borrow().limits.accounts;
        if keepers.keys().filter(|kept| kept.uid == account.uid).count() >= most {
            return Err(ask);
        }
        let (keeper, asks) = mpsc::channel(ASKS);
        keeper.try_send(ask).map_err(|error| error.into_inner())?;
        keepers.insert(account.clone(), keeper);
        spawn_local(keeper::keep(self.clone(), account.clone(), asks));
        self.changed.notify_one();
        Ok(())
    }

    /// Called by a keeper that ends. It has seen no question in its queue, and nothing else has
    /// run since.
    pub fn forget(&self, account: &Account) {
        self.keepers.borrow_mut().remove(account);
        self.minding.borrow_mut().minds(account, None);
        self.changed.notify_one();
    }

    /// Accounts that have a keeper, sorted.
    pub fn kept(&self) -> Vec<Account> {
        self.keepers.borrow().keys().cloned().collect()
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        match self.keepers.borrow().len() {
            1 => "1 account".into(),
            count => format!("{count} accounts"),
        }
    }

    /// Ends every worker and returns when none is left.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        while !self.keepers.borrow().is_empty() {
            self.changed.notified().await;
        }
    }
}
