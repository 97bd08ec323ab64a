//! The admin socket: one request at a time of each connection, each answered before the next is
//! read. A slow client holds up nobody but itself.

use crate::access::Scope;
use crate::admin_calls::Caller;
use crate::admin_lines::LineReader;
use crate::context::Context;
use crate::line_io::{self, ReadLineError};
use crate::message_id;
use crate::watch::Watched;
use proto::admin::{Event, Watching};
use proto::jsonrpc::{self, Code, Error, Id, Outgoing, write_line};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep_until, timeout};

/// Connections of everybody at once; root always gets in.
const IN_ALL: usize = 512;
/// A connection that asks nothing for so long is closed.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// From look to look of one who watches.
const WATCH_TIME: Duration = Duration::from_secs(1);

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
