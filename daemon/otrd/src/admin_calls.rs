//! What an admin may have done: each request of the admin socket, from the line to its answer.

use crate::access::{Rights, Scope};
use crate::context::Context;
use crate::former_accounts;
use crate::line_io;
use crate::master_secret::MasterSecrets;
use crate::message_id;
use crate::replace;
use crate::requests::{AccountRequest, Ending, WorkerRequest, WorkerResponse};
use crate::supervisor;
use proto::account::Account;
use proto::admin::import_export::{Exported, Forgotten, Imported, Restore};
use proto::admin::{
    self, AccountEncrypted, Accounts, Call, Encryption, EncryptionState, Output, Renewed,
    Replacing, Selector, Status,
};
use proto::jsonrpc::{self, Code, Error, Id, Message, Request, Response, write_line};
use proto::overview::AccountState;
use proto::worker::AtRest;
use serde::Serialize;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use tokio::sync::oneshot;

/// Who asks.
pub struct Caller {
    /// All that is shared.
    pub context: Rc<Context>,
    /// The Unix user.
    pub uid: u32,
}

/// Any result of the admin socket.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Status(Status),
    Accounts(Accounts),
    Output(Output),
    State(Box<AccountState>),
    Imported(Imported),
    Exported(Exported),
    Forgotten(Forgotten),
    Renewed(Renewed),
    Replacing(Replacing),
    Encryption(EncryptionState),
    Encrypted(AccountEncrypted),
}

