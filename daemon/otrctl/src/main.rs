//! Talks to otrd: `otrctl status`, `otrctl doctor`, `otrctl import`, or any words of `*otr`.
//!
//! Top-down: [`args`] says what is wanted, [`words`] and [`ask`] read secrets, [`client`] asks
//! otrd, [`show`] writes the answer and [`terminal`] lets it out. [`sessions`], [`doctor`],
//! [`moving`], [`restore`], [`renew`] and [`secrets`] ask more than one question; [`places`] knows
//! where other programs keep their keys.
//! The exit status is one of sysexits.h.
#![forbid(unsafe_code)]

mod args;
mod ask;
mod client;
mod doctor;
mod moving;
mod places;
mod renew;
mod restore;
mod secrets;
mod sessions;
mod show;
mod terminal;
mod words;

use crate::args::{Action, Args};
use crate::client::Client;
use clap::{CommandFactory, Parser};
use proto::account::{Account, Name};
use proto::admin::{
    AccountStatus, Accounts, Command, Event, Output, Page, Selector, Status, Watch,
};
use proto::text::Text;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Why there is no answer, each with its name in sysexits.h.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// EX_USAGE
    #[error("{0}")]
    Usage(String),
    /// 130, as a shell has it of a program that Control-C has ended.
    #[error("interrupted: nothing was sent")]
    Interrupted,
    /// EX_CONFIG, with the whole report.
    #[error("{0}")]
    Unwell(String),
    /// EX_DATAERR
    #[error("{0}")]
    Refused(String),
    /// EX_NOINPUT
    #[error("{0}")]
    NoInput(String),
    /// EX_CANTCREAT
    #[error("{0}")]
    NoOutput(String),
    /// EX_NOUSER
    #[error("{0}")]
    NoAccount(String),
    /// EX_UNAVAILABLE
    #[error("{0}")]
    Unavailable(String),
    /// EX_SOFTWARE
    #[error("{0}")]
    Internal(String),
    /// EX_TEMPFAIL
    #[error("{0}")]
    Busy(String),
    /// EX_NOPERM
    #[error("{0}")]
    Forbidden(String),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 64,
            Failure::Refused(_) => 65,
            Failure::NoInput(_) => 66,
            Failure::NoAccount(_) => 67,
            Failure::Unavailable(_) => 69,
            Failure::Internal(_) => 70,
            Failure::NoOutput(_) => 73,
            Failure::Busy(_) => 75,
            Failure::Forbidden(_) => 77,
            Failure::Unwell(_) => 78,
            Failure::Interrupted => 130,
        }
    }
}

/// otrctl(1).
const PAGE: &str = include_str!("../../../systemd/man/otrctl.1");

/// EX_IOERR: what was asked for was done, but its output went nowhere.
const NOT_SHOWN: u8 = 74;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version come this way, too.
            let wrong = error.use_stderr();
            // A shell that completed a pattern gives names of files as words: what is said of them
            // is said of what can be shown.
            let words = std::env::args_os().map(|word| terminal::name(Path::new(&word)));
            let error = Args::try_parse_from(words).err().unwrap_or(error);
            let text = error.render().to_string();
            let _ = match wrong {
                true => write!(io::stderr(), "{}", terminal::safe(&text)),
                false => print(&text),
            };
            return if wrong { ExitCode::from(64) } else { ExitCode::SUCCESS };
        }
    };
    match run(&args) {
        // Ours to the letter, tabulators and all.
        Ok(text) if matches!(args.action, Action::Completions { .. } | Action::Man) => {
            let written = io::stdout().write_all(text.as_bytes());
            if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(NOT_SHOWN) }
        }
        Ok(text) => match print(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(NOT_SHOWN),
        },
        Err(failure @ Failure::Unwell(_)) => {
            let _ = print(&failure.to_string());
            ExitCode::from(failure.exit_code())
        }
        Err(failure) => {
            let _ = writeln!(io::stderr(), "otrctl: {}", terminal::safe(&failure.to_string()));
            ExitCode::from(failure.exit_code())
        }
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(terminal::safe(text).as_bytes())?;
    out.flush()
}

