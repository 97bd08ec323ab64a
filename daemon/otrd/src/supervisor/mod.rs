//! One account's supervisor: a task that has a worker started when somebody needs it, brings it its
//! connections and questions, and starts the next one after it died.
//!
//! A worker that died is not started again by itself: its module's connection died with it, and
//! the module's next hello starts a new one.
//!
//! * [`crate::requests`]: what others want of the account.
//! * [`worker`]: its worker, and what is under way with it; [`worker_events`]: what that says.
//! * [`waiting_list`]: who waits for it; [`backoff`]: when the next one may start.
//! * [`account_end`]: what an admin wants ended.
//! * [`vacate`]: making way for another network of this name.

mod account_end;
mod backoff;
mod event;
mod vacate;
mod vacating;
mod waiting_list;
mod worker;
mod worker_events;

use crate::context::{Context, Phase};
use crate::fd_store;
use crate::heartbeat::Due;
use crate::inherited::{self, Stored};
use crate::message_id;
use crate::requests::{AccountRequest, Ending, PendingRequest, Reply, Waiting};
use crate::state_dir;
use crate::turns::Turn;
use backoff::Backoff;
use event::Event;
use proto::account::Account;
use proto::admin::import_export::Forgotten;
use proto::admin::{AccountStatus, Renewed};
use proto::jsonrpc::{Code, Error};
use proto::worker::ToWorker;
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};
use vacating::Vacating;
use worker::Worker;

/// Questions that wait for one supervisor, which never takes long.
const ASKS: usize = 64;
/// A worker that does not say how it is by then is reported without.
const STATUS_TIME: Duration = Duration::from_secs(1);
/// From Shutdown to SIGKILL where the front goes on.
const END_TIME: Duration = Duration::from_secs(5);
/// From Shutdown to SIGKILL where the front ends too.
const LAST_END_TIME: Duration = Duration::from_millis(1500);
/// Brings a request to an account's supervisor, or gives it back where there is no room for it. A
/// supervisor is made where there is none.
pub fn ask(
    context: &Rc<Context>,
    account: &Account,
    ask: AccountRequest,
) -> Result<(), AccountRequest> {
    if *context.phase.borrow() == Phase::Stopping {
        return Err(ask);
    }
    if let Some(supervisor) = context.supervisor(account) {
        return supervisor.try_send(ask).map_err(|error| error.into_inner());
    }
    if !context.has_room_for(account) {
        return Err(ask);
    }
    let (supervisor, asks) = mpsc::channel(ASKS);
    supervisor.try_send(ask).map_err(|error| error.into_inner())?;
    context.add_supervisor(account.clone(), supervisor);
    spawn_local(run(Supervisor::new(context.clone(), account.clone()), asks));
    Ok(())
}

/// Goes on with the workers of an earlier front.
pub fn take_up(context: &Rc<Context>, workers: Vec<Stored>) {
    for stored in workers {
        let account = stored.record.account.clone();
        if context.supervisor(&account).is_some() {
            // It is at its end, or another one could not have been started.
            fd_store::forget(&inherited::name_of(stored.record.pid));
            continue;
        }
        let (supervisor, asks) = mpsc::channel(ASKS);
        context.add_supervisor(account, supervisor);
        spawn_local(keep_taken_up(context.clone(), stored, asks));
    }
}

/// Keeps an account that has a worker of an earlier front.
async fn keep_taken_up(context: Rc<Context>, stored: Stored, asks: mpsc::Receiver<AccountRequest>) {
    let mut supervisor = Supervisor::new(context, stored.record.account.clone());
    let name = inherited::name_of(stored.record.pid);
    match Worker::take_up(&supervisor.context, stored) {
        Ok(worker) => supervisor.worker = Some(worker),
        Err(error) => {
            fd_store::forget(&name);
            supervisor.not_taken_up(&error.to_string());
            supervisor.restarts = 1;
        }
    }
    run(supervisor, asks).await;
}

