//! A module's connection up to its hello. What comes after is between it and its worker.

use crate::arrival;
use crate::context::Context;
use crate::line_io::{self, ReadLineError, clip};
use crate::message_id;
use crate::module_connection::ModuleConnection;
use crate::requests::AccountRequest;
use crate::supervisor;
use crate::token_bucket::Taken;
use proto::account::Account;
use proto::jsonrpc::{self, Code, Error, Id, Message, Request};
use proto::line::LineBuffer;
use proto::shim::Hello;
use serde::Deserialize;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};

/// A hello has to be here by then.
const HELLO_TIME: Duration = Duration::from_secs(5);
/// Bytes of a version that a module says for people.
const VERSION_LENGTH: usize = 64;

/// Why a connection ends at its first line.
struct Refusal {
    /// Nothing where the hello was a notification: those are never answered.
    id: Option<Id>,
    error: Error,
}

/// Serves one connection until it has a worker, or is refused.
pub async fn greet(context: Rc<Context>, mut stream: UnixStream, uid: u32) {
    let mut lines = LineBuffer::default();
    let (slot, mut evicted) = context.pending.borrow_mut().enter(uid);
    let first = tokio::select! {
        line = timeout(HELLO_TIME, line_io::read_line(&mut stream, &mut lines)) => Some(line),
        _ = &mut evicted => None,
    };
    let slot = PendingSlot { context: &context, slot };

    let line = match first {
        Some(Ok(Ok(line))) => line,
        Some(Ok(Err(ReadLineError::TooLong(_)))) => {
            drop(slot);
            return line_io::refuse(stream, Id::Null, Code::TooLong.into()).await;
        }
        Some(Ok(Err(ReadLineError::Closed | ReadLineError::Io(_)))) => return,
        Some(Err(_late)) => {
            drop(slot);
            tracing::debug!(uid, "a connection said no hello in time");
            return line_io::refuse(stream, Id::Null, Code::HelloFirst.into()).await;
        }
        None => return crowded_out(&stream, uid),
    };
    let said = match hello(&context, uid, &line) {
        Ok((id, hello)) => {
            let account = Account { uid, user: hello.user.clone(), network: hello.network.clone() };
            let taken = context.hello_rate.borrow_mut().hello(&account, Instant::now());
            if taken == Taken::No && context.logs_refusal(uid) {
                tracing::warn!(message_id = message_id::REFUSED, %account, uid, "{account}: too many hellos from this account or its Unix user: do two ZNCs use the same user and network?");
            }
            if taken != Taken::Yes {
                let error = Error::new(
                    Code::Busy,
                    "too many hellos from this account or its Unix user: wait a moment",
                );
                drop(slot);
                return line_io::refuse(stream, id.unwrap_or(Id::Null), error).await;
            }
            let settled = async {
                match &hello.identity {
                    Some(identity) => {
                        arrival::settle(&context, &account, identity, hello.by_name).await
                    }
                    None => Ok(None),
                }
            };
            let settled = tokio::select! {
                settled = settled => settled,
                _ = &mut evicted => return crowded_out(&stream, uid),
            };
            match settled {
                Ok(arrival) => Ok((account, id, hello, arrival)),
                Err(error) => Err(Refusal { id, error }),
            }
        }
        Err(refusal) => Err(refusal),
    };
    drop(slot);
    match said {
        Ok((account, id, hello, arrival)) => {
            let rest = lines.into_rest();
            let ask = AccountRequest::Hello(Box::new(ModuleConnection {
                stream,
                id,
                hello,
                rest,
                arrival,
            }));
            if let Err(AccountRequest::Hello(connection)) = supervisor::ask(&context, &account, ask)
            {
                if context.logs_refusal(uid) {
                    tracing::warn!(message_id = message_id::REFUSED, %account, uid, "{account}: a module is refused: too busy");
                }
                connection.refuse(Code::Busy.into());
            }
        }
        Err(Refusal { id, error }) => {
            if context.logs_refusal(uid) {
                tracing::info!(
                    message_id = message_id::REFUSED,
                    uid,
                    code = error.code as i32,
                    "a hello is refused"
                );
            }
            if let Some(id) = id {
                line_io::refuse(stream, id, error).await;
            }
        }
    }
}

/// No time to be polite.
fn crowded_out(stream: &UnixStream, uid: u32) {
    tracing::debug!(uid, "a connection made room for another");
    let _ = stream.try_write(&line_io::error_line(Id::Null, Code::Busy.into()));
}

/// A place among those who are not served yet.
struct PendingSlot<'a> {
    context: &'a Context,
    slot: u64,
}

impl Drop for PendingSlot<'_> {
    fn drop(&mut self) {
        self.context.pending.borrow_mut().leave(self.slot);
    }
}

/// Reads the first line.
fn hello(context: &Context, uid: u32, line: &[u8]) -> Result<(Option<Id>, Hello), Refusal> {
    let request = match jsonrpc::parse(line) {
        Err(error) => return Err(Refusal { id: Some(Id::Null), error }),
        Ok(Message::Batch(_)) => {
            let error = Error::new(Code::InvalidRequest, "hello comes alone: send it in no batch");
            return Err(Refusal { id: Some(Id::Null), error });
        }
        Ok(Message::Single(request)) => request,
    };
    match read(context, uid, &request) {
        Ok(hello) => Ok((request.id, hello)),
        Err(error) => Err(Refusal { id: request.id, error }),
    }
}

fn read(context: &Context, uid: u32, request: &Request<'_>) -> Result<Hello, Error> {
    /// All that a hello of another version surely has.
    #[derive(Deserialize)]
    struct Spoken {
        version: u32,
    }
    if !context.rights(uid).hello.covers(uid, uid) {
        return Err(Code::Forbidden.into());
    }
    if request.method != "hello" {
        return Err(Code::HelloFirst.into());
    }
    if request.params::<Spoken>()?.version != proto::VERSION {
        return Err(Code::Version.into());
    }
    let mut hello: Hello = request.params()?;
    hello.shim = clip(&hello.shim, VERSION_LENGTH);
    hello.znc = clip(&hello.znc, VERSION_LENGTH);
    Ok(hello)
}
