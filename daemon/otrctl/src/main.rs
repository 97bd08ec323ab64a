//! Talks to otrd: `otrctl status`, `otrctl accounts`, or any words of `*otr`.
//!
//! Top-down: [`args`] says what is wanted, [`client`] asks for it, [`show`] prints the answer.
//! The exit status is one of sysexits.h.
#![forbid(unsafe_code)]

mod args;
mod client;
mod show;

use crate::args::{Args, Wish};
use crate::client::Client;
use clap::Parser;
use proto::account::{Account, Name};
use proto::admin::{AccountStatus, Accounts, Command, Output, Page, Selector, Status};
use proto::text::Text;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why there is no answer, each with its name in sysexits.h.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// EX_USAGE
    #[error("{0}")]
    Usage(String),
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
            Failure::NoAccount(_) => 67,
            Failure::Unavailable(_) => 69,
            Failure::Internal(_) => 70,
            Failure::Busy(_) => 75,
            Failure::Forbidden(_) => 77,
        }
    }
}

/// EX_IOERR: what was asked for was done, but its output went nowhere.
const NOT_SHOWN: u8 = 74;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version come this way, too.
            let wrong = error.use_stderr();
            let _ = error.print();
            return if wrong { ExitCode::from(64) } else { ExitCode::SUCCESS };
        }
    };
    match run(&args) {
        Ok(text) => match print(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(NOT_SHOWN),
        },
        Err(failure) => {
            let _ = writeln!(io::stderr(), "otrctl: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn run(args: &Args) -> Result<String, Failure> {
    let (wish, named) = (args.wish()?, args.account()?);
    let mut client = Client::connect(args.socket.as_deref(), args.timeout()?)?;
    match wish {
        Wish::Status => {
            let status = all_status(&mut client)?;
            show::either(args.json, &status, show::status)
        }
        Wish::Accounts => {
            let accounts = Accounts { accounts: all_accounts(&mut client)?, more: false };
            show::either(args.json, &accounts, show::accounts)
        }
        Wish::Command(words) => {
            let account = select(&mut client, named, args.uid)?;
            let command = Command { account, text: Text::new(words) };
            let output: Output = client.ask("command", &command)?;
            show::either(args.json, &output, show::output)
        }
    }
}

fn all_status(client: &mut Client) -> Result<Status, Failure> {
    let mut all: Status = client.ask("status", &Page::default())?;
    while all.more {
        let after = all.accounts.last().map(|last: &AccountStatus| last.account.clone());
        let mut page: Status = client.ask("status", &Page { after })?;
        all.more = page.more && !page.accounts.is_empty();
        all.accounts.append(&mut page.accounts);
    }
    Ok(all)
}

fn all_accounts(client: &mut Client) -> Result<Vec<Account>, Failure> {
    let mut all = Vec::new();
    loop {
        let page = Page { after: all.last().cloned() };
        let mut page: Accounts = client.ask("accounts", &page)?;
        let more = page.more && !page.accounts.is_empty();
        all.append(&mut page.accounts);
        if !more {
            return Ok(all);
        }
    }
}

/// The account that is meant: the only one that fits what was said of it.
fn select(
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
