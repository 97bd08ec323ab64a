//! The lists that an admin is given: how accounts are, which there are, and what was set aside. A
//! list has pages, for an answer is one line.

use crate::access::Scope;
use crate::admin_calls::{Caller, allowed};
use crate::requests::AccountRequest;
use crate::supervisor;
use proto::account::Account;
use proto::admin::{AccountStatus, Accounts, Former, MAX_FORMER, Page, Status};
use proto::jsonrpc::{Code, Error};
use tokio::sync::oneshot;

/// Accounts in one answer to `status`, of which each takes less than 1.5 KiB...
const STATUS_PAGE: usize = 40;
/// ...and in one answer to `accounts`, of which each takes less than 0.4 KiB.
const ACCOUNTS_PAGE: usize = 75;

impl Caller {
    /// How every account within scope is.
    pub async fn all_status(&self) -> Vec<AccountStatus> {
        let mut shown = self.context.kept();
        shown.retain(|account| self.rights().watch.covers(self.uid, account.uid));
        self.status_of(&shown).await
    }

    /// All are asked before the first answer is awaited, and every supervisor answers in time.
    async fn status_of(&self, accounts: &[Account]) -> Vec<AccountStatus> {
        let asked: Vec<_> =
            accounts.iter().filter_map(|account| self.ask_status(account)).collect();
        let mut all = Vec::new();
        for answer in asked {
            all.extend(answer.await);
        }
        all
    }

    pub async fn status(&self, page: Page) -> Result<Status, Error> {
        let scope = allowed(self.rights().status)?;
        let mut shown = self.context.kept();
        shown.retain(|account| scope.covers(self.uid, account.uid));
        let more = cut(&mut shown, page, STATUS_PAGE);
        let accounts = self.status_of(&shown).await;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").into(),
            protocol: proto::VERSION,
            pid: std::process::id(),
            uptime: self.context.started.elapsed().as_secs(),
            pending: self.context.pending.borrow().len().try_into().unwrap_or(u32::MAX),
            accounts,
            more,
        })
    }

    fn ask_status(&self, account: &Account) -> Option<oneshot::Receiver<AccountStatus>> {
        let (reply, answer) = oneshot::channel();
        supervisor::ask(&self.context, account, AccountRequest::Status { reply })
            .is_ok()
            .then_some(answer)
    }

    pub fn accounts(&self, page: Page) -> Result<Accounts, Error> {
        let scope = allowed(self.rights().accounts)?;
        if scope != Scope::All && !self.context.may_list(self.uid) {
            return Err(Error::new(Code::Busy, "too many lists of accounts: wait a moment"));
        }
        let mut accounts = match scope {
            Scope::All => self.context.state.all(),
            _ => self.context.state.of_uid(self.uid),
        }?;
        accounts.extend(self.context.kept());
        accounts.retain(|account| scope.covers(self.uid, account.uid));
        accounts.sort();
        accounts.dedup();
        let more = cut(&mut accounts, page, ACCOUNTS_PAGE);
        let former = if more { Vec::new() } else { self.all_former(scope)? };
        Ok(Accounts { accounts, more, former })
    }

    /// All that was set aside within scope.
    fn all_former(&self, scope: Scope) -> Result<Vec<Former>, Error> {
        let uids = match scope {
            Scope::All => self.context.state.uids()?,
            _ => vec![self.uid],
        };
        let mut all = Vec::new();
        for uid in uids {
            let former = self.context.state.former(uid)?.into_iter();
            all.extend(former.map(|one| Former { account: one.account, directory: one.directory }));
        }
        all.truncate(MAX_FORMER);
        Ok(all)
    }
}

/// Keeps the page of a sorted list that was asked for; whether more follow.
fn cut(accounts: &mut Vec<Account>, page: Page, length: usize) -> bool {
    if let Some(after) = page.after {
        accounts.retain(|account| *account > after);
    }
    let more = accounts.len() > length;
    accounts.truncate(length);
    more
}
