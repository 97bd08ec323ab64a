//! What a worker said, how it ended, and what its key generations came to.

use super::ask::{Asked, Said, Waiting};
use super::{Backoff, END_TIME, Keeper, LOST_TIME};
use crate::conn::{Newcomer, clip};
use crate::keygen::{KeyEvent, Keygen};
use crate::kind;
use crate::pulse::Pulse;
use crate::spawn;
use proto::control::{About, ToFront, ToWorker};
use proto::jsonrpc::{Code, Error};
use std::io;
use std::process::ExitStatus;
use tokio::time::Instant;

impl Keeper {
    pub(super) fn said(&mut self, said: ToFront) {
        let (account, uid) = (&self.account, self.account.uid);
        let Some(worker) = &mut self.worker else { return };
        let pid = worker.pid;
        worker.pulse = Pulse::Heard(Instant::now());
        match said {
            ToFront::Ready => {
                worker.ready = true;
                self.locked = None;
                worker.turn = None;
                if !worker.lost && !worker.told_to_end {
                    worker.kill_at = None;
                }
                tracing::info!(%account, uid, pid, "worker ready");
                self.serve_waiting();
            }
            ToFront::Log { about, text } => {
                let text = clip(&text, 400);
                match about {
                    About::AtRest => {
                        tracing::info!(message_id = kind::AT_REST, %account, uid, pid, text, "worker says")
                    }
                    About::Key => {
                        tracing::error!(message_id = kind::KEY_DAMAGED, %account, uid, pid, text, "worker says")
                    }
                    About::Trouble => {
                        tracing::warn!(message_id = kind::WORKER_SAYS, %account, uid, pid, text, "worker says")
                    }
                }
            }
            ToFront::Failed { why } => {
                tracing::error!(message_id = kind::WORKER_FAILED, %account, uid, pid, why = clip(&why, 400), "worker failed");
            }
            ToFront::Locked { why } => {
                let why = clip(&why, 400);
                tracing::error!(message_id = kind::LOCKED, %account, uid, why, "account locked");
                self.locked = Some(why.clone());
                self.refuse_waiting(|| Error::new(Code::Refused, why.clone()));
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
            ToFront::AtRest { seq, outcome } => {
                worker.said(seq, outcome.map(Said::AtRest).map_err(Error::from));
            }
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

    pub(super) fn lost(&mut self, why: &str) {
        let (account, uid) = (&self.account, self.account.uid);
        let Some(worker) = &mut self.worker else { return };
        // Its end, which mostly follows at once, is what an admin wants to read of.
        tracing::debug!(%account, uid, pid = worker.pid, why, "worker lost");
        worker.lost = true;
        worker.kill_within(LOST_TIME);
        // Modules come back at once when their worker dies, maybe before we know that it did.
        for (message, socket) in worker.process.channel.unsent() {
            if let (ToWorker::Adopt { id, hello, rest }, Some(socket)) = (message, socket) {
                match Newcomer::from_parts(socket, id, *hello, rest) {
                    Ok(newcomer) => self.wait(Waiting::Hello(Box::new(newcomer))),
                    Err(error) => tracing::warn!(%error, "a module's connection is lost"),
                }
            }
        }
    }

    pub(super) fn ended(&mut self, status: io::Result<ExitStatus>) {
        let Some(worker) = self.worker.take() else { return };
        let (account, uid, pid) = (&self.account, self.account.uid, worker.pid);
        let ending = status.map_or_else(|error| error.to_string(), spawn::ending);
        if worker.told_to_end {
            tracing::info!(message_id = kind::WORKER_ENDED, %account, uid, pid, ending, "worker ended");
            self.backoff = Backoff::default();
        } else if self.locked.is_some() {
            self.backoff.died(worker.started.elapsed());
        } else {
            tracing::error!(message_id = kind::WORKER_DIED, %account, uid, pid, ending, "worker died");
            self.restarts = self.restarts.saturating_add(1);
            self.backoff.died(worker.started.elapsed());
        }
        worker.asked.into_values().for_each(Asked::give_up);
        // Its directory is not in use any more.
        drop(worker.process);
        self.forget();
    }

    pub(super) fn key(&mut self, event: KeyEvent) {
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
                tracing::warn!(message_id = kind::KEY_FAILED, %account, uid, why, "no key");
                worker.keygen = None;
                worker.process.channel.send(&ToWorker::KeyFailed { why }, None)
            }
        };
        if sent.is_err() {
            // It will read the end of the pipe, or ask again.
            worker.keygen = None;
        }
    }
}
