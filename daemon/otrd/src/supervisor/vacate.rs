//! An account whose name another network has now: its directory goes where it belongs, once its
//! worker has ended. As long as a module is connected, it stays.

use super::vacating::Vacating;
use super::{Backoff, END_TIME, STATUS_TIME, Supervisor};
use crate::former_accounts::Aside;
use crate::message_id;
use crate::requests::{Occupied, Vacate, Vacated, Waiting};
use crate::state_dir;
use proto::jsonrpc::Code;
use proto::worker::ToWorker;
use tokio::sync::oneshot;
use tokio::time::Instant;

impl Supervisor {
    pub(super) fn vacate(&mut self, how: Vacate, reply: oneshot::Sender<Vacated>) {
        if self.stopping || self.ending.is_some() || self.vacating.is_some() {
            return drop(reply.send(Err(Occupied::Busy)));
        }
        if self.is_awaited() {
            return drop(reply.send(Err(Occupied::Connected)));
        }
        let mut vacating = Vacating { how, reply, asked: None };
        let Some(worker) = &mut self.worker else {
            self.vacating = Some(vacating);
            return self.vacated();
        };
        if worker.takes() {
            let seq = worker.seq();
            if worker.running.channel.send(&ToWorker::Status { seq }, None).is_err() {
                return drop(vacating.reply.send(Err(Occupied::Busy)));
            }
            vacating.asked = Some((seq, Instant::now() + STATUS_TIME));
        } else if !worker.told_to_end && !worker.lost {
            return drop(vacating.reply.send(Err(Occupied::Busy)));
        }
        self.vacating = Some(vacating);
    }

    /// Whether a module waits for the worker.
    pub(super) fn is_awaited(&self) -> bool {
        self.waiting.iter().any(|(_, waiting)| matches!(waiting, Waiting::Hello(_)))
    }

    /// A module was brought to the worker: what the worker answers now is no news any more.
    pub(super) fn is_needed_again(&mut self) {
        self.end_vacating(|vacating| vacating.asked.is_some(), Occupied::Connected);
    }

    /// The worker has said how it is. Whether that was asked here.
    pub(super) fn vacates(&mut self, seq: u64, connected: bool) -> bool {
        let ours = |vacating: &Vacating| vacating.asked.is_some_and(|(asked, _)| asked == seq);
        let Some(vacating) = self.vacating.as_mut().filter(|vacating| ours(vacating)) else {
            return false;
        };
        if connected {
            self.end_vacating(|_| true, Occupied::Connected);
        } else if matches!(vacating.how, Vacate::Look) {
            if let Some(vacating) = self.vacating.take() {
                drop(vacating.reply.send(Ok(None)));
            }
        } else {
            vacating.asked = None;
            if let Some(worker) = &mut self.worker {
                worker.shutdown(END_TIME);
            }
        }
        true
    }

    /// When an answer is due.
    pub(super) fn vacating_until(&self) -> Option<Instant> {
        Some(self.vacating.as_ref()?.asked?.1)
    }

    pub(super) fn vacating_is_late(&mut self, now: Instant) {
        let late = |vacating: &Vacating| vacating.asked.is_some_and(|(_, until)| until <= now);
        self.end_vacating(late, Occupied::Busy);
    }

    fn end_vacating(&mut self, ends: impl Fn(&Vacating) -> bool, why: Occupied) {
        if let Some(vacating) = self.vacating.take_if(|vacating| ends(vacating)) {
            drop(vacating.reply.send(Err(why)));
        }
    }

    /// There is no worker.
    pub(super) fn vacated(&mut self) {
        let Some(Vacating { how, reply, .. }) = self.vacating.take() else { return };
        if self.is_awaited() {
            return drop(reply.send(Err(Occupied::Connected)));
        }
        let state = &self.context.state;
        let done = match &how {
            Vacate::Look => Ok(None),
            Vacate::SetAside => state.set_aside(&self.account, Aside::Replaced),
            Vacate::Move(to) => state.move_account(&self.account, to).map(|()| None),
        };
        let (account, uid) = (&self.account, self.account.uid);
        match (&how, &done) {
            (Vacate::SetAside, Ok(Some(aside))) => {
                tracing::warn!(message_id = message_id::REPLACED, %account, uid, aside, "{account}: set aside for another network of its name");
            }
            (_, Err(error)) => {
                tracing::warn!(%account, uid, %error, "{account}: stays where it is")
            }
            _ => {}
        }
        let done = done.map_err(|error| match error {
            state_dir::Error::InUse => Occupied::Busy,
            error => Occupied::Failed(error),
        });
        if done.is_ok() && !matches!(how, Vacate::Look) {
            // Nobody is here any more of whom an admin could ask.
            self.refuse_waiting(|| Code::NoAccount.into());
            self.restarts = 0;
            self.locked = None;
            self.backoff = Backoff::default();
        }
        drop(reply.send(done));
    }
}
