//! The admin socket: one request at a time of each connection, each answered before the next is
//! read. A slow client holds up nobody but itself.

use crate::access::{Rights, Scope};
use crate::admin_lines::LineReader;
use crate::context::Context;
use crate::former_accounts;
use crate::line_io::{self, ReadLineError};
use crate::master_secret::MasterSecrets;
use crate::message_id;
use crate::replace;
use crate::requests::{AccountRequest, Ending, WorkerRequest, WorkerResponse};
use crate::supervisor;
use crate::watch::Watched;
use proto::account::Account;
use proto::admin::import_export::{Exported, Forgotten, Imported, Restore};
use proto::admin::{
    self, AccountEncrypted, AccountStatus, Accounts, Call, Encryption, EncryptionState, Event,
    Former, MAX_FORMER, Output, Page, Renewed, Replacing, Selector, Status, Watching,
};
use proto::jsonrpc::{self, Code, Error, Id, Message, Outgoing, Request, Response, write_line};
use proto::overview::AccountState;
use proto::worker::AtRest;
use serde::Serialize;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

/// Connections of everybody at once; root always gets in.
const IN_ALL: usize = 512;
/// A connection that asks nothing for so long is closed.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// From look to look of one who watches.
const WATCH_TIME: Duration = Duration::from_secs(1);
/// Accounts in one answer to `status`, of which each takes less than 1.5 KiB...
const STATUS_PAGE: usize = 40;
/// ...and in one answer to `accounts`, of which each takes less than 0.4 KiB.
const ACCOUNTS_PAGE: usize = 75;

fn log_refusal(context: &Context, uid: u32, why: &str) {
    if context.logs_refusal(uid) {
        tracing::info!(
            message_id = message_id::REFUSED,
            uid,
            "an admin connection is refused: {why}"
        );
    }
}

/// Serves one connection of the admin socket until its end.
pub async fn serve(context: Rc<Context>, stream: UnixStream, uid: u32) {
    let Some(_slot) = ConnectionSlot::take(&context, uid) else {
        log_refusal(&context, uid, "too many");
        return line_io::refuse(stream, Id::Null, Code::Busy.into()).await;
    };
    if context.rights(uid).status == Scope::None {
        log_refusal(&context, uid, "not allowed");
        return line_io::refuse(stream, Id::Null, Code::Forbidden.into()).await;
    }
    converse(&Caller { context: context.clone(), uid }, stream).await;
}

/// A place among the admin connections.
struct ConnectionSlot {
    context: Rc<Context>,
    uid: u32,
}

impl ConnectionSlot {
    fn take(context: &Rc<Context>, uid: u32) -> Option<Self> {
        let mut admins = context.admins.borrow_mut();
        let all: usize = admins.values().sum();
        let held = admins.entry(uid).or_default();
        if *held >= context.admins_per_user() || (all >= IN_ALL && uid != 0) {
            return None;
        }
        *held += 1;
        Some(Self { context: context.clone(), uid })
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut admins = self.context.admins.borrow_mut();
        if let Some(held) = admins.get_mut(&self.uid) {
            *held -= 1;
        }
        admins.retain(|_, held| *held > 0);
    }
}

async fn converse(caller: &Caller, mut stream: UnixStream) {
    let mut inbox = LineReader::default();
    loop {
        let line = match timeout(IDLE_TIME, inbox.read_line(&stream)).await {
            Ok(Ok(line)) => line,
            Ok(Err(ReadLineError::TooLong(_))) => {
                return line_io::refuse(stream, Id::Null, Code::TooLong.into()).await;
            }
            Ok(Err(_)) | Err(_) => return,
        };
        let passed = inbox.take_passed();
        let Some(answer) = caller.answer(&line, passed).await else {
            return watch(caller, &line, stream, inbox).await;
        };
        if line_io::write(&mut stream, &answer).await.is_err() {
            return;
        }
    }
}

/// Tells how all stands and then what changes, and answers what else is asked, until the other side
/// closes.
async fn watch(caller: &Caller, line: &[u8], mut stream: UnixStream, mut inbox: LineReader) {
    let mut out = Vec::new();
    let mut watched = Watched::default();
    let events = watched.look(caller.all_status().await);
    let snapshot = u64::try_from(events.len()).unwrap_or(u64::MAX);
    jsonrpc::serve(line, &mut out, |_| Ok(Watching { snapshot }));
    tell(events, &mut out);
    tracing::debug!(uid = caller.uid, "an admin watches");
    let mut next_look = Instant::now() + WATCH_TIME;
    loop {
        if line_io::write(&mut stream, &out).await.is_err() {
            return;
        }
        out.clear();
        tokio::select! {
            () = sleep_until(next_look) => {
                tell(watched.look(caller.all_status().await), &mut out);
                next_look = Instant::now() + WATCH_TIME;
            }
            line = inbox.read_line(&stream) => match line {
                Ok(line) => {
                    let passed = inbox.take_passed();
                    out = caller.answer(&line, passed).await.unwrap_or_else(|| watches(&line));
                }
                Err(ReadLineError::TooLong(_)) => {
                    return line_io::refuse(stream, Id::Null, Code::TooLong.into()).await;
                }
                Err(_) => return,
            },
        }
    }
}

fn tell(events: Vec<Event>, out: &mut Vec<u8>) {
    for event in events {
        write_line(out, &Outgoing::notification("event", event));
    }
}

/// The answer to a second `watch`.
fn watches(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let says = "watch was said before: its events come on this connection already";
    jsonrpc::serve(line, &mut out, |_| Err::<Watching, _>(Error::new(Code::InvalidRequest, says)));
    out
}

/// Who asks: the uid that the kernel names.
struct Caller {
    context: Rc<Context>,
    uid: u32,
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
    async fn answer(&self, line: &[u8], passed: Option<OwnedFd>) -> Option<Vec<u8>> {
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

    fn rights(&self) -> Rights {
        self.context.rights(self.uid)
    }

    /// How every account within scope is.
    async fn all_status(&self) -> Vec<AccountStatus> {
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

    async fn status(&self, page: Page) -> Result<Status, Error> {
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

    fn accounts(&self, page: Page) -> Result<Accounts, Error> {
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

const NO_MASTER: &str =
    "otrd has no master secret: give it the credential otrd-master, see otrd(8)";

fn nothing_passed() -> Error {
    Error::new(Code::InvalidParams, "no descriptor came beside the request: see PROTOCOL.md")
}

fn allowed(scope: Scope) -> Result<Scope, Error> {
    if scope == Scope::None { Err(Code::Forbidden.into()) } else { Ok(scope) }
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
