//! `watch`: how all stands and then one line for each change, over restarts of otrd.

use crate::args::Args;
use crate::client::Client;
use crate::failure::Failure;
use crate::render::{self, clean};
use crate::terminal;
use proto::account::Account;
use proto::admin::{Event, EventValue, Page, Status, Watch, Watching};
use serde::Serialize;

/// Tells until nobody reads, or otrd ends for good.
pub fn run(args: &Args, client: &mut Client) -> Result<String, Failure> {
    let status: Status = client.ask("status", &Page::default())?;
    let mut pid = status.pid;
    let _: Watching = client.ask("watch", &Watch {})?;
    loop {
        let event: Event = match client.event() {
            Ok(event) => event,
            Err(failure @ Failure::Unavailable(_)) => {
                // Restarted or replaced: another one answers soon.
                client.again().map_err(|_| failure)?;
                let status: Status = client.ask("status", &Page::default())?;
                let _: Watching = client.ask("watch", &Watch {})?;
                let other = OtherDaemon { what: "daemon", was: pid, now: status.pid };
                pid = status.pid;
                if terminal::print(&render::render(args.json, &other, other_daemon)?).is_err() {
                    return Ok(String::new());
                }
                continue;
            }
            Err(failure) => return Err(failure),
        };
        if terminal::print(&render::render(args.json, &event, shown)?).is_err() {
            return Ok(String::new());
        }
    }
}

/// What a watcher is told where another otrd answers.
#[derive(Serialize)]
struct OtherDaemon {
    what: &'static str,
    /// Process id of the otrd that answered before.
    was: u32,
    /// Process id of the one that answers now.
    now: u32,
}

/// One thing that changed.
fn shown(event: &Event) -> String {
    let Event { account, what, was, now } = event;
    let value = |value: &Option<EventValue>| match value {
        None => "-".to_owned(),
        Some(EventValue::Number(number)) => number.to_string(),
        Some(EventValue::Word(word)) => clean(word),
    };
    let Account { uid, user, network } = account;
    format!("{user}/{network} ({uid})  {what}  {} -> {}\n", value(was), value(now))
}

/// Another otrd answers a watcher.
fn other_daemon(other: &OtherDaemon) -> String {
    format!("otrd: another one answers: pid {} is now {}\n", other.was, other.now)
}
