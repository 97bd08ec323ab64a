//! A worker, and what is under way with it.

use super::ask::{Asked, Said, no_answer};
use super::{Event, READY_TIME};
use crate::conn::{Newcomer, clip};
use crate::front::Front;
use crate::keygen::Keygen;
use crate::kind;
use crate::pulse::{Beat, Pulse};
use crate::spawn::{self, Process};
use crate::state;
use proto::account::Account;
use proto::admin::{Output, WorkerStatus};
use proto::control::{CommandFailed, ToWorker};
use proto::jsonrpc::Error;
use proto::shim::Effect;
use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// Bytes of each text in a worker's status.
const STATUS_TEXT: usize = 100;

/// A worker and what is under way with it.
pub(super) struct Worker {
    pub(super) process: Process,
    pub(super) pid: u32,
    pub(super) started: Instant,
    pub(super) ready: bool,
    /// Its place among those that start at once, until it is ready.
    pub(super) turn: Option<OwnedSemaphorePermit>,
    /// Its channel has ended.
    pub(super) lost: bool,
    /// Shutdown was said, or SIGKILL sent: its end is no surprise.
    pub(super) told_to_end: bool,
    pub(super) kill_at: Option<Instant>,
    pub(super) pulse: Pulse,
    pub(super) keygen: Option<Keygen>,
    /// The worker asked for another one before this one had ended.
    pub(super) keygen_again: bool,
    pub(super) asked: BTreeMap<u64, Asked>,
    pub(super) last_seq: u64,
    /// The status that decides whether it is really idle, see [`Keeper::idle`].
    pub(super) idle_check: Option<u64>,
}

impl Worker {
    pub(super) fn start(
        front: &Front,
        account: &Account,
        directory: state::Directory,
        turn: OwnedSemaphorePermit,
    ) -> io::Result<Self> {
        let theirs = directory.try_clone()?;
        let mut process = spawn::worker(&front.worker, directory)?;
        let allow_no_landlock = front.allow_no_landlock;
        let site = front.site.borrow().clone();
        let at_rest = front.at_rest();
        let start = ToWorker::Start { account: account.clone(), allow_no_landlock, site, at_rest };
        process.channel.send(&start, Some(theirs)).map_err(io::Error::other)?;
        if let Some(masters) = &front.masters {
            let key = masters.pipe(account)?;
            process.channel.send(&ToWorker::Secret, Some(key)).map_err(io::Error::other)?;
        }
        let started = Instant::now();
        Ok(Self {
            pid: process.child.id().unwrap_or_default(),
            process,
            started,
            ready: false,
            turn: Some(turn),
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
            said = worker.process.channel.next(), if !lost => match said {
                Ok(said) => Event::Said(said),
                Err(lost) => Event::Lost(lost.to_string()),
            },
            event = key => Event::Key(event),
            status = worker.process.child.wait() => Event::Ended(status),
        }
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
        asked: Asked,
        message: impl FnOnce(u64) -> (ToWorker, Option<OwnedFd>),
    ) {
        let seq = self.seq();
        let (message, fd) = message(seq);
        match self.process.channel.send(&message, fd) {
            Ok(()) => drop(self.asked.insert(seq, asked)),
            Err(_) => asked.give_up(),
        }
    }

    /// A worker that takes nothing more has other troubles than this.
    pub(super) fn tell(&mut self, message: &ToWorker) {
        if !self.told_to_end && self.process.channel.send(message, None).is_err() {
            tracing::warn!(
                message_id = kind::WORKER_SAYS,
                pid = self.pid,
                "the worker does not take new settings"
            );
        }
    }

    pub(super) fn adopt(&mut self, newcomer: Newcomer, account: &Account) {
        if self.process.channel.is_full() {
            return newcomer.refuse(no_answer());
        }
        let sent = newcomer.into_parts().and_then(|(socket, id, hello, rest)| {
            let adopt = ToWorker::Adopt { id, hello: Box::new(hello), rest };
            self.process.channel.send(&adopt, Some(socket)).map_err(io::Error::other)
        });
        let (uid, pid) = (account.uid, self.pid);
        match sent {
            Ok(()) => {
                tracing::info!(message_id = kind::MODULE, %account, uid, pid, "module handed over")
            }
            Err(error) => tracing::warn!(%account, uid, pid, %error, "module not handed over"),
        }
    }

    pub(super) fn status(&mut self, seq: u64, said: WorkerStatus) {
        // A late answer has nobody who waits for it.
        let Some(Asked::Status { reply, mut status, .. }) = self.asked.remove(&seq) else { return };
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
            Said::Output(output)
        });
        self.said(seq, outcome);
    }

    pub(super) fn said(&mut self, seq: u64, outcome: Result<Said, Error>) {
        if let Some(Asked::Question { reply, .. }) = self.asked.remove(&seq) {
            drop(reply.send(outcome));
        }
    }

    pub(super) fn give_up_until(&mut self, now: Instant) {
        let asked = std::mem::take(&mut self.asked).into_iter();
        let (late, asked) = asked.partition(|(_, asked)| asked.until() <= now);
        self.asked = asked;
        BTreeMap::into_values(late).for_each(Asked::give_up);
    }

    pub(super) fn shutdown(&mut self, patience: Duration) {
        if !self.told_to_end && self.process.channel.send(&ToWorker::Shutdown, None).is_ok() {
            self.told_to_end = true;
        }
        self.keygen = None;
        self.kill_within(patience);
    }

    /// When its end or its pulse is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let pulse = self.takes().then(|| self.pulse.next());
        self.kill_at.into_iter().chain(pulse).min()
    }

    pub(super) fn feel_pulse(&mut self, now: Instant) -> Beat {
        let beat = self.pulse.beat(now);
        if beat == Beat::Ask {
            let seq = self.seq();
            // Any answer will do. Where there is no room for the question, none comes.
            let _ = self.process.channel.send(&ToWorker::Status { seq }, None);
        }
        beat
    }

    pub(super) fn kill_within(&mut self, patience: Duration) {
        let at = Instant::now() + patience;
        self.kill_at = Some(self.kill_at.map_or(at, |before| before.min(at)));
    }

    pub(super) fn kill(&mut self) {
        self.kill_at = None;
        if let Err(error) = self.process.child.start_kill() {
            tracing::warn!(pid = self.pid, %error, "cannot kill the worker");
        }
    }
}
