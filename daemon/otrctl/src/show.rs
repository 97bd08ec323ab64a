//! Answers for people: plain tables, colour only on a terminal and only where it is wanted.

use crate::doctor::{Check, Report, State};
use crate::moving::{Exports, ForgottenAccount, Imports};
use crate::renew::{self, AllRenewed};
use crate::secrets::{Kept, OfAccount};
use crate::sessions::{Session, Sessions};
use crate::{Failure, OtherDaemon, terminal};
use proto::account::Account;
use proto::admin::{Accounts, Event, Output, SecretsKept, Status};
use proto::control::AtRest;
use proto::jsonrpc::one_line;
use proto::moving::{KeyOutcome, PeerOutcome};
use proto::shim::{Effect, Style};
use serde::Serialize;
use std::fmt::Write;
use std::io::IsTerminal;

/// As JSON, or as `people` see it.
pub fn either<T: Serialize>(
    json: bool,
    result: &T,
    people: impl FnOnce(&T) -> String,
) -> Result<String, Failure> {
    if !json {
        return Ok(people(result));
    }
    let text = serde_json::to_string(result);
    let text = text.map_err(|error| Failure::Internal(format!("cannot write JSON: {error}")))?;
    Ok(terminal::json(&text) + "\n")
}

/// The daemon, and a row for each account.
pub fn status(status: &Status) -> String {
    let Status { version, protocol, pid, .. } = status;
    let uptime = duration(status.uptime);
    let mut out = format!("otrd {version}, protocol {protocol}, pid {pid}, up {uptime}\n");
    if status.strangers > 0 {
        out.push_str(&format!("{} connections without hello\n", status.strangers));
    }
    if status.accounts.is_empty() {
        out.push_str("no account has a worker\n");
        return out;
    }
    let heads = [
        "account", "uid", "pid", "up", "restarts", "module", "key", "private", "blocked",
        "waiting", "memory", "files", "confined",
    ];
    let rows = status.accounts.iter().map(|status| {
        let account = &status.account;
        let mut row = vec![
            format!("{}/{}", account.user, account.network),
            account.uid.to_string(),
            status.pid.map_or_else(|| "-".into(), |pid| pid.to_string()),
            duration(status.uptime),
            status.restarts.to_string(),
        ];
        match &status.worker {
            Some(worker) => row.extend([
                match (worker.connected, worker.shim.as_str()) {
                    (false, _) => "-".into(),
                    (true, "") => "connected".into(),
                    (true, shim) => format!("{shim}, ZNC {}", worker.znc),
                },
                worker.key.clone(),
                worker.sessions.to_string(),
                worker.blocked.to_string(),
                worker.waiting.to_string(),
                memory(worker.memory),
                worker.at_rest.clone(),
                worker.sandbox.clone(),
            ]),
            None if status.locked.is_some() => row.push("locked: see otrctl doctor".into()),
            None if status.not_taken_up.is_some() => row.push("no worker: interrupted".into()),
            None if status.pid.is_some() => row.push("does not answer".into()),
            None => row.push("no worker".into()),
        }
        row
    });
    out += &table(&heads.map(String::from), rows.collect());
    for status in &status.accounts {
        let Account { uid, user, network } = &status.account;
        if let Some(version) = status.version.as_ref().filter(|worker| *worker != version) {
            let version = clean(version);
            out += &format!(
                "{user}/{network} of uid {uid}: its worker is of release {version}: it is replaced when nothing is private, or by otrctl renew\n"
            );
        }
        if let Some(why) = &status.not_taken_up {
            let why = clean(why);
            out +=
                &format!("{user}/{network} of uid {uid}: interrupted by a change of otrd: {why}\n");
        }
    }
    out
}

/// A line for each account.
pub fn accounts(accounts: &Accounts) -> String {
    let row = |account: &proto::account::Account| {
        vec![format!("{}/{}", account.user, account.network), account.uid.to_string()]
    };
    let rows: Vec<_> = accounts.accounts.iter().map(row).collect();
    let mut text = match rows.is_empty() {
        true => "no account yet: load the module otr on a network in ZNC\n".into(),
        false => table(&["account".into(), "uid".into()], rows),
    };
    if !accounts.former.is_empty() {
        let heads = ["account", "uid", "set aside in"].map(String::from);
        let rows = accounts.former.iter().map(|former| {
            let mut row = row(&former.account);
            row.push(former.directory.clone());
            row
        });
        text.push('\n');
        text += &table(&heads, rows.collect());
    }
    text
}

/// A line for each private conversation.
pub fn sessions(sessions: &Sessions) -> String {
    if sessions.sessions.is_empty() {
        return "no private conversation\n".into();
    }
    let heads = ["account", "uid", "peer", "state", "fingerprint", "trust"].map(String::from);
    let row = |session: &Session| {
        let Account { uid, user, network } = &session.account;
        let mut row = vec![format!("{user}/{network}"), uid.to_string(), session.peer.clone()];
        row.extend([&session.state, &session.fingerprint, &session.trust].map(String::clone));
        row
    };
    table(&heads, sessions.sessions.iter().map(row).collect())
}

