//! A worker, and what is under way with it.

use super::event::Event;
use crate::channel::Channel;
use crate::context::Context;
use crate::fd_store;
use crate::heartbeat::{Due, Heartbeat};
use crate::inherited::{self, HandedOver, Stored};
use crate::keygen::Keygen;
use crate::line_io::clip;
use crate::message_id;
use crate::module_connection::ModuleConnection;
use crate::process::Process;
use crate::record::WorkerRecord;
use crate::requests::{PendingRequest, WorkerResponse, no_answer};
use crate::spawn::{self, Running};
use crate::state_dir;
use crate::turns::Turn;
use nix::time::{ClockId, clock_gettime};
use proto::account::Account;
use proto::admin::{Output, WorkerStatus};
use proto::jsonrpc::Error;
use proto::shim::Effect;
use proto::worker::{CommandFailed, ToWorker};
use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A worker is ready by then, or killed.
const READY_TIME: Duration = Duration::from_secs(10);
/// Bytes of each text in a worker's status.
pub(super) const STATUS_TEXT: usize = 100;
/// How long what is under way to a worker holds up a change of fronts.
const FLUSH_TIME: Duration = Duration::from_millis(500);

/// The monotonic clock, which processes share.
fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}

/// A worker and what is under way with it.
pub(super) struct Worker {
    pub(super) running: Running,
    pub(super) pid: u32,
    /// Its version of the control protocol.
    pub(super) control: u32,
    /// Its release, where it says that.
    pub(super) version: Option<String>,
    /// An earlier front started it.
    pub(super) taken_up: bool,
    /// What it was asked by this front first, until it answers that.
    pub(super) taking_up: Option<u64>,
    pub(super) started: Instant,
    pub(super) ready: bool,
    /// Its place among those that start at once, until it is ready.
    pub(super) turn: Option<Turn>,
    /// Its channel has ended.
    pub(super) lost: bool,
    /// Shutdown was said, or SIGKILL sent: its end is no surprise.
    pub(super) told_to_end: bool,
    pub(super) kill_at: Option<Instant>,
    pub(super) heartbeat: Heartbeat,
    pub(super) keygen: Option<Keygen>,
    /// The worker asked for another one before this one had ended.
    pub(super) keygen_again: bool,
    pub(super) asked: BTreeMap<u64, PendingRequest>,
    pub(super) last_seq: u64,
    /// The status that decides whether it is really idle, see `idle` in worker_events.rs.
    pub(super) idle_check: Option<u64>,
}

impl Worker {
    pub(super) fn start(
        context: &Context,
        account: &Account,
        directory: state_dir::Directory,
        turn: Turn,
    ) -> io::Result<Self> {
        let theirs = directory.try_clone()?;
        let mut running = spawn::worker(&context.worker, directory)?;
        let allow_no_landlock = context.allow_no_landlock;
        let config = context.worker_config.borrow().clone();
        let at_rest = context.at_rest();
        let files_of = context.state.files_of(account).map_err(io::Error::other)?;
        let start = ToWorker::Start {
            account: account.clone(),
            files_of: Some(files_of.clone()).filter(|of| of != account),
            allow_no_landlock,
            config,
            at_rest,
            control: proto::worker::VERSION,
        };
        running.channel.send(&start, Some(theirs)).map_err(io::Error::other)?;
        if let Some(master_secrets) = &context.master_secrets {
            let key = master_secrets.pipe(&files_of)?;
            running.channel.send(&ToWorker::Secret, Some(key)).map_err(io::Error::other)?;
        }
        let started = Instant::now();
        let pid = match &running.process {
            Process::Started(child) => child.id().unwrap_or_default(),
            Process::TakenUp(_) => 0,
        };
        Ok(Self {
            ready: false,
            turn: Some(turn),
            kill_at: Some(started + READY_TIME),
            ..Self::new(running, pid, started)
        })
    }

