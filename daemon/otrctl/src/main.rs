//! Talks to otrd: `otrctl status`, `otrctl doctor`, `otrctl import`, or any words of `*otr`.
//!
//! Top-down: [`args`] says what is wanted, [`otr_command`] and [`prompt`] read secrets, [`client`] asks
//! otrd, [`accounts`] says which accounts are meant, [`render`] writes the answer and [`terminal`]
//! lets it out. [`status`], [`sessions`], [`watch`], [`version`], [`doctor`], [`import_export`],
//! [`restore`], [`renew`] and [`secrets`] are the commands of those names; [`outcome`] is what those that move files came
//! to, [`foreign_dirs`] knows where other programs keep their keys, [`worker_program`] where the
//! worker is.
//! [`failure`]: the exit status is one of sysexits.h.
#![forbid(unsafe_code)]

mod accounts;
mod args;
mod client;
mod doctor;
mod failure;
mod foreign_dirs;
mod import_export;
mod otr_command;
mod outcome;
mod prompt;
mod render;
mod renew;
mod restore;
mod secrets;
mod sessions;
mod status;
mod terminal;
mod version;
mod watch;
mod worker_program;

use crate::accounts::{accounts_and_former, all_status, select};
use crate::args::{Action, Args};
use crate::client::Client;
use crate::failure::Failure;
use clap::{CommandFactory, Parser};
use proto::admin::{CommandLine, Output};
use proto::irc::Text;
use std::alloc::System;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: commands can have secrets in them, and exports are keys.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// The man page that `otrctl man` prints, as in systemd/man.
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
                false => terminal::print(&text),
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
        Ok(text) => match terminal::print(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(NOT_SHOWN),
        },
        Err(failure @ (Failure::ChecksFailed(_) | Failure::NotDone(_))) => {
            let _ = terminal::print(&failure.to_string());
            ExitCode::from(failure.exit_code())
        }
        Err(failure) => {
            let _ = writeln!(io::stderr(), "otrctl: {}", terminal::safe(&failure.to_string()));
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(args: &Args) -> Result<String, Failure> {
    match &args.action {
        Action::Completions { shell } => return completions(*shell),
        Action::Man => return Ok(PAGE.into()),
        Action::Doctor(wish) => return doctor::run(args, wish),
        Action::Version if !args.of_an_account() => return version::run(args),
        _ => {}
    }
    let line = match &args.action {
        Action::Words(words) => Some(otr_command::line(args, words)?),
        Action::Status if args.of_an_account() => {
            Some(otr_command::line(args, &["status".into()])?)
        }
        Action::Version => Some(otr_command::line(args, &["version".into()])?),
        _ => None,
    };
    let named = args.account()?;
    let mut client = match (Client::connect(args.socket.as_deref(), args.timeout()?), &args.action)
    {
        (Ok(client), _) => client,
        (Err(failure @ Failure::Unavailable(_)), Action::Words(words)) => {
            return Err(otr_command::unknown(words).unwrap_or(failure));
        }
        (Err(failure), _) => return Err(failure),
    };
    match &args.action {
        Action::Status if line.is_none() => {
            let status = all_status(&mut client)?;
            render::render(args.json, &status, status::shown)
        }
        Action::Accounts => {
            let accounts = accounts_and_former(&mut client)?;
            render::render(args.json, &accounts, status::accounts)
        }
        Action::Sessions => {
            let sessions = sessions::all(&mut client, named.as_ref(), args.uid)?;
            render::render(args.json, &sessions, sessions::shown)
        }
        Action::Watch => watch::run(args, &mut client),
        Action::Import(wish) => import_export::import(args, wish, &mut client),
        Action::Export(wish) => import_export::export(args, wish, &mut client),
        Action::Renew(wish) => renew::run(args, wish, &mut client),
        Action::Secrets(wish) => secrets::run(args, wish, &mut client),
        Action::RestoreAccount(wish) => restore::run(args, wish, &mut client),
        Action::ForgetAccount(wish) => import_export::forget(args, wish, &mut client),
        _ => {
            let account = select(&mut client, named, args.uid)?;
            let text = Text::new(line.as_deref().map_or(&[][..], Vec::as_slice));
            let output: Output = client.ask("command", &CommandLine { account, text })?;
            let said = render::render(args.json, &output, render::output)?;
            // What status tells is no refusal.
            let refused = matches!(args.action, Action::Words(_)) && render::is_refused(&output);
            if refused { Err(Failure::NotDone(said)) } else { Ok(said) }
        }
    }
}

fn completions(shell: clap_complete::Shell) -> Result<String, Failure> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "otrctl", &mut out);
    Ok(String::from_utf8_lossy(&out).into_owned())
}