async fn run(mut supervisor: Supervisor, mut asks: mpsc::Receiver<AccountRequest>) {
    let mut phase = supervisor.context.phase.subscribe();
    let mut config = supervisor.context.worker_config.subscribe();
    loop {
        let frozen = *phase.borrow_and_update() == Phase::Frozen;
        if frozen {
            supervisor.freeze().await;
            // Where the front ends meanwhile, so does this.
            let _ = phase.wait_for(|phase| *phase != Phase::Frozen).await;
            continue;
        }
        let wake = supervisor.wake();
        supervisor.context.liveness.borrow_mut().is_due(&supervisor.account, wake);
        let event = tokio::select! {
            Some(ask) = asks.recv() => Event::Request(ask),
            event = Worker::next(supervisor.worker.as_mut()) => event,
            () = sleep(wake) => Event::Time,
            Ok(turn) = supervisor.context.starts.take(supervisor.account.uid), if supervisor.wants_to_start() => {
                Event::Turn(turn)
            }
            Ok(()) = config.changed() => Event::Config,
            Ok(()) = phase.changed() => Event::Phase,
        };
        supervisor.handle(event);
        supervisor.check_deadlines();
        // No await between this look and `forget`: nobody can ask meanwhile.
        if supervisor.is_over() && asks.is_empty() {
            break;
        }
    }
    supervisor.context.forget(&supervisor.account);
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}

struct Supervisor {
    context: Rc<Context>,
    account: Account,
    worker: Option<Worker>,
    /// In the order in which they came, each with the time when it came.
    waiting: Vec<(Instant, Waiting)>,
    restarts: u32,
    backoff: Backoff,
    /// Why its files cannot be opened, and what to do.
    locked: Option<String>,
    /// Why its workers do not start, until one does.
    failed: Option<String>,
    /// What an admin wants done as soon as the worker has ended, and who waits for it.
    ending: Option<(Ending, Reply<Forgotten>)>,
    /// Another network wants this account's name.
    vacating: Option<Vacating>,
    stopping: bool,
    /// Why the worker of an earlier front could not be taken over.
    not_taken_up: Option<String>,
    /// Who waits for the worker's end.
    renewals: Vec<Reply<Renewed>>,
}

impl Supervisor {
    fn new(context: Rc<Context>, account: Account) -> Self {
        Self {
            context,
            account,
            worker: None,
            waiting: Vec::new(),
            restarts: 0,
            backoff: Backoff::default(),
            locked: None,
            failed: None,
            ending: None,
            vacating: None,
            stopping: false,
            not_taken_up: None,
            renewals: Vec::new(),
        }
    }

