//! What a worker said, how it ended, and what its key generations came to.

use super::worker::STATUS_TEXT;
use super::{Backoff, END_TIME, Supervisor};
use crate::context::Context;
use crate::fd_store;
use crate::inherited;
use crate::keygen::{KeyEvent, Keygen};
use crate::line_io::clip;
use crate::message_id;
use crate::module_connection::ModuleConnection;
use crate::requests::{PendingRequest, Waiting, WorkerResponse};
use proto::account::Account;
use proto::admin::Renewed;
use proto::jsonrpc::{Code, Error};
use proto::worker::{Here, LogTopic, ToFront, ToWorker};
use std::time::Duration;
use tokio::time::Instant;

/// From a lost channel to SIGKILL.
const LOST_TIME: Duration = Duration::from_secs(1);

impl Supervisor {
    pub(super) fn said(&mut self, said: ToFront) {
        if let ToFront::Status { status, .. } = &said {
            self.mind_the_memory(status.memory);
        }
        if let ToFront::Status { seq, status } = &said
            && self.vacates(*seq, status.connected)
        {
            return;
        }
        let (account, uid) = (&self.account, self.account.uid);
        let Some(worker) = &mut self.worker else { return };
        let pid = worker.pid;
        worker.heartbeat.answered(Instant::now());
        match said {
            ToFront::Here(here) => self.introduced(here),
            // Version 1 is taken up by this question.
            ToFront::Status { seq, .. } if worker.taking_up == Some(seq) => self.went_on(None),
            // What it said to the front before it.
            _ if worker.taking_up.is_some() && !matches!(said, ToFront::Log { .. }) => {}
            ToFront::Ready => {
                worker.ready = true;
                worker.keep(account);
                self.locked = None;
                self.failed = None;
                worker.turn = None;
                if !worker.lost && !worker.told_to_end {
                    worker.kill_at = None;
                }
                tracing::info!(%account, uid, pid, "{account}: worker ready");
                self.serve_waiting();
            }
            ToFront::Log { about, text } => {
                let text = clip(&text, 400);
                match about {
                    LogTopic::AtRest => {
                        tracing::info!(message_id = message_id::AT_REST, %account, uid, pid, text, "{account}: worker says")
                    }
                    LogTopic::Key => {
                        tracing::error!(message_id = message_id::KEY_DAMAGED, %account, uid, pid, text, "{account}: worker says")
                    }
                    LogTopic::Trouble => {
                        tracing::warn!(message_id = message_id::WORKER_SAYS, %account, uid, pid, text, "{account}: worker says")
                    }
                }
            }
            ToFront::Failed { why } => {
                let why = clip(&why, 400);
                tracing::error!(message_id = message_id::WORKER_FAILED, %account, uid, pid, why, "{account}: worker failed");
                if !worker.ready {
                    self.failed = Some(why);
                }
            }
            ToFront::Locked { why } => {
                let why = clip(&why, 400);
                tracing::error!(message_id = message_id::LOCKED, %account, uid, why, "{account}: locked");
                self.locked = Some(why.clone());
                self.refuse_waiting(|| Error::new(Code::Refused, why.clone()));
            }
            // The key came out before its process ended: the next one is begun after that.
            ToFront::Keygen if worker.keygen.is_some() => worker.keygen_again = true,
            ToFront::Keygen if worker.takes() => {
                worker.keygen = Some(begin_keygen(&self.context, account));
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
                    tracing::info!(%account, uid, pid, "{account}: worker idle: ending it");
                    worker.shutdown(END_TIME);
                }
            }
            ToFront::Status { seq, status } => {
                let quiet =
                    status.sessions == 0 && status.waiting == 0 && status.key != "generating";
                worker.status(seq, status);
                if quiet && worker.is_outdated() && worker.takes() {
                    self.renew(None);
                }
            }
            ToFront::Output { seq, outcome } => worker.output(seq, outcome),
            ToFront::State { seq, state } => worker.said(seq, Ok(WorkerResponse::State(state))),
            ToFront::AtRest { seq, outcome } => {
                worker.said(seq, outcome.map(WorkerResponse::AtRest).map_err(Error::from));
            }
            ToFront::Imported { seq, outcome } => {
                worker.said(seq, outcome.map(WorkerResponse::Imported).map_err(Error::from));
            }
            ToFront::Exported { seq, outcome } => {
                worker.said(seq, outcome.map(WorkerResponse::Exported).map_err(Error::from));
            }
        }
    }

    /// A worker says what it is: at its start, or because this front goes on with it.
    fn introduced(&mut self, here: Here) {
        let Some(worker) = &mut self.worker else { return };
        if worker.taking_up.is_some_and(|seq| seq != here.seq) {
            return;
        }
        let wrong = match here {
            Here { control, .. } if !proto::worker::is_served(control) => {
                Some(format!("it speaks version {control} of the control protocol"))
            }
            Here { ref account, .. } if *account != self.account => {
                Some("it has the keys of another account".into())
            }
            _ => None,
        };
        if let Some(why) = wrong {
            self.not_taken_up(&why);
            return;
        }
        worker.control = here.control;
        worker.version = Some(clip(&here.version, STATUS_TEXT));
        if worker.taking_up.is_some() {
            self.went_on(Some(here.keygen));
        }
    }

    /// It has answered this front: the conversations go on. `keygen`: it waits for a key.
    fn went_on(&mut self, keygen: Option<bool>) {
        let (account, uid) = (&self.account, self.account.uid);
        let Some(worker) = &mut self.worker else { return };
        let (pid, version) = (worker.pid, worker.version.as_deref().unwrap_or("unknown"));
        tracing::info!(message_id = message_id::TAKEN_UP, %account, uid, pid, version, "{account}: worker taken over");
        worker.taking_up = None;
        if keygen == Some(true) && worker.keygen.is_none() {
            worker.keygen = Some(begin_keygen(&self.context, account));
        }
        if worker.is_outdated() {
            // Where nothing of it is private or waiting, it is replaced.
            let seq = worker.seq();
            let _ = worker.running.channel.send(&ToWorker::Status { seq }, None);
        }
        if worker.control == 1 {
            worker.tell(&ToWorker::Config(self.context.worker_config.borrow().clone()));
        }
    }

    /// A worker of an earlier front cannot be taken over: it is ended, as if it had crashed.
    pub(super) fn not_taken_up(&mut self, why: &str) {
        let (account, uid) = (&self.account, self.account.uid);
        tracing::error!(message_id = message_id::NOT_TAKEN_UP, %account, uid, why, "{account}: worker not taken over");
        self.not_taken_up = Some(why.to_owned());
        if let Some(worker) = &mut self.worker {
            worker.lost = true;
            worker.kill_within(Duration::ZERO);
        }
    }

    /// A worker that is to make room ends in good order: its conversations stay closed, and the
    /// module's next hello starts another one, which asks for them anew.
    fn mind_the_memory(&mut self, kib: u64) {
        if !self.context.takes_too_much(&self.account, kib) {
            return;
        }
        let (account, uid) = (&self.account, self.account.uid);
        if let Some(worker) = self.worker.as_mut().filter(|worker| worker.takes()) {
            tracing::warn!(message_id = message_id::MEMORY, %account, uid, pid = worker.pid, kib, "{account}: the workers of this user take too much memory; ending the largest");
            worker.shutdown(END_TIME);
        }
    }

    /// The worker says that nobody needs it. A connection may have crossed that word on its way,
    /// so it is asked once more: its answer comes after it has seen everything sent before the
    /// question, and whatever is sent after the question calls the question off.
    fn idle(&mut self) {
        let Some(worker) = self.worker.as_mut().filter(|worker| worker.takes()) else { return };
        let seq = worker.seq();
        if worker.running.channel.send(&ToWorker::Status { seq }, None).is_ok() {
            worker.idle_check = Some(seq);
        }
    }

    pub(super) fn lost(&mut self, why: &str) {
        let (account, uid) = (&self.account, self.account.uid);
        let Some(worker) = &mut self.worker else { return };
        // Its end, which mostly follows at once, is what an admin wants to read of.
        tracing::debug!(%account, uid, pid = worker.pid, why, "worker lost");
        worker.lost = true;
        if worker.taking_up.is_some() {
            let why = why.to_owned();
            self.not_taken_up(&why);
        }
        let Some(worker) = &mut self.worker else { return };
        worker.kill_within(LOST_TIME);
        // Modules come back at once when their worker dies, maybe before we know that it did.
        for (message, socket) in worker.running.channel.unsent() {
            if let (ToWorker::Adopt { id, hello, rest, arrival }, Some(socket)) = (message, socket)
            {
                match ModuleConnection::from_parts(socket, id, *hello, rest, arrival) {
                    Ok(connection) => self.wait(Waiting::Hello(Box::new(connection))),
                    Err(error) => tracing::warn!(%error, "a module's connection is lost"),
                }
            }
        }
    }

    pub(super) fn ended(&mut self, ending: &str) {
        let Some(worker) = self.worker.take() else { return };
        self.context.memory.borrow_mut().ended(&self.account);
        let (account, uid, pid) = (&self.account, self.account.uid, worker.pid);
        fd_store::forget(&inherited::name_of(pid));
        if worker.told_to_end {
            tracing::info!(message_id = message_id::WORKER_ENDED, %account, uid, pid, ending, "{account}: worker ended");
            self.backoff = Backoff::default();
        } else if self.locked.is_some() {
            self.backoff.died(worker.started.elapsed());
        } else {
            tracing::error!(message_id = message_id::WORKER_DIED, %account, uid, pid, ending, "{account}: worker died");
            self.restarts = self.restarts.saturating_add(1);
            self.backoff.died(worker.started.elapsed());
        }
        worker.asked.into_values().for_each(PendingRequest::give_up);
        for reply in self.renewals.drain(..) {
            drop(reply.send(Ok(Renewed { was: worker.version.clone() })));
        }
        // Its directory is not in use any more.
        drop(worker.running);
        self.account_ended();
        self.vacated();
    }

    pub(super) fn key(&mut self, event: KeyEvent) {
        let (account, uid) = (&self.account, self.account.uid);
        let Some(worker) = &mut self.worker else { return };
        let sent = match event {
            KeyEvent::Pipe(key) => worker.running.channel.send(&ToWorker::KeyPipe, Some(key)),
            // How the one before ended does not concern the one that is waited for.
            KeyEvent::Done | KeyEvent::Failed(_) if std::mem::take(&mut worker.keygen_again) => {
                worker.keygen = Some(begin_keygen(&self.context, account));
                Ok(())
            }
            KeyEvent::Done => {
                worker.keygen = None;
                Ok(())
            }
            KeyEvent::Failed(why) => {
                tracing::warn!(message_id = message_id::KEY_FAILED, %account, uid, why, "{account}: no key");
                worker.keygen = None;
                worker.running.channel.send(&ToWorker::KeyFailed { why }, None)
            }
        };
        if sent.is_err() {
            // It will read the end of the pipe, or ask again.
            worker.keygen = None;
        }
    }
}

fn begin_keygen(context: &Context, account: &Account) -> Keygen {
    let user = context.state.files_of(account).map(|files_of| files_of.user);
    let user = user.map_err(|error| error.to_string());
    Keygen::start(context.keygens.clone(), account.clone(), user)
}