/// One thing that changed.
pub fn event(event: &Event) -> String {
    let Event { account, what, was, now } = event;
    let value = |value: &str| if value.is_empty() { "-".to_owned() } else { clean(value) };
    let Account { uid, user, network } = account;
    format!("{user}/{network} ({uid})  {what}  {} -> {}\n", value(was), value(now))
}

/// What an import came to.
pub fn imports(imports: &Imports) -> String {
    let mut out = String::new();
    for one in &imports.imports {
        let Account { uid, user, network } = &one.account;
        let (path, result) = (one.path.display().to_string(), &one.result);
        let (path, program) = (clean(&path), one.program);
        out.push_str(&format!("{path} ({program}), for {user}/{network} of uid {uid}:\n"));
        for owner in &result.owners {
            let (account, protocol) = (one_line(&owner.account), one_line(&owner.protocol));
            let key = owner.key.as_deref().unwrap_or("no key");
            let known = owner.known;
            let taken = match &result.from {
                Some(from) if *from == owner.account => "",
                _ => "; not taken",
            };
            out.push_str(&format!(
                "  account {account}, protocol {protocol}: {key}, fingerprints: {known}{taken}\n"
            ));
        }
        let outcome = match result.key {
            KeyOutcome::None => "none for this account",
            KeyOutcome::Same => "there already",
            KeyOutcome::New => "new",
            KeyOutcome::Replaced => "in place of another one, which is kept",
        };
        let key = result.fingerprint.as_deref().unwrap_or("-");
        out.push_str(&format!("  key {key}: {outcome}\n"));
        let heads = ["  peer", "fingerprint", "trust", ""].map(String::from);
        let row = |peer: &proto::moving::Peer| {
            let outcome = match peer.outcome {
                PeerOutcome::New => "new",
                PeerOutcome::Same => "there already",
                PeerOutcome::Kept => "there with another trust, which stays without --overwrite",
                PeerOutcome::Changed => "there with another trust, which changes",
            };
            let nick = format!("  {}", one_line(&peer.nick));
            vec![nick, peer.fingerprint.clone(), peer.trust.clone(), outcome.into()]
        };
        if !result.peers.is_empty() {
            out.push_str(&table(&heads, result.peers.iter().map(row).collect()));
        }
        let more = (result.known as usize).saturating_sub(result.peers.len());
        if more > 0 {
            out.push_str(&format!("  and {more} more\n"));
        }
        if !result.unknown_trust.is_empty() {
            let words: Vec<_> = result.unknown_trust.iter().map(one_line).collect();
            out.push_str(&format!(
                "  not trusted, because their word for trust is not known: {}\n",
                words.join(", ")
            ));
        }
        if result.left_out > 0 {
            out.push_str(&format!("  lines that are of no use: {}\n", result.left_out));
        }
    }
    out.push_str(if imports.done { "Done.\n" } else { "Nothing was changed.\n" });
    out
}

/// What was exported.
pub fn exports(exports: &Exports) -> String {
    let Account { uid, user, network } = &exports.account;
    let (files, directory) = (exports.files.join(", "), exports.directory.display().to_string());
    let key = exports.result.fingerprint.as_deref().unwrap_or("none");
    let known = exports.result.known;
    format!(
        "{user}/{network} of uid {uid}: {files} in {}\n  key {key}, fingerprints: {known}\n\
         Whoever reads otr.key can speak as you: keep it as safe as otrd does.\n",
        clean(&directory)
    )
}

/// How files lie on disk.
pub fn secrets(secrets: &Kept) -> String {
    let SecretsKept { master, old, at_rest } = &secrets.kept;
    let mut out = match (master, old, at_rest) {
        (false, ..) => "otrd has no master secret: files lie plain on disk\n",
        (true, _, AtRest::Plain) => {
            "otrd has a master secret; turned off: files lie plain on disk\n"
        }
        (true, false, AtRest::Encrypted) => "files are encrypted with the master secret\n",
        (true, true, AtRest::Encrypted) => {
            "files are encrypted with the new master secret, and opened with the old one too\n"
        }
    }
    .to_owned();
    for OfAccount { account: Account { uid, user, network }, at_rest, why } in &secrets.accounts {
        let says = match (at_rest, why) {
            (Some(AtRest::Encrypted), _) => "encrypted",
            (Some(AtRest::Plain), _) => "plain",
            (None, why) => why.as_deref().unwrap_or("no answer"),
        };
        out.push_str(&format!("{user}/{network} of uid {uid}: {}\n", clean(says)));
    }
    out
}

/// Another otrd answers a watcher.
pub fn other_daemon(other: &OtherDaemon) -> String {
    format!("otrd: another one answers: pid {} is now {}\n", other.was, other.now)
}