    /// Goes on with a worker of an earlier front. Whether it is what its record says, its first
    /// answer shows.
    pub(super) fn take_up(context: &Context, stored: Stored) -> io::Result<Self> {
        let Stored { channel, record } = stored;
        if !proto::worker::is_served(record.control) {
            let version = record.control;
            let why = format!("it speaks version {version} of the control protocol");
            return Err(io::Error::other(why));
        }
        let process = Process::take_up(record.pid)?;
        let channel = Channel::take_up(channel)?;
        let running = Running::take_up(process, channel);
        let now = Instant::now();
        let age = Duration::from_secs(since_boot().as_secs().saturating_sub(record.started));
        let mut worker = Self {
            control: record.control,
            taken_up: true,
            heartbeat: Heartbeat::Asked(now),
            // Above all that an earlier front has asked.
            last_seq: u64::try_from(since_boot().as_nanos()).unwrap_or(u64::MAX / 2),
            ..Self::new(running, record.pid, now.checked_sub(age).unwrap_or(now))
        };
        let seq = worker.seq();
        worker.taking_up = Some(seq);
        let at_rest = context.at_rest();
        let config = context.worker_config.borrow().clone();
        let first = match record.control {
            1 => ToWorker::Status { seq },
            _ => ToWorker::TakeUp { seq, control: proto::worker::VERSION, config, at_rest },
        };
        worker.running.channel.send(&first, None).map_err(io::Error::other)?;
        if let Some(master_secrets) = context.master_secrets.as_ref().filter(|_| record.control > 1)
        {
            // The key that it was started with: a moved account keeps that of its first name.
            let files_of = context.state.files_of(&record.account).map_err(io::Error::other)?;
            let key = master_secrets.pipe(&files_of)?;
            worker.running.channel.send(&ToWorker::Secret, Some(key)).map_err(io::Error::other)?;
        }
        Ok(worker)
    }

    fn new(running: Running, pid: u32, started: Instant) -> Self {
        Self {
            running,
            pid,
            control: proto::worker::OLDEST,
            version: None,
            taken_up: false,
            taking_up: None,
            started,
            ready: true,
            turn: None,
            lost: false,
            told_to_end: false,
            kill_at: None,
            heartbeat: Heartbeat::Heard(started),
            keygen: None,
            keygen_again: false,
            asked: BTreeMap::new(),
            last_seq: 0,
            idle_check: None,
        }
    }

    /// Its record, for a front that comes after us.
    pub(super) fn record(&self, account: &Account) -> WorkerRecord {
        let started = since_boot().saturating_sub(self.started.elapsed()).as_secs();
        let account = account.clone();
        WorkerRecord { control: self.control, pid: self.pid, started, account }
    }

    /// Has systemd keep it for the next front.
    pub(super) fn keep(&self, account: &Account) {
        if !fd_store::is_there() {
            return;
        }
        let name = inherited::name_of(self.pid);
        // What is left of another process of this number.
        fd_store::forget(&name);
        match self.record(account).seal() {
            Ok(record) => fd_store::keep(&name, &[self.running.channel.as_fd(), record.as_fd()]),
            Err(error) => {
                tracing::warn!(%account, %error, "{account}: a worker will not outlive otrd")
            }
        }
    }

    /// Gives it all that was said to it, where it takes that soon, and what a front has to have
    /// that goes on with it.
    pub(super) async fn hand_over(&mut self, account: &Account) -> Option<HandedOver> {
        // One that has not answered our `take_up` yet may go on, too: the next front numbers its own
        // higher, and passes over the answer to ours.
        if !self.takes() {
            return None;
        }
        let flushed = timeout(FLUSH_TIME, self.running.channel.flushed()).await;
        let (uid, pid) = (account.uid, self.pid);
        if flushed.is_err() {
            tracing::warn!(%account, uid, pid, "{account}: a worker does not take what was for it");
        }
        let record = self.record(account);
        let handed = self.running.channel.pass().and_then(|channel| {
            Ok(HandedOver { name: inherited::name_of(pid), channel, record: record.seal()? })
        });
        match handed {
            Ok(handed) => Some(handed),
            Err(error) => {
                tracing::warn!(%account, uid, pid, %error, "{account}: a worker cannot be handed over");
                None
            }
        }
    }

