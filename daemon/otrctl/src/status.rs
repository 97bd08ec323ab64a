//! `status` and `accounts`, for people.

use crate::render::{clean, duration, table};
use proto::account::Account;
use proto::admin::{Accounts, Status};

/// The daemon, and a row for each account.
pub fn shown(status: &Status) -> String {
    let Status { version, protocol, pid, .. } = status;
    let uptime = duration(status.uptime);
    let mut out = format!("otrd {version}, protocol {protocol}, pid {pid}, up {uptime}\n");
    if status.pending > 0 {
        out.push_str(&format!("{} connections without hello\n", status.pending));
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

fn memory(kib: u64) -> String {
    match kib {
        0 => "-".into(),
        _ => format!("{:.1}M", kib as f64 / 1024.0),
    }
}
