//! Modules and commands that wait for the account's worker: until when, and who is handed to it.

use super::Supervisor;
use crate::requests::{PendingRequest, Waiting, WorkerRequest, no_answer};
use proto::jsonrpc::{Code, Error};
use proto::worker::ToWorker;
use std::time::Duration;
use tokio::time::Instant;

/// A module or a command waits at most so long for a worker that is being started...
const WAIT_TIME: Duration = Duration::from_secs(10);
/// ...and so long for the next start after one that failed...
const PATIENCE: Duration = Duration::from_secs(5);
/// ...and so long for its turn where many start at once. A module gives up after 30 seconds.
const TURN_TIME: Duration = Duration::from_secs(25);
/// Modules and commands that wait for one worker to start.
const WAITING: usize = 16;
/// A command's answer is here by then.
const COMMAND_TIME: Duration = Duration::from_secs(10);

impl Supervisor {
    /// Somebody needs the worker.
    pub(super) fn wait(&mut self, waiting: Waiting) {
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
    pub(super) fn serve_waiting(&mut self) {
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
    pub(super) fn not_started(&self) -> Error {
        match &self.failed {
            Some(why) => Error::new(Code::Internal, format!("no worker starts: {why}")),
            None => no_answer(),
        }
    }

    pub(super) fn refuse_waiting(&mut self, error: impl Fn() -> Error) {
        for (_, waiting) in self.waiting.drain(..) {
            waiting.refuse(error());
        }
    }

    /// How long anybody waits for the worker: less where there is none to wait for.
    pub(super) fn waits_until(&self, came: Instant) -> Instant {
        match &self.worker {
            Some(worker) => came.max(worker.started) + WAIT_TIME,
            None if self.backoff.is_over() => came + TURN_TIME,
            None => came + PATIENCE,
        }
    }

    pub(super) fn wants_to_start(&self) -> bool {
        self.worker.is_none()
            && !self.waiting.is_empty()
            && !self.stopping
            && self.backoff.is_over()
    }
}

/// What was asked for came with the second version of the worker protocol.
fn too_old() -> Error {
    let says = "this account's worker is of an older release: replace it with otrctl renew";
    Error::new(Code::Refused, says)
}
