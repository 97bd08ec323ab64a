//! One account's keeper: a task that has a worker started when somebody needs it, brings it its
//! connections and questions, and starts the next one after it died.
//!
//! A worker that died is not started again by itself: its module's connection died with it, and
//! the module's next hello starts a new one.

use crate::conn::{Newcomer, clip};
use crate::front::Front;
use crate::keygen::{KeyEvent, Keygen};
use crate::pulse::{Beat, Pulse};
use crate::spawn::{self, Process};
use crate::state;
use proto::account::Account;
use proto::admin::{AccountStatus, Output, WorkerStatus};
use proto::control::{CommandFailed, ToFront, ToWorker};
use proto::jsonrpc::{Code, Error};
use proto::moving::{Exported, Forgotten, Imported, Order};
use proto::shim::Effect;
use proto::text::Text;
use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// A worker is ready by then, or killed.
const READY_TIME: Duration = Duration::from_secs(10);
/// A module or a command waits at most so long for a worker that is being started...
const WAIT_TIME: Duration = Duration::from_secs(10);
/// ...and so long for the next start after one that failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// Modules and commands that wait for one worker to start.
const WAITING: usize = 16;
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
/// A worker that lived so long did not fail at its start.
const LONG_LIFE: Duration = Duration::from_secs(10);
/// Bytes of each text in a worker's status.
const STATUS_TEXT: usize = 100;

/// What others want of an account.
pub enum Ask {
    /// A module is here.
    Hello(Box<Newcomer>),
    /// Something that only its worker knows.
    Question { question: Question, reply: Reply<Said> },
    /// How it is.
    Status { reply: oneshot::Sender<AccountStatus> },
    /// Ends the worker, then the account.
    Forget { remove: bool, reply: Reply<Forgotten> },
}

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What a worker is asked for an admin.
pub enum Question {
    /// A line for `*otr`.
    Command(Text),
    /// Keys and fingerprints of another program, in a descriptor.
    Import { order: Order, files: OwnedFd },
    /// Ours, into a descriptor.
    Export { files: OwnedFd },
}

/// What it answers.
pub enum Said {
    Output(Output),
    Imported(Imported),
    Exported(Exported),
}

/// What makes a keeper act.
enum Event {
    Asked(Ask),
    Said(ToFront),
    Lost(String),
    Ended(io::Result<ExitStatus>),
    Key(KeyEvent),
    /// The admin has set something else.
    Site,
    Time,
    Stop,
}

/// Keeps one account until nobody needs it any more.
pub async fn keep(front: Rc<Front>, account: Account, mut asks: mpsc::Receiver<Ask>) {
    let mut stop = front.stopping.subscribe();
    let mut site = front.site.subscribe();
    let mut keeper = Keeper::new(front, account);
    loop {
        let wake = keeper.wake();
        let stopping = keeper.stopping;
        let event = tokio::select! {
            Some(ask) = asks.recv() => Event::Asked(ask),
            event = Worker::next(keeper.worker.as_mut()) => event,
            () = sleep(wake) => Event::Time,
            Ok(()) = site.changed() => Event::Site,
            _ = stop.wait_for(|stop| *stop), if !stopping => Event::Stop,
        };
        keeper.handle(event);
        keeper.mind_the_time();
        // No await between this look and `forget`: nobody can ask meanwhile.
        if keeper.is_over() && asks.is_empty() {
            break;
        }
    }
    keeper.front.forget(&keeper.account);
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}

struct Keeper {
    front: Rc<Front>,
    account: Account,
    worker: Option<Worker>,
    /// In the order in which they came, each with the time when it came.
    waiting: Vec<(Instant, Waiting)>,
    restarts: u32,
    backoff: Backoff,
    /// The account is to be forgotten as soon as the worker has ended: whether its files are
    /// removed, and who waits for it.
    ending: Option<(bool, Reply<Forgotten>)>,
    stopping: bool,
}

/// Who waits for a worker to be ready.
enum Waiting {
    Hello(Box<Newcomer>),
    Question { question: Question, reply: Reply<Said> },
}