    /// What happens next; nothing, for ever, where there is no worker. Safe to be dropped.
    pub(super) async fn next(worker: Option<&mut Self>) -> Event {
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
            said = worker.running.channel.next(), if !lost => match said {
                Ok(said) => Event::FromWorker(said),
                Err(lost) => Event::Lost(lost.to_string()),
            },
            event = key => Event::Key(event),
            ending = worker.running.process.wait() => Event::Ended(ending),
        }
    }

    /// Whether it is of another release than this front.
    pub(super) fn is_outdated(&self) -> bool {
        self.taken_up && self.version.as_deref() != Some(env!("CARGO_PKG_VERSION"))
    }

    /// Whether it takes connections and questions.
    pub(super) fn takes(&self) -> bool {
        self.ready && !self.lost && !self.told_to_end
    }

    pub(super) fn seq(&mut self) -> u64 {
        self.last_seq += 1;
        self.last_seq
    }

    pub(super) fn ask(
        &mut self,
        asked: PendingRequest,
        message: impl FnOnce(u64) -> (ToWorker, Option<OwnedFd>),
    ) {
        let seq = self.seq();
        let (message, fd) = message(seq);
        match self.running.channel.send(&message, fd) {
            Ok(()) => drop(self.asked.insert(seq, asked)),
            Err(_) => asked.give_up(),
        }
    }

    /// A worker that takes nothing more has other troubles than this.
    pub(super) fn tell(&mut self, message: &ToWorker) {
        if !self.told_to_end && self.running.channel.send(message, None).is_err() {
            tracing::warn!(
                message_id = message_id::WORKER_SAYS,
                pid = self.pid,
                "the worker does not take new settings"
            );
        }
    }

    pub(super) fn adopt(&mut self, connection: ModuleConnection, account: &Account) {
        if self.running.channel.is_full() {
            return connection.refuse(no_answer());
        }
        let sent = connection.into_parts().and_then(|(socket, id, hello, rest, arrival)| {
            let adopt = ToWorker::Adopt { id, hello: Box::new(hello), rest, arrival };
            self.running.channel.send(&adopt, Some(socket)).map_err(io::Error::other)
        });
        let (uid, pid) = (account.uid, self.pid);
        match sent {
            Ok(()) => {
                tracing::info!(message_id = message_id::MODULE, %account, uid, pid, "{account}: module handed over")
            }
            Err(error) => {
                tracing::warn!(%account, uid, pid, %error, "{account}: module not handed over")
            }
        }
    }

    pub(super) fn status(&mut self, seq: u64, said: WorkerStatus) {
        // A late answer has nobody who waits for it.
        let Some(PendingRequest::Status { reply, mut status, .. }) = self.asked.remove(&seq) else {
            return;
        };
        status.worker = Some(WorkerStatus {
            shim: clip(&said.shim, STATUS_TEXT),
            znc: clip(&said.znc, STATUS_TEXT),
            key: clip(&said.key, STATUS_TEXT),
            sandbox: clip(&said.sandbox, STATUS_TEXT),
            ..said
        });
        drop(reply.send(*status));
    }

    pub(super) fn output(&mut self, seq: u64, outcome: Result<Output, CommandFailed>) {
        let shown = |effect: &Effect| matches!(effect, Effect::Print { .. } | Effect::Table { .. });
        let outcome = outcome.map_err(Error::from).map(|mut output| {
            output.output.retain(shown);
            WorkerResponse::Output(output)
        });
        self.said(seq, outcome);
    }

    pub(super) fn said(&mut self, seq: u64, outcome: Result<WorkerResponse, Error>) {
        if let Some(PendingRequest::Forwarded { reply, .. }) = self.asked.remove(&seq) {
            drop(reply.send(outcome));
        }
    }

    pub(super) fn give_up_until(&mut self, now: Instant) {
        let asked = std::mem::take(&mut self.asked).into_iter();
        let (late, asked) = asked.partition(|(_, asked)| asked.until() <= now);
        self.asked = asked;
        BTreeMap::into_values(late).for_each(PendingRequest::give_up);
    }

    pub(super) fn shutdown(&mut self, patience: Duration) {
        if !self.told_to_end && self.running.channel.send(&ToWorker::Shutdown, None).is_ok() {
            self.told_to_end = true;
        }
        self.keygen = None;
        self.kill_within(patience);
    }

    /// When its end or its heartbeat is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let heartbeat = self.takes().then(|| self.heartbeat.next());
        self.kill_at.into_iter().chain(heartbeat).min()
    }

    pub(super) fn feel_pulse(&mut self, now: Instant) -> Due {
        let due = self.heartbeat.check(now);
        if due == Due::Ask {
            let seq = self.seq();
            // Any answer will do. Where there is no room for the question, none comes.
            let _ = self.running.channel.send(&ToWorker::Status { seq }, None);
        }
        due
    }

    pub(super) fn kill_within(&mut self, patience: Duration) {
        let at = Instant::now() + patience;
        self.kill_at = Some(self.kill_at.map_or(at, |before| before.min(at)));
    }

    pub(super) fn kill(&mut self) {
        self.kill_at = None;
        if let Err(error) = self.running.process.kill() {
            tracing::warn!(pid = self.pid, %error, "cannot kill the worker");
        }
    }
}
