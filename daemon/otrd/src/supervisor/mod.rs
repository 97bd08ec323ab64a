//! One account's supervisor: a task that has a worker started when somebody needs it, brings it its
//! connections and questions, and starts the next one after it died.
//!
//! A worker that died is not started again by itself: its module's connection died with it, and
//! the module's next hello starts a new one.
//!
//! * [`crate::requests`]: what others want of the account.
//! * [`worker`]: its worker, and what is under way with it; [`worker_events`]: what that says.
//! * [`backoff`]: when the next one may start.
//! * [`vacate`]: making way for another network of this name.

mod backoff;
mod vacate;
mod worker;
mod worker_events;

use crate::context::{Context, Phase};
use crate::fd_store;
use crate::heartbeat::Due;
use crate::inherited::{self, Stored};
use crate::keygen::KeyEvent;
use crate::message_id;
use crate::requests::{
    AccountRequest, Ending, PendingRequest, Reply, Waiting, WorkerRequest, no_answer,
};
use crate::state_dir;
use crate::turns::Turn;
use backoff::Backoff;
use proto::account::Account;
use proto::admin::import_export::Forgotten;
use proto::admin::{AccountStatus, Renewed};
use proto::jsonrpc::{Code, Error};
use proto::worker::{ToFront, ToWorker};
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until};
use vacate::Vacating;
use worker::Worker;

/// A worker is ready by then, or killed.
const READY_TIME: Duration = Duration::from_secs(10);
/// A module or a command waits at most so long for a worker that is being started...
const WAIT_TIME: Duration = Duration::from_secs(10);
/// ...and so long for the next start after one that failed...
const PATIENCE: Duration = Duration::from_secs(5);
/// ...and so long for its turn where many start at once. A module gives up after 30 seconds.
const TURN_TIME: Duration = Duration::from_secs(25);
/// Modules and commands that wait for one worker to start.
const WAITING: usize = 16;
/// Questions that wait for one supervisor, which never takes long.
const ASKS: usize = 64;
/// A worker that does not say how it is by then is reported without.
const STATUS_TIME: Duration = Duration::from_secs(1);
/// A command's answer is here by then.
const COMMAND_TIME: Duration = Duration::from_secs(10);
/// From Shutdown to SIGKILL where the front goes on.
const END_TIME: Duration = Duration::from_secs(5);
/// From Shutdown to SIGKILL where the front ends too.
const LAST_END_TIME: Duration = Duration::from_millis(1500);
/// From a lost channel to SIGKILL.
const LOST_TIME: Duration = Duration::from_secs(1);

