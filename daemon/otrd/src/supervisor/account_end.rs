//! The end of a worker that an admin asked for, and what is done with the account then.

use super::{Backoff, END_TIME, Supervisor};
use crate::message_id;
use crate::requests::{Ending, Reply};
use proto::admin::Renewed;
use proto::admin::import_export::Forgotten;
use proto::jsonrpc::{Code, Error};

impl Supervisor {
    /// The worker ends; whoever needs it next starts another one.
    pub(super) fn renew(&mut self, reply: Option<Reply<Renewed>>) {
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
    pub(super) fn end_account(&mut self, how: Ending, reply: Reply<Forgotten>) {
        if self.stopping || self.ending.is_some() || self.vacating.is_some() {
            return drop(reply.send(Err(Code::Busy.into())));
        }
        self.ending = Some((how, reply));
        match &mut self.worker {
            Some(worker) => worker.shutdown(END_TIME),
            None => self.account_ended(),
        }
    }

    pub(super) fn account_ended(&mut self) {
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
}