impl Waiting {
    fn refuse(self, error: Error) {
        match self {
            Waiting::Hello(newcomer) => newcomer.refuse(error),
            // Who asked may be gone.
            Waiting::Question { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

/// A worker and what is under way with it.
struct Worker {
    process: Process,
    pid: u32,
    started: Instant,
    ready: bool,
    /// Its channel has ended.
    lost: bool,
    /// Shutdown was said, or SIGKILL sent: its end is no surprise.
    told_to_end: bool,
    kill_at: Option<Instant>,
    pulse: Pulse,
    keygen: Option<Keygen>,
    /// The worker asked for another one before this one had ended.
    keygen_again: bool,
    asked: BTreeMap<u64, Asked>,
    last_seq: u64,
    /// The status that decides whether it is really idle, see [`Keeper::idle`].
    idle_check: Option<u64>,
}

/// A question under way, with the time after which it goes unanswered.
enum Asked {
    Status { until: Instant, reply: oneshot::Sender<AccountStatus>, status: AccountStatus },
    Question { until: Instant, reply: Reply<Said> },
}

impl Asked {
    fn until(&self) -> Instant {
        match self {
            Asked::Status { until, .. } | Asked::Question { until, .. } => *until,
        }
    }

    fn give_up(self) {
        match self {
            Asked::Status { reply, status, .. } => drop(reply.send(status)),
            Asked::Question { reply, .. } => drop(reply.send(Err(no_answer()))),
        }
    }
}

fn no_answer() -> Error {
    Error::new(Code::Busy, "the worker does not answer: try again, or see otrctl status")
}

impl Keeper {
    fn new(front: Rc<Front>, account: Account) -> Self {
        Self {
            front,
            account,
            worker: None,
            waiting: Vec::new(),
            restarts: 0,
            backoff: Backoff::default(),
            ending: None,
            stopping: false,
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Asked(Ask::Hello(newcomer)) => self.wait(Waiting::Hello(newcomer)),
            Event::Asked(Ask::Question { question, reply }) => {
                self.wait(Waiting::Question { question, reply });
            }
            Event::Asked(Ask::Forget { remove, reply }) => self.end_account(remove, reply),
            Event::Asked(Ask::Status { reply }) => self.ask_status(reply),
            Event::Said(said) => self.said(said),
            Event::Lost(why) => self.lost(&why),
            Event::Ended(status) => self.ended(status),
            Event::Key(event) => self.key(event),
            Event::Site => {
                if let Some(worker) = &mut self.worker {
                    worker.tell(&ToWorker::Site(self.front.site.borrow().clone()));
                }
            }
            Event::Time => {}
            Event::Stop => {
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
        if self.stopping || self.waiting.len() >= WAITING || self.backoff.next > now + PATIENCE {
            return waiting.refuse(Code::Busy.into());
        }
        self.waiting.push((now, waiting));
        self.serve_waiting();
    }

    /// Hands everybody who waits to a worker that is ready.
    fn serve_waiting(&mut self) {
        let Some(worker) = self.worker.as_mut().filter(|worker| worker.takes()) else { return };
        for (came, waiting) in self.waiting.drain(..) {
            worker.idle_check = None;
            match waiting {
                Waiting::Question { question, reply } => {
                    let asked = Asked::Question { until: came + COMMAND_TIME, reply };
                    worker.ask(asked, |seq| match question {
                        Question::Command(text) => (ToWorker::Command { seq, text }, None),
                        Question::Import { order, files } => {
                            (ToWorker::Import { seq, order }, Some(files))
                        }
                        Question::Export { files } => (ToWorker::Export { seq }, Some(files)),
                    });
                }
                Waiting::Hello(newcomer) => worker.adopt(*newcomer, &self.account),
            }
        }
    }

    fn refuse_waiting(&mut self, error: impl Fn() -> Error) {
        for (_, waiting) in self.waiting.drain(..) {
            waiting.refuse(error());
        }
    }

    /// Once the worker has ended, so does the account.
    fn end_account(&mut self, remove: bool, reply: Reply<Forgotten>) {
        if self.stopping || self.ending.is_some() {
            return drop(reply.send(Err(Code::Busy.into())));
        }
        self.ending = Some((remove, reply));
        match &mut self.worker {
            Some(worker) => worker.shutdown(END_TIME),
            None => self.forget(),
        }
    }

    fn forget(&mut self) {
        let Some((remove, reply)) = self.ending.take() else { return };
        let (account, uid) = (&self.account, self.account.uid);
        let forgotten = self.front.state.forget(account, remove);
        match &forgotten {
            Ok(_) => tracing::info!(%account, uid, remove, "account forgotten"),
            Err(error) => tracing::error!(%account, uid, %error, "account not forgotten"),
        }
        let refused = |error: state::Error| Error::new(Code::Refused, error.to_string());
        self.restarts = 0;
        self.backoff = Backoff::default();
        drop(reply.send(forgotten.map(|aside| Forgotten { aside }).map_err(refused)));
    }

    fn ask_status(&mut self, reply: oneshot::Sender<AccountStatus>) {
        let worker = self.worker.as_ref();
        let status = AccountStatus {
            account: self.account.clone(),
            pid: worker.map(|worker| worker.pid),
            restarts: self.restarts,
            uptime: worker.map_or(0, |worker| worker.started.elapsed().as_secs()),
            worker: None,
        };
        let until = Instant::now() + STATUS_TIME;
        let asked = Asked::Status { until, reply, status };
        match self.worker.as_mut().filter(|worker| worker.takes()) {
            Some(worker) => worker.ask(asked, |seq| (ToWorker::Status { seq }, None)),
            None => asked.give_up(),
        }
    }

    fn said(&mut self, said: ToFront) {
        let (account, uid) = (&self.account, self.account.uid);
        let Some(worker) = &mut self.worker else { return };
        let pid = worker.pid;
        worker.pulse = Pulse::Heard(Instant::now());
        match said {
            ToFront::Ready => {
                worker.ready = true;
                if !worker.lost && !worker.told_to_end {
                    worker.kill_at = None;
                }
                tracing::info!(%account, uid, pid, "worker ready");
                self.serve_waiting();
            }
            ToFront::Log { text } => {
                tracing::warn!(%account, uid, pid, text = clip(&text, 400), "worker says");
            }
            ToFront::Failed { why } => {
                tracing::error!(%account, uid, pid, why = clip(&why, 400), "worker failed");
            }
            // The key came out before its process ended: the next one is begun after that.
            ToFront::Keygen if worker.keygen.is_some() => worker.keygen_again = true,
            ToFront::Keygen if worker.takes() => {
                worker.keygen = Some(Keygen::start(self.front.clone(), account.clone()));
            }
            ToFront::Keygen => {}
            ToFront::CancelKeygen => {
                worker.keygen = None;
                worker.keygen_again = false;
            }
            ToFront::Idle => self.idle(),
            ToFront::Status { seq, status } if worker.idle_check == Some(seq) => {
                worker.idle_check = None;
                // For how long a session is worth a worker without a module, the worker knows.
                if !status.connected {
                    tracing::info!(%account, uid, pid, "worker idle: ending it");
                    worker.shutdown(END_TIME);
                }
            }
            ToFront::Status { seq, status } => worker.status(seq, status),
            ToFront::Output { seq, outcome } => worker.output(seq, outcome),
            ToFront::Imported { seq, outcome } => {
                worker.said(seq, outcome.map(Said::Imported).map_err(Error::from));
            }
            ToFront::Exported { seq, outcome } => {
                worker.said(seq, outcome.map(Said::Exported).map_err(Error::from));
            }
        }
    }

    /// The worker says that nobody needs it. A connection may have crossed that word on its way,
    /// so it is asked once more: its answer comes after it has seen everything sent before the
    /// question, and whatever is sent after the question calls the question off.
    fn idle(&mut self) {
        let Some(worker) = self.worker.as_mut().filter(|worker| worker.takes()) else { return };
        let seq = worker.seq();
        if worker.process.channel.send(&ToWorker::Status { seq }, None).is_ok() {
            worker.idle_check = Some(seq);
        }
    }

    fn lost(&mut self, why: &str) {
        let (account, uid) = (&self.account, self.account.uid);
        let Some(worker) = &mut self.worker else { return };
        // Its end, which mostly follows at once, is what an admin wants to read of.
        tracing::debug!(%account, uid, pid = worker.pid, why, "worker lost");
        worker.lost = true;
        worker.kill_within(LOST_TIME);
        // Modules come back at once when their worker dies, maybe before we know that it did.
        for (message, socket) in worker.process.channel.unsent() {
            if let (ToWorker::Adopt { id, hello, rest }, Some(socket)) = (message, socket) {
                match Newcomer::from_parts(socket, id, hello, rest) {
                    Ok(newcomer) => self.wait(Waiting::Hello(Box::new(newcomer))),
                    Err(error) => tracing::warn!(%error, "a module's connection is lost"),
                }
            }
        }
    }

    fn ended(&mut self, status: io::Result<ExitStatus>) {
        let Some(worker) = self.worker.take() else { return };
        let (account, uid, pid) = (&self.account, self.account.uid, worker.pid);
        let ending = status.map_or_else(|error| error.to_string(), spawn::ending);
        if worker.told_to_end {
            tracing::info!(%account, uid, pid, ending, "worker ended");
            self.backoff = Backoff::default();
        } else {
            tracing::error!(%account, uid, pid, ending, "worker died");
            self.restarts = self.restarts.saturating_add(1);
            self.backoff.died(worker.started.elapsed());
        }
        worker.asked.into_values().for_each(Asked::give_up);
        // Its directory is not in use any more.
        drop(worker.process);
        self.forget();
    }

    fn key(&mut self, event: KeyEvent) {
        let (account, uid) = (&self.account, self.account.uid);
        let Some(worker) = &mut self.worker else { return };
        let sent = match event {
            KeyEvent::Pipe(key) => worker.process.channel.send(&ToWorker::KeyPipe, Some(key)),
            // How the one before ended does not concern the one that is waited for.
            KeyEvent::Done | KeyEvent::Failed(_) if std::mem::take(&mut worker.keygen_again) => {
                worker.keygen = Some(Keygen::start(self.front.clone(), account.clone()));
                Ok(())
            }
            KeyEvent::Done => {
                worker.keygen = None;
                Ok(())
            }
            KeyEvent::Failed(why) => {
                tracing::warn!(%account, uid, why, "no key");
                worker.keygen = None;
                worker.process.channel.send(&ToWorker::KeyFailed { why }, None)
            }
        };
        if sent.is_err() {
            // It will read the end of the pipe, or ask again.
            worker.keygen = None;
        }
    }

    /// How long anybody waits for the worker: less where there is none to wait for.
    fn patience(&self) -> Duration {
        if self.worker.is_some() { WAIT_TIME } else { PATIENCE }
    }

    /// When something is due, the earliest first.
    fn wake(&self) -> Option<Instant> {
        let waiting = self.waiting.iter().map(|(came, _)| *came + self.patience());
        let start =
            (self.worker.is_none() && !self.waiting.is_empty()).then_some(self.backoff.next);
        let worker = self
            .worker
            .iter()
            .flat_map(|worker| worker.asked.values().map(Asked::until).chain(worker.due()));
        waiting.chain(start).chain(worker).min()
    }

    /// Does what is due.
    fn mind_the_time(&mut self) {
        let now = Instant::now();
        let patience = self.patience();
        let (late, waiting) =
            self.waiting.drain(..).partition::<Vec<_>, _>(|(came, _)| *came + patience <= now);
        self.waiting = waiting;
        late.into_iter().for_each(|(_, waiting)| waiting.refuse(no_answer()));
        if let Some(worker) = &mut self.worker {
            worker.give_up_until(now);
            if worker.takes() && worker.feel_pulse(now) == Beat::Dead {
                let (account, uid, pid) = (&self.account, self.account.uid, worker.pid);
                tracing::error!(%account, uid, pid, "worker does not answer any more");
                worker.kill_at = Some(now);
            }
            if worker.kill_at.is_some_and(|at| at <= now) {
                let (account, uid, pid) = (&self.account, self.account.uid, worker.pid);
                tracing::warn!(%account, uid, pid, "worker does not end: killing it");
                worker.kill();
            }
        } else if !self.waiting.is_empty() && self.backoff.next <= now {
            self.start();
        }
    }

    fn start(&mut self) {
        let (account, uid) = (&self.account, self.account.uid);
        let started = match self.front.state.account(account) {
            Ok(directory) => Worker::start(&self.front, account, directory),
            Err(state::Error::InUse) => {
                // It has read the end of its channel and is saving.
                tracing::info!(%account, uid, "waiting for an earlier worker to end");
                return self.backoff.died(Duration::ZERO);
            }
            Err(error) => Err(io::Error::other(error)),
        };
        match started {
            Ok(worker) => {
                tracing::info!(%account, uid, pid = worker.pid, "worker started");
                self.worker = Some(worker);
            }
            Err(error) => {
                tracing::error!(%account, uid, %error, "no worker can be started");
                self.backoff.died(Duration::ZERO);
                self.refuse_waiting(|| Code::Internal.into());
            }
        }
    }

    /// Nobody needs it, and it has nothing to remember.
    fn is_over(&self) -> bool {
        let memory = self.restarts > 0 || self.backoff.next > Instant::now();
        self.worker.is_none() && self.waiting.is_empty() && (self.stopping || !memory)
    }
}

impl Worker {
    fn start(front: &Front, account: &Account, directory: state::Directory) -> io::Result<Self> {
        let theirs = directory.try_clone()?;
        let mut process = spawn::worker(&front.worker, directory)?;
        let allow_no_landlock = front.allow_no_landlock;
        let site = front.site.borrow().clone();
        let start = ToWorker::Start { account: account.clone(), allow_no_landlock, site };
        process.channel.send(&start, Some(theirs)).map_err(io::Error::other)?;
        let started = Instant::now();
        Ok(Self {
            pid: process.child.id().unwrap_or_default(),
            process,
            started,
            ready: false,
            lost: false,
            told_to_end: false,
            kill_at: Some(started + READY_TIME),
            pulse: Pulse::Heard(started),
            keygen: None,
            keygen_again: false,
            asked: BTreeMap::new(),
            last_seq: 0,
            idle_check: None,
        })
    }

    /// What happens next; nothing, for ever, where there is no worker. Safe to be dropped.
    async fn next(worker: Option<&mut Self>) -> Event {
        let Some(worker) = worker else { return pending().await };
        let lost = worker.lost;
        let key = async {
            match &mut worker.keygen {
                Some(keygen) => keygen.next().await,
                None => pending().await,
            }
        };
        tokio::select! {
            // What it said before it ended is heard first.
            biased;
            said = worker.process.channel.next(), if !lost => match said {
                Ok(said) => Event::Said(said),
                Err(lost) => Event::Lost(lost.to_string()),
            },
            event = key => Event::Key(event),
            status = worker.process.child.wait() => Event::Ended(status),
        }
    }

    /// Whether it takes connections and questions.
    fn takes(&self) -> bool {
        self.ready && !self.lost && !self.told_to_end
    }

    fn seq(&mut self) -> u64 {
        self.last_seq += 1;
        self.last_seq
    }

    fn ask(&mut self, asked: Asked, message: impl FnOnce(u64) -> (ToWorker, Option<OwnedFd>)) {
        let seq = self.seq();
        let (message, fd) = message(seq);
        match self.process.channel.send(&message, fd) {
            Ok(()) => drop(self.asked.insert(seq, asked)),
            Err(_) => asked.give_up(),
        }
    }

    /// A worker that takes nothing more has other troubles than this.
    fn tell(&mut self, message: &ToWorker) {
        if !self.told_to_end && self.process.channel.send(message, None).is_err() {
            tracing::warn!(pid = self.pid, "the worker does not take new settings");
        }
    }

    fn adopt(&mut self, newcomer: Newcomer, account: &Account) {
        if self.process.channel.is_full() {
            return newcomer.refuse(no_answer());
        }
        let sent = newcomer.into_parts().and_then(|(socket, id, hello, rest)| {
            let adopt = ToWorker::Adopt { id, hello, rest };
            self.process.channel.send(&adopt, Some(socket)).map_err(io::Error::other)
        });
        let (uid, pid) = (account.uid, self.pid);
        match sent {
            Ok(()) => tracing::info!(%account, uid, pid, "module handed over"),
            Err(error) => tracing::warn!(%account, uid, pid, %error, "module not handed over"),
        }
    }

    fn status(&mut self, seq: u64, said: WorkerStatus) {
        // A late answer has nobody who waits for it.
        let Some(Asked::Status { reply, mut status, .. }) = self.asked.remove(&seq) else { return };
        status.worker = Some(WorkerStatus {
            shim: clip(&said.shim, STATUS_TEXT),
            znc: clip(&said.znc, STATUS_TEXT),
            key: clip(&said.key, STATUS_TEXT),
            sandbox: clip(&said.sandbox, STATUS_TEXT),
            ..said
        });
        drop(reply.send(status));
    }

    fn output(&mut self, seq: u64, outcome: Result<Output, CommandFailed>) {
        let shown = |effect: &Effect| matches!(effect, Effect::Print { .. } | Effect::Table { .. });
        let outcome = outcome.map_err(Error::from).map(|mut output| {
            output.output.retain(shown);
            Said::Output(output)
        });
        self.said(seq, outcome);
    }

    fn said(&mut self, seq: u64, outcome: Result<Said, Error>) {
        if let Some(Asked::Question { reply, .. }) = self.asked.remove(&seq) {
            drop(reply.send(outcome));
        }
    }

    fn give_up_until(&mut self, now: Instant) {
        let asked = std::mem::take(&mut self.asked).into_iter();
        let (late, asked) = asked.partition(|(_, asked)| asked.until() <= now);
        self.asked = asked;
        BTreeMap::into_values(late).for_each(Asked::give_up);
    }

    fn shutdown(&mut self, patience: Duration) {
        if !self.told_to_end && self.process.channel.send(&ToWorker::Shutdown, None).is_ok() {
            self.told_to_end = true;
        }
        self.keygen = None;
        self.kill_within(patience);
    }

    /// When its end or its pulse is due.
    fn due(&self) -> Option<Instant> {
        let pulse = self.takes().then(|| self.pulse.next());
        self.kill_at.into_iter().chain(pulse).min()
    }

    fn feel_pulse(&mut self, now: Instant) -> Beat {
        let beat = self.pulse.beat(now);
        if beat == Beat::Ask {
            let seq = self.seq();
            // Any answer will do. Where there is no room for the question, none comes.
            let _ = self.process.channel.send(&ToWorker::Status { seq }, None);
        }
        beat
    }

    fn kill_within(&mut self, patience: Duration) {
        let at = Instant::now() + patience;
        self.kill_at = Some(self.kill_at.map_or(at, |before| before.min(at)));
    }

    fn kill(&mut self) {
        self.kill_at = None;
        if let Err(error) = self.process.child.start_kill() {
            tracing::warn!(pid = self.pid, %error, "cannot kill the worker");
        }
    }
}

/// When a worker may start that follows one which died young.
struct Backoff {
    next: Instant,
    delay: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LAST: Duration = Duration::from_secs(30);

    fn died(&mut self, lived: Duration) {
        self.delay = match lived < LONG_LIFE {
            true => (self.delay * 2).clamp(Self::FIRST, Self::LAST),
            false => Duration::ZERO,
        };
        self.next = Instant::now() + self.delay;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: Instant::now(), delay: Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_dies_young_waits_longer_each_time() {
        let mut backoff = Backoff::default();
        let delays: Vec<u128> = (0..11)
            .map(|_| {
                backoff.died(Duration::from_secs(1));
                backoff.delay.as_millis()
            })
            .collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
        backoff.died(Duration::from_secs(60));
        assert_eq!(backoff.delay, Duration::ZERO);
    }
}