fn run(args: &Args) -> Result<String, Failure> {
    match &args.action {
        Action::Completions { shell } => return completions(*shell),
        Action::Man => return Ok(PAGE.into()),
        Action::Doctor(wish) => return doctor::run(args, wish),
        _ => {}
    }
    let line = match &args.action {
        Action::Words(words) => Some(words::line(args, words)?),
        Action::Status if args.of_an_account() => Some(words::line(args, &["status".into()])?),
        _ => None,
    };
    let named = args.account()?;
    let mut client = match (Client::connect(args.socket.as_deref(), args.timeout()?), &args.action)
    {
        (Ok(client), _) => client,
        (Err(failure @ Failure::Unavailable(_)), Action::Words(words)) => {
            return Err(words::unknown(words).unwrap_or(failure));
        }
        (Err(failure), _) => return Err(failure),
    };
    match &args.action {
        Action::Status if line.is_none() => {
            let status = all_status(&mut client)?;
            show::either(args.json, &status, show::status)
        }
        Action::Accounts => {
            let accounts = accounts_and_former(&mut client)?;
            show::either(args.json, &accounts, show::accounts)
        }
        Action::Sessions => {
            let sessions = sessions::all(&mut client, named.as_ref(), args.uid)?;
            show::either(args.json, &sessions, show::sessions)
        }
        Action::Watch => watch(args, &mut client),
        Action::Import(wish) => moving::import(args, wish, &mut client),
        Action::Export(wish) => moving::export(args, wish, &mut client),
        Action::Renew(wish) => renew::run(args, wish, &mut client),
        Action::Secrets(wish) => secrets::run(args, wish, &mut client),
        Action::RestoreAccount(wish) => restore::run(args, wish, &mut client),
        Action::ForgetAccount(wish) => moving::forget(args, wish, &mut client),
        _ => {
            let account = select(&mut client, named, args.uid)?;
            let text = Text::new(line.as_deref().map_or(&[][..], Vec::as_slice));
            let output: Output = client.ask("command", &Command { account, text })?;
            show::either(args.json, &output, show::output)
        }
    }
}

/// Tells until nobody reads, or otrd ends for good.
fn watch(args: &Args, client: &mut Client) -> Result<String, Failure> {
    let status: Status = client.ask("status", &Page::default())?;
    let mut pid = status.pid;
    let _: Watch = client.ask("watch", &Watch {})?;
    loop {
        let event: Event = match client.event() {
            Ok(event) => event,
            Err(failure @ Failure::Unavailable(_)) => {
                // Restarted or replaced: another one answers soon.
                client.again().map_err(|_| failure)?;
                let status: Status = client.ask("status", &Page::default())?;
                let _: Watch = client.ask("watch", &Watch {})?;
                let other = OtherDaemon { what: "daemon", was: pid, now: status.pid };
                pid = status.pid;
                if print(&show::either(args.json, &other, show::other_daemon)?).is_err() {
                    return Ok(String::new());
                }
                continue;
            }
            Err(failure) => return Err(failure),
        };
        if print(&show::either(args.json, &event, show::event)?).is_err() {
            return Ok(String::new());
        }
    }
}

/// What a watcher is told where another otrd answers.
#[derive(Serialize)]
pub struct OtherDaemon {
    what: &'static str,
    /// Process ids.
    pub was: u32,
    /// See `was`.
    pub now: u32,
}

fn completions(shell: clap_complete::Shell) -> Result<String, Failure> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "otrctl", &mut out);
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The daemon and every account that may be seen, whatever pages that takes.
pub fn all_status(client: &mut Client) -> Result<Status, Failure> {
    let mut all: Status = client.ask("status", &Page::default())?;
    while all.more {
        let after = all.accounts.last().map(|last: &AccountStatus| last.account.clone());
        let mut page: Status = client.ask("status", &Page { after })?;
        all.more = page.more && !page.accounts.is_empty();
        all.accounts.append(&mut page.accounts);
    }
    Ok(all)
}

/// Every account that may be named, whatever pages that takes.
pub fn all_accounts(client: &mut Client) -> Result<Vec<Account>, Failure> {
    Ok(accounts_and_former(client)?.accounts)
}

/// The same, and what was set aside.
pub fn accounts_and_former(client: &mut Client) -> Result<Accounts, Failure> {
    let mut all = Accounts::default();
    loop {
        let page = Page { after: all.accounts.last().cloned() };
        let mut page: Accounts = client.ask("accounts", &page)?;
        let more = page.more && !page.accounts.is_empty();
        all.accounts.append(&mut page.accounts);
        if !more {
            all.former = page.former;
            return Ok(all);
        }
    }
}

/// The account that is meant: the only one that fits what was said of it.
pub fn select(
    client: &mut Client,
    named: Option<(Name, Name)>,
    uid: Option<u32>,
) -> Result<Selector, Failure> {
    if let (Some((user, network)), Some(uid)) = (&named, uid) {
        return Ok(Selector { uid: Some(uid), user: user.clone(), network: network.clone() });
    }
    let mut fitting = all_accounts(client)?;
    fitting.retain(|account| {
        let is_named =
            |(user, network): &(_, _)| account.user == *user && account.network == *network;
        uid.is_none_or(|uid| account.uid == uid) && named.as_ref().is_none_or(is_named)
    });
    match <[Account; 1]>::try_from(fitting) {
        Ok([Account { uid, user, network }]) => Ok(Selector { uid: Some(uid), user, network }),
        Err(none) if none.is_empty() && named.is_some() => {
            let text = "no such account: see otrctl accounts";
            Err(Failure::NoAccount(text.into()))
        }
        Err(none) if none.is_empty() => {
            let text = "no account yet: load the module otr on a network in ZNC first";
            Err(Failure::NoAccount(text.into()))
        }
        Err(many) => {
            let mut text = String::from("several accounts: say which one");
            for Account { uid, user, network } in many {
                text.push_str(&format!("\n  --uid {uid} -a {user}/{network}"));
            }
            Err(Failure::Usage(text))
        }
    }
}