    /// Another front may go on from here.
    async fn freeze(&mut self) {
        self.context.liveness.borrow_mut().is_due(&self.account, None);
        let handed_over = match &mut self.worker {
            Some(worker) => worker.hand_over(&self.account).await,
            None => None,
        };
        self.context.is_frozen(handed_over);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Request(AccountRequest::Hello(connection)) => {
                self.wait(Waiting::Hello(connection))
            }
            Event::Request(AccountRequest::Forward { request, reply }) => {
                self.wait(Waiting::Forward { request, reply });
            }
            Event::Request(AccountRequest::End { how, reply }) => self.end_account(how, reply),
            Event::Request(AccountRequest::Vacate { how, reply }) => self.vacate(how, reply),
            Event::Request(AccountRequest::Renew { reply }) => self.renew(Some(reply)),
            Event::Request(AccountRequest::Status { reply }) => self.ask_status(reply),
            Event::FromWorker(said) => self.said(said),
            Event::Lost(why) => self.lost(&why),
            Event::Ended(ending) => self.ended(&ending),
            Event::Key(event) => self.key(event),
            Event::Turn(turn) => self.start(turn),
            Event::Config => {
                if let Some(worker) = &mut self.worker {
                    worker.tell(&ToWorker::Config(self.context.worker_config.borrow().clone()));
                }
            }
            Event::Time => {}
            Event::Phase if *self.context.phase.borrow() != Phase::Stopping => {}
            Event::Phase => {
                self.stopping = true;
                self.refuse_waiting(|| {
                    Error::new(Code::Busy, "otrd is stopping: connect again when it runs")
                });
                if let Some(worker) = &mut self.worker {
                    worker.shutdown(LAST_END_TIME);
                }
            }
        }
    }

    fn ask_status(&mut self, reply: oneshot::Sender<AccountStatus>) {
        let worker = self.worker.as_ref();
        let status = AccountStatus {
            account: self.account.clone(),
            pid: worker.map(|worker| worker.pid),
            restarts: self.restarts,
            uptime: worker.map_or(0, |worker| worker.started.elapsed().as_secs()),
            version: worker.and_then(|worker| worker.version.clone()),
            taken_up: worker.is_some_and(|worker| worker.taken_up),
            not_taken_up: self.not_taken_up.clone(),
            locked: self.locked.clone(),
            worker: None,
        };
        let until = Instant::now() + STATUS_TIME;
        let asked = PendingRequest::Status { until, reply, status: Box::new(status) };
        match self.worker.as_mut().filter(|worker| worker.takes()) {
            Some(worker) => worker.ask(asked, |seq| (ToWorker::Status { seq }, None)),
            None => asked.give_up(),
        }
    }

    /// When something is due, the earliest first.
    fn wake(&self) -> Option<Instant> {
        let waiting = self.waiting.iter().map(|(came, _)| self.waits_until(*came));
        let later = self.worker.is_none() && !self.waiting.is_empty() && !self.backoff.is_over();
        let start = later.then_some(self.backoff.next);
        let worker = self.worker.iter().flat_map(|worker| {
            worker.asked.values().map(PendingRequest::until).chain(worker.due())
        });
        waiting.chain(start).chain(worker).chain(self.vacating_until()).min()
    }

    /// Does what is due.
    fn check_deadlines(&mut self) {
        let now = Instant::now();
        let waiting = std::mem::take(&mut self.waiting);
        let (late, waiting) =
            waiting.into_iter().partition::<Vec<_>, _>(|(came, _)| self.waits_until(*came) <= now);
        self.waiting = waiting;
        late.into_iter().for_each(|(_, waiting)| waiting.refuse(self.not_started()));
        self.vacating_is_late(now);
        if let Some(worker) = &mut self.worker {
            worker.give_up_until(now);
            if worker.takes() && worker.feel_pulse(now) == Due::Dead {
                let (account, uid, pid) = (&self.account, self.account.uid, worker.pid);
                tracing::error!(message_id = message_id::WORKER_HUNG, %account, uid, pid, "{account}: worker does not answer any more");
                worker.kill_at = Some(now);
            }
            if worker.kill_at.is_some_and(|at| at <= now) {
                let (account, uid, pid) = (&self.account, self.account.uid, worker.pid);
                tracing::warn!(%account, uid, pid, "{account}: worker does not end: killing it");
                worker.kill();
            }
        }
    }

    fn start(&mut self, turn: Turn) {
        let (account, uid) = (&self.account, self.account.uid);
        let started = match self.context.state.account(account) {
            Ok(directory) => Worker::start(&self.context, account, directory, turn),
            Err(state_dir::Error::InUse) => {
                // It has read the end of its channel and is saving.
                tracing::info!(%account, uid, "{account}: waiting for an earlier worker to end");
                return self.backoff.died(Duration::ZERO);
            }
            Err(error) => Err(io::Error::other(error)),
        };
        match started {
            Ok(worker) => {
                tracing::info!(message_id = message_id::WORKER_STARTED, %account, uid, pid = worker.pid, "{account}: worker started");
                self.worker = Some(worker);
                self.not_taken_up = None;
            }
            Err(error) => {
                tracing::error!(message_id = message_id::WORKER_FAILED, %account, uid, %error, "{account}: no worker can be started");
                self.backoff.died(Duration::ZERO);
                self.refuse_waiting(|| Code::Internal.into());
            }
        }
    }

    /// Nobody needs it, and it has nothing to remember.
    fn is_over(&self) -> bool {
        let memory =
            self.restarts > 0 || self.locked.is_some() || self.backoff.next > Instant::now();
        self.worker.is_none() && self.waiting.is_empty() && (self.stopping || !memory)
    }
}