/// What became of workers.
pub fn renewed(renewed: &AllRenewed) -> String {
    let mut out = String::new();
    for renew::OfAccount { account: Account { uid, user, network }, was } in &renewed.accounts {
        let says = match was {
            Some(version) => format!("its worker, release {version}, has ended"),
            None => "no worker ran".into(),
        };
        out.push_str(&format!("{user}/{network} of uid {uid}: {}\n", clean(&says)));
    }
    out
}

/// `restore-account`, with `--json` too.
#[derive(Serialize)]
pub struct RestoredAccount {
    /// Whose.
    pub account: Account,
    /// Where its files were.
    pub directory: String,
    /// Where those are now that it had meanwhile.
    pub aside: Option<String>,
}

/// What became of an account.
pub fn restored(restored: &RestoredAccount) -> String {
    let RestoredAccount { account: Account { uid, user, network }, directory, aside } = restored;
    let meanwhile = match aside {
        Some(aside) => format!("; those it had meanwhile are in {aside} beside them"),
        None => String::new(),
    };
    format!("{user}/{network} of uid {uid} has its files of {directory} again{meanwhile}\n")
}

/// What became of an account.
pub fn forgotten(forgotten: &ForgottenAccount) -> String {
    let Account { uid, user, network } = &forgotten.account;
    match &forgotten.aside {
        Some(aside) => {
            let place = format!("<state>/{uid}/{}", user.file_name());
            format!("{user}/{network} of uid {uid} is forgotten; its files are {place}/{aside}\n")
        }
        None => format!("{user}/{network} of uid {uid} is removed\n"),
    }
}

/// Whether everything is as it should be.
pub fn report(report: &Report) -> String {
    let colour = colours();
    let mut out = String::new();
    for Check { name, state, says, hint } in &report.checks {
        let (word, style) = match state {
            State::Ok => ("ok  ", Style::Good),
            State::Warn => ("warn", Style::Warn),
            State::Fail => ("FAIL", Style::Bad),
        };
        let (on, off) = if colour { paint(style) } else { ("", "") };
        out.push_str(&format!("{on}{word}{off}  {name}: {}\n", clean(says)));
        if let Some(hint) = hint {
            out.push_str(&format!("      {}\n", clean(hint)));
        }
    }
    out
}

/// What `*otr` said.
pub fn output(output: &Output) -> String {
    let colour = colours();
    let mut out = String::new();
    for effect in &output.output {
        match effect {
            Effect::Print { text, style } => {
                let (on, off) = if colour { paint(*style) } else { ("", "") };
                // Writing to a string does not fail.
                let _ = writeln!(out, "{on}{}{off}", one_line(text));
            }
            Effect::Table { columns, rows } => {
                let cells = |row: &Vec<_>| row.iter().map(one_line).collect();
                out.push_str(&table(columns, rows.iter().map(cells).collect()));
            }
            _ => {}
        }
    }
    out
}

/// <https://no-color.org>
fn colours() -> bool {
    std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn paint(style: Style) -> (&'static str, &'static str) {
    match style {
        Style::Plain => ("", ""),
        Style::Good => ("\x1b[32m", "\x1b[0m"),
        Style::Warn => ("\x1b[33m", "\x1b[0m"),
        Style::Bad => ("\x1b[31m", "\x1b[0m"),
    }
}

/// Columns two blanks apart. A short row stays short.
fn table(heads: &[String], rows: Vec<Vec<String>>) -> String {
    let lines = || std::iter::once(heads).chain(rows.iter().map(Vec::as_slice));
    let mut widths: Vec<usize> = Vec::new();
    for line in lines() {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(clean(cell).chars().count());
        }
    }
    let mut out = String::new();
    for line in lines() {
        let cells: Vec<_> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{:<width$}", clean(cell)))
            .collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// Nothing that moves a cursor.
fn clean(text: &str) -> String {
    terminal::word(text)
}

fn memory(kib: u64) -> String {
    match kib {
        0 => "-".into(),
        _ => format!("{:.1}M", kib as f64 / 1024.0),
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::text::Text;

    #[test]
    fn a_table_is_aligned_and_moves_no_cursor() {
        let row = |cells: [&str; 2]| cells.map(Text::from).to_vec();
        let columns = vec!["Peer".into(), "State".into()];
        let rows = vec![row(["bob", "encrypted"]), row(["a\x1b[2Jmallory", "plain\r\n"])];
        let shown = output(&Output { output: vec![Effect::Table { columns, rows }] });
        assert_eq!(shown, "Peer         State\nbob          encrypted\na[2Jmallory  plain\n");
    }

    #[test]
    fn effects_that_are_none_of_an_admins_are_not_shown() {
        let print = Effect::Print { text: "hello".into(), style: Style::Good };
        let shown = output(&Output { output: vec![Effect::Pass, print] });
        assert_eq!(shown, "hello\n");
    }

    #[test]
    fn times_are_short() {
        let shown = [0, 59, 60, 3599, 3600, 86399, 86400, 900_000].map(duration);
        assert_eq!(shown, ["0s", "59s", "1m00s", "59m59s", "1h00m", "23h59m", "1d00h", "10d10h"]);
    }
}