impl Caller {
    /// The line that answers a line; empty for notifications; nothing where the caller watches
    /// from now on.
    pub async fn answer(&self, line: &[u8], passed: Option<OwnedFd>) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match jsonrpc::parse_bounded(line, admin::MAX_BATCH) {
            Err(error) => return Some(line_io::error_line(Id::Null, error)),
            Ok(Message::Single(request)) => {
                let watches = matches!(Call::parse(&request), Ok(Call::Watch(_)));
                if watches && self.rights().watch != Scope::None {
                    return None;
                }
                if let Some(reply) = self.reply(Ok(request), passed).await {
                    write_line(&mut out, &reply);
                }
            }
            Ok(Message::Batch(requests)) => {
                let mut replies = Vec::new();
                for request in requests {
                    // Which of them would a descriptor belong to?
                    replies.extend(self.reply(request, None).await);
                }
                if !replies.is_empty() {
                    write_line(&mut out, &replies);
                }
            }
        }
        if out.len() > proto::MAX_LINE {
            let error = Error::new(Code::Internal, "the answer is over 65536 bytes: ask for less");
            return Some(line_io::error_line(Id::Null, error));
        }
        Some(out)
    }

    async fn reply(
        &self,
        request: Result<Request<'_>, Error>,
        passed: Option<OwnedFd>,
    ) -> Option<Response<Answer>> {
        let request = match request {
            Ok(request) => request,
            Err(error) => return Some(Response { id: Id::Null, outcome: Err(error) }),
        };
        let outcome = match Call::parse(&request) {
            Ok(call) => self.call(call, passed).await,
            Err(error) => Err(error),
        };
        request.id.map(|id| Response { id, outcome })
    }

    async fn call(&self, call: Call, passed: Option<OwnedFd>) -> Result<Answer, Error> {
        let may = self.rights();
        match call {
            Call::Status(page) => self.status(page).await.map(Answer::Status),
            Call::Accounts(page) => self.accounts(page).map(Answer::Accounts),
            Call::Command(command) => {
                let account = self.account(may.command, command.account)?;
                self.known(&account)?;
                self.ask(&account, WorkerRequest::Command(command.text)).await
            }
            Call::Typed(typed) => {
                let account = self.account(may.command, typed.account)?;
                self.known(&account)?;
                self.ask(&account, WorkerRequest::Do(typed.command)).await
            }
            Call::State(of) => {
                let account = self.account(may.command, of.account)?;
                self.known(&account)?;
                self.ask(&account, WorkerRequest::State(of.page)).await
            }
            Call::Import(import) => {
                let account = self.account(may.import_export, import.account)?;
                let files = passed.ok_or_else(nothing_passed)?;
                self.ask(&account, WorkerRequest::Import { order: import.order, files }).await
            }
            Call::Export(export) => {
                let account = self.account(may.import_export, export.account)?;
                self.known(&account)?;
                let files = passed.ok_or_else(nothing_passed)?;
                self.ask(&account, WorkerRequest::Export { files }).await
            }
            Call::Renew(renew) => {
                let account = self.account(may.command, renew.account)?;
                self.known(&account)?;
                let (reply, answer) = oneshot::channel();
                let ask = AccountRequest::Renew { reply };
                supervisor::ask(&self.context, &account, ask)
                    .map_err(|_| Error::from(Code::Busy))?;
                let renewed = answer.await.unwrap_or_else(|_| Err(Code::Busy.into()))?;
                Ok(Answer::Renewed(renewed))
            }
            Call::Replace(_) => {
                if !self.context.may_replace(self.uid) {
                    return Err(Code::Forbidden.into());
                }
                let channel = passed.ok_or_else(nothing_passed)?;
                replace::begin(&self.context, channel).map(Answer::Replacing)
            }
            Call::Forget(forget) => {
                let account = self.account(may.import_export, forget.account)?;
                self.known(&account)?;
                self.end(&account, Ending::Forget { remove: forget.remove }).await
            }
            Call::Restore(restore) => {
                let (account, former) = self.former(may, restore)?;
                self.end(&account, Ending::Restore(former)).await
            }
            Call::Encryption(wish) => self.encryption(may, &wish).map(Answer::Encryption),
            Call::EncryptAccount(of) => {
                let account = self.account(may.import_export, of.account)?;
                self.known(&account)?;
                let wanted = self.context.at_rest().unwrap_or(AtRest::Plain);
                self.ask(&account, WorkerRequest::AtRest(wanted)).await
            }
            Call::Watch(_) => {
                allowed(may.watch)?;
                Err(Error::new(Code::InvalidRequest, "watch comes alone: send it in no batch"))
            }
        }
    }

    pub fn rights(&self) -> Rights {
        self.context.rights(self.uid)
    }

    /// The account that is meant, where the caller may name it. Somebody else's sounds like one
    /// that is not there.
    fn account(&self, scope: Scope, meant: Selector) -> Result<Account, Error> {
        let scope = allowed(scope)?;
        let Selector { uid, user, network } = meant;
        let account = Account { uid: uid.unwrap_or(self.uid), user, network };
        if scope.covers(self.uid, account.uid) { Ok(account) } else { Err(admin::no_account()) }
    }

    fn known(&self, account: &Account) -> Result<(), Error> {
        let is_known = self.context.state.has(account)?;
        if is_known { Ok(()) } else { Err(admin::no_account()) }
    }

    async fn ask(&self, account: &Account, request: WorkerRequest) -> Result<Answer, Error> {
        let (reply, answer) = oneshot::channel();
        let ask = AccountRequest::Forward { request, reply };
        supervisor::ask(&self.context, account, ask).map_err(|_| Error::from(Code::Busy))?;
        let said = answer.await.unwrap_or_else(|_| Err(Code::Busy.into()))?;
        Ok(match said {
            WorkerResponse::Output(output) => Answer::Output(output),
            WorkerResponse::State(state) => Answer::State(state),
            WorkerResponse::Imported(imported) => Answer::Imported(imported),
            WorkerResponse::Exported(exported) => Answer::Exported(exported),
            WorkerResponse::AtRest(at_rest) => Answer::Encrypted(AccountEncrypted { at_rest }),
        })
    }

    /// For all accounts: each one's files are changed by `encrypt-account`, or at its next start.
    fn encryption(&self, may: Rights, wish: &Encryption) -> Result<EncryptionState, Error> {
        if may.import_export != Scope::All {
            return Err(Code::Forbidden.into());
        }
        let master_secrets = self.context.master_secrets.as_ref();
        if let Some(at_rest) = wish.at_rest {
            if master_secrets.is_none() {
                return Err(Error::new(Code::Refused, NO_MASTER));
            }
            let kept = self.context.state.set_at_rest(at_rest);
            kept.map_err(|error| Error::new(Code::Refused, format!("not kept: {error}")))?;
            tracing::info!(
                message_id = message_id::AT_REST,
                uid = self.uid,
                ?at_rest,
                "files at rest"
            );
        }
        Ok(EncryptionState {
            master: master_secrets.is_some(),
            old: master_secrets.is_some_and(MasterSecrets::changes),
            at_rest: self.context.at_rest().unwrap_or(AtRest::Plain),
        })
    }

    async fn end(&self, account: &Account, how: Ending) -> Result<Answer, Error> {
        let (reply, answer) = oneshot::channel();
        supervisor::ask(&self.context, account, AccountRequest::End { how, reply })
            .map_err(|_| Error::from(Code::Busy))?;
        answer.await.unwrap_or_else(|_| Err(Code::Busy.into())).map(Answer::Forgotten)
    }

    /// Files that were set aside, where the caller may take them back.
    fn former(
        &self,
        may: Rights,
        restore: Restore,
    ) -> Result<(Account, former_accounts::Former), Error> {
        let account = self.account(may.import_export, restore.account)?;
        let wanted =
            former_accounts::Former { account: account.clone(), directory: restore.directory };
        let former = self.context.state.former(account.uid)?;
        match former.contains(&wanted) {
            true => Ok((account, wanted)),
            false => Err(admin::no_account()),
        }
    }
}

const NO_MASTER: &str =
    "otrd has no master secret: give it the credential otrd-master, see otrd(8)";

fn nothing_passed() -> Error {
    Error::new(Code::InvalidParams, "no descriptor came beside the request: see PROTOCOL.md")
}

/// The scope, where it is any.
pub fn allowed(scope: Scope) -> Result<Scope, Error> {
    if scope == Scope::None { Err(Code::Forbidden.into()) } else { Ok(scope) }
}