/// What makes a supervisor act.
enum Event {
    Request(AccountRequest),
    FromWorker(ToFront),
    Lost(String),
    /// The worker's process ended: how, in words.
    Ended(String),
    Key(KeyEvent),
    /// It is this account's turn to start a worker.
    Turn(Turn),
    /// The admin has set something else.
    Config,
    Time,
    /// The front stops, or serves again.
    Phase,
}

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

    /// Somebody needs the worker.
    fn wait(&mut self, waiting: Waiting) {
        let now = Instant::now();
        if let Some(why) = self.locked.clone().filter(|_| self.backoff.next > now) {
            return waiting.refuse(Error::new(Code::Refused, why));
        }
        if self.backoff.next > now + PATIENCE && !self.stopping {
            return waiting.refuse(self.not_started());
        }
        if self.stopping || self.waiting.len() >= WAITING {
            return waiting.refuse(Code::Busy.into());
        }
        self.waiting.push((now, waiting));
        self.serve_waiting();
    }

    /// Hands everybody who waits to a worker that is ready.
    fn serve_waiting(&mut self) {
        if self.is_awaited() {
            self.is_needed_again();
        }
        let Some(worker) = self.worker.as_mut().filter(|worker| worker.takes()) else { return };
        for (came, waiting) in self.waiting.drain(..) {
            worker.idle_check = None;
            match waiting {
                Waiting::Forward {
                    request: WorkerRequest::Do(_) | WorkerRequest::State(_),
                    reply,
                } if worker.control < 2 => drop(reply.send(Err(too_old()))),
                Waiting::Forward { request, reply } => {
                    let asked = PendingRequest::Forwarded { until: came + COMMAND_TIME, reply };
                    worker.ask(asked, |seq| match request {
                        WorkerRequest::Command(text) => (ToWorker::Command { seq, text }, None),
                        WorkerRequest::Do(command) => (ToWorker::Do { seq, command }, None),
                        WorkerRequest::State(page) => (ToWorker::State { seq, page }, None),
                        WorkerRequest::Import { order, files } => {
                            (ToWorker::Import { seq, order }, Some(files))
                        }
                        WorkerRequest::Export { files } => (ToWorker::Export { seq }, Some(files)),
                        WorkerRequest::AtRest(at_rest) => (ToWorker::AtRest { seq, at_rest }, None),
                    });
                }
                Waiting::Hello(connection) => worker.adopt(*connection, &self.account),
            }
        }
    }

    /// For who waited for a worker in vain.
    fn not_started(&self) -> Error {
        match &self.failed {
            Some(why) => Error::new(Code::Internal, format!("no worker starts: {why}")),
            None => no_answer(),
        }
    }

    fn refuse_waiting(&mut self, error: impl Fn() -> Error) {
        for (_, waiting) in self.waiting.drain(..) {
            waiting.refuse(error());
        }
    }

    /// The worker ends; whoever needs it next starts another one.
    fn renew(&mut self, reply: Option<Reply<Renewed>>) {
        let (account, uid) = (&self.account, self.account.uid);
        if let Some(worker) = &mut self.worker {
            let (pid, version) = (worker.pid, worker.version.as_deref().unwrap_or("unknown"));
            tracing::info!(message_id = message_id::RENEWED, %account, uid, pid, version, "{account}: worker is replaced");
            worker.shutdown(END_TIME);
            self.renewals.extend(reply);
        } else if let Some(reply) = reply {
            drop(reply.send(Ok(Renewed { was: None })));
        }
    }

    /// Once the worker has ended, so does the account.
    fn end_account(&mut self, how: Ending, reply: Reply<Forgotten>) {
        if self.stopping || self.ending.is_some() || self.vacating.is_some() {
            return drop(reply.send(Err(Code::Busy.into())));
        }
        self.ending = Some((how, reply));
        match &mut self.worker {
            Some(worker) => worker.shutdown(END_TIME),
            None => self.account_ended(),
        }
    }

    fn account_ended(&mut self) {
        let Some((how, reply)) = self.ending.take() else { return };
        let (account, uid) = (&self.account, self.account.uid);
        let forgotten = match &how {
            Ending::Forget { remove } => self.context.state.forget(account, *remove),
            Ending::Restore(former) => self.context.state.restore(former),
        };
        match (&forgotten, &how) {
            (Ok(_), Ending::Forget { remove }) => {
                tracing::info!(message_id = message_id::FORGOTTEN, %account, uid, remove, "{account}: forgotten")
            }
            (Ok(_), Ending::Restore(former)) => {
                tracing::info!(message_id = message_id::RESTORED, %account, uid, former = former.directory, "{account}: former files restored")
            }
            (Err(error), _) => tracing::error!(%account, uid, %error, "{account}: not changed"),
        }
        self.restarts = 0;
        self.locked = None;
        self.backoff = Backoff::default();
        drop(reply.send(forgotten.map(|aside| Forgotten { aside }).map_err(Error::from)));
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

    /// How long anybody waits for the worker: less where there is none to wait for.
    fn waits_until(&self, came: Instant) -> Instant {
        match &self.worker {
            Some(worker) => came.max(worker.started) + WAIT_TIME,
            None if self.backoff.is_over() => came + TURN_TIME,
            None => came + PATIENCE,
        }
    }

    fn wants_to_start(&self) -> bool {
        self.worker.is_none()
            && !self.waiting.is_empty()
            && !self.stopping
            && self.backoff.is_over()
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

/// What was asked for came with the second version of the worker protocol.
fn too_old() -> Error {
    let says = "this account's worker is of an older release: replace it with otrctl renew";
    Error::new(Code::Refused, says)
}
