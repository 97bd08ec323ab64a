//! The admin socket: one request at a time of each connection, each answered before the next is
//! read. A slow client holds up nobody but itself.

use crate::front::Front;
use crate::keeper::Ask;
use crate::peer::Reach;
use crate::wire::{self, NoLine};
use proto::account::Account;
use proto::admin::{self, AccountStatus, Accounts, Call, Command, Output, Page, Status};
use proto::frame::Lines;
use proto::jsonrpc::{self, Code, Error, Id, Message, Reply, Request, write_line};
use serde::Serialize;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Connections of one uid at once.
const PER_UID: usize = 32;
/// Connections of everybody at once; root always gets in.
const IN_ALL: usize = 512;
/// A connection that asks nothing for so long is closed.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// Requests in a batch.
const BATCH: usize = 16;
/// Accounts in one answer to `status`, of which each takes less than 1.5 KiB...
const STATUS_PAGE: usize = 40;
/// ...and in one answer to `accounts`, of which each takes less than 0.4 KiB.
const ACCOUNTS_PAGE: usize = 150;

/// Serves one connection.
pub async fn serve(front: Rc<Front>, stream: UnixStream, uid: u32) {
    let Some(_seat) = Seat::take(&front, uid) else {
        tracing::info!(uid, "an admin connection is refused: too many");
        return wire::refuse(stream, Id::Null, Code::Busy.into()).await;
    };
    if front.rights(uid).status == Reach::None {
        tracing::info!(uid, "an admin connection is refused: not allowed");
        return wire::refuse(stream, Id::Null, Code::Forbidden.into()).await;
    }
    converse(&Caller { front: front.clone(), uid }, stream).await;
}

/// A place among the admin connections.
struct Seat {
    front: Rc<Front>,
    uid: u32,
}

impl Seat {
    fn take(front: &Rc<Front>, uid: u32) -> Option<Self> {
        let mut admins = front.admins.borrow_mut();
        let all: usize = admins.values().sum();
        let held = admins.entry(uid).or_default();
        if *held >= PER_UID || (all >= IN_ALL && uid != 0) {
            return None;
        }
        *held += 1;
        Some(Self { front: front.clone(), uid })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut admins = self.front.admins.borrow_mut();
        if let Some(held) = admins.get_mut(&self.uid) {
            *held -= 1;
        }
        admins.retain(|_, held| *held > 0);
    }
}

async fn converse(caller: &Caller, mut stream: UnixStream) {
    let mut lines = Lines::default();
    loop {
        let line = match timeout(IDLE_TIME, wire::read_line(&mut stream, &mut lines)).await {
            Ok(Ok(line)) => line,
            Ok(Err(NoLine::TooLong(_))) => {
                return wire::refuse(stream, Id::Null, Code::TooLong.into()).await;
            }
            Ok(Err(_)) | Err(_) => return,
        };
        let answer = caller.answer(&line).await;
        if wire::write(&mut stream, &answer).await.is_err() {
            return;
        }
    }
}

/// Who asks.
struct Caller {
    front: Rc<Front>,
    uid: u32,
}

/// Any result of the admin socket.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Status(Status),
    Accounts(Accounts),
    Output(Output),
}

impl Caller {
    /// The line that answers a line; empty for notifications.
    async fn answer(&self, line: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match jsonrpc::parse(line) {
            Err(error) => return wire::error_line(Id::Null, error),
            Ok(Message::Single(request)) => {
                if let Some(reply) = self.reply(Ok(request)).await {
                    write_line(&mut out, &reply);
                }
            }
            Ok(Message::Batch(requests)) if requests.len() > BATCH => {
                let error = Error::new(Code::InvalidRequest, "at most 16 requests in a batch");
                return wire::error_line(Id::Null, error);
            }
            Ok(Message::Batch(requests)) => {
                let mut replies = Vec::new();
                for request in requests {
                    replies.extend(self.reply(request).await);
                }
                if !replies.is_empty() {
                    write_line(&mut out, &replies);
                }
            }
        }
        if out.len() > proto::MAX_LINE {
            let error = Error::new(Code::Internal, "the answer is over 65536 bytes: ask for less");
            return wire::error_line(Id::Null, error);
        }
        out
    }

    async fn reply(&self, request: Result<Request<'_>, Error>) -> Option<Reply<Answer>> {
        let request = match request {
            Ok(request) => request,
            Err(error) => return Some(Reply { id: Id::Null, outcome: Err(error) }),
        };
        let outcome = match Call::parse(&request) {
            Ok(Call::Status(page)) => self.status(page).await.map(Answer::Status),
            Ok(Call::Accounts(page)) => self.accounts(page).map(Answer::Accounts),
            Ok(Call::Command(command)) => self.command(command).await.map(Answer::Output),
            Err(error) => Err(error),
        };
        request.id.map(|id| Reply { id, outcome })
    }

    async fn status(&self, page: Page) -> Result<Status, Error> {
        let reach = allowed(self.front.rights(self.uid).status)?;
        let mut shown = self.front.kept();
        shown.retain(|account| reach.covers(self.uid, account.uid));
        let more = cut(&mut shown, page, STATUS_PAGE);
        // All are asked before the first answer is awaited, and every keeper answers in time.
        let asked: Vec<_> = shown.iter().filter_map(|account| self.ask_status(account)).collect();
        let mut accounts = Vec::new();
        for answer in asked {
            accounts.extend(answer.await);
        }
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").into(),
            protocol: proto::VERSION,
            pid: std::process::id(),
            uptime: self.front.started.elapsed().as_secs(),
            strangers: self.front.strangers.borrow().len().try_into().unwrap_or(u32::MAX),
            accounts,
            more,
        })
    }

    fn ask_status(&self, account: &Account) -> Option<oneshot::Receiver<AccountStatus>> {
        let (reply, answer) = oneshot::channel();
        self.front.ask(account, Ask::Status { reply }).is_ok().then_some(answer)
    }

    fn accounts(&self, page: Page) -> Result<Accounts, Error> {
        let reach = allowed(self.front.rights(self.uid).accounts)?;
        let mut accounts = match reach {
            Reach::All => self.front.state.all(),
            _ => self.front.state.of_uid(self.uid),
        };
        accounts.extend(self.front.kept());
        accounts.retain(|account| reach.covers(self.uid, account.uid));
        accounts.sort();
        accounts.dedup();
        let more = cut(&mut accounts, page, ACCOUNTS_PAGE);
        Ok(Accounts { accounts, more })
    }

    async fn command(&self, command: Command) -> Result<Output, Error> {
        let reach = allowed(self.front.rights(self.uid).command)?;
        let admin::Selector { uid, user, network } = command.account;
        let account = Account { uid: uid.unwrap_or(self.uid), user, network };
        // Somebody else's account and one that is not there sound the same.
        let there = || self.front.state.has(&account);
        if !reach.covers(self.uid, account.uid) || !there() {
            return Err(admin::no_account());
        }
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Command { text: command.text, reply };
        self.front.ask(&account, ask).map_err(|_| Error::from(Code::Busy))?;
        answer.await.unwrap_or_else(|_| Err(Code::Busy.into()))
    }
}

fn allowed(reach: Reach) -> Result<Reach, Error> {
    if reach == Reach::None { Err(Code::Forbidden.into()) } else { Ok(reach) }
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
