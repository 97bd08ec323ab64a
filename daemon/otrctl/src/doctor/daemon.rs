//! What otrd says of itself, and who can reach it.

use super::report::Check;
use super::system;
use super::whose::{Found, Whose};
use crate::accounts::all_status;
use crate::args::Args;
use crate::client::Client;
use proto::admin::{AccountStatus, Status};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

/// Everything that needs an otrd that runs.
pub fn look(args: &Args, patience: Duration) -> (Vec<Check>, Found) {
    let answer = Client::connect(args.socket.as_deref(), patience).and_then(|mut client| {
        let status = all_status(&mut client)?;
        Ok((status, client.path))
    });
    let (status, path) = match answer {
        Ok(found) => found,
        Err(failure) => {
            let whose = Whose::of(args.socket.as_deref());
            let hint = format!("start it: {} enable --now otrd.socket", whose.systemctl());
            let checks = vec![Check::fail("daemon", failure.to_string(), hint)];
            return (checks, Found { whose, without_landlock: false });
        }
    };
    let whose = Whose::of(Some(&path));
    let mut checks = vec![versions(&status)];
    checks.extend(["admin.sock", "shim.sock"].map(|name| socket(&path.with_file_name(name))));
    checks.extend(status.accounts.iter().map(account));
    if status.accounts.is_empty() {
        // Nothing is wrong: this is how an installation begins.
        let says = "none yet: load the module in ZNC: /msg *status loadmod --type=network otr";
        checks.push(Check::ok("accounts", says));
    }
    let mut workers = status.accounts.iter().filter_map(|account| account.worker.as_ref());
    let without_landlock = workers.any(|worker| worker.sandbox.contains("no landlock"));
    (checks, Found { whose, without_landlock })
}

fn versions(status: &Status) -> Check {
    let own = env!("CARGO_PKG_VERSION");
    let Status { version, protocol, .. } = status;
    let says = format!("otrd {version}, protocol {protocol}; otrctl {own}");
    match (version == own, *protocol == proto::VERSION) {
        (true, true) => Check::ok("daemon", says),
        (_, false) => Check::fail("daemon", says, "update the older of otrctl and otrd"),
        (false, true) => Check::warn("daemon", says, "restart otrd after its update"),
    }
}

fn socket(path: &Path) -> Check {
    let name = if path.ends_with("shim.sock") { "socket of modules" } else { "socket of admins" };
    let shown = path.display();
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) => {
            let hint = "otrd may have been started with other paths: see its --shim-socket";
            return Check::warn(name, format!("{shown}: {error}"), hint);
        }
    };
    let mode = found.mode() & 0o7777;
    let says = format!("{shown}, mode {mode:04o}, uid {}, gid {}", found.uid(), found.gid());
    if !found.file_type().is_socket() {
        return Check::fail(name, says, "that is no socket: stop otrd, remove it, start otrd");
    }
    // Everybody may knock: who it is the kernel tells. But a crowd can be kept out.
    match mode & 0o002 {
        0 => Check::ok(name, says),
        _ => Check::warn(name, says, "every user may connect: SocketMode=0660 and SocketGroup="),
    }
}

fn account(status: &AccountStatus) -> Check {
    const NAME: &str = "account";
    let proto::account::Account { uid, user, network } = &status.account;
    let who = format!("{user}/{network} of uid {uid}");
    if let Some(why) = &status.locked {
        let hint = "until then its conversations stay closed; nothing of it is lost";
        return Check::fail(NAME, format!("{who}: {why}"), hint);
    }
    let Some(worker) = &status.worker else {
        return match status.pid {
            Some(pid) => {
                let hint = format!("see otrd's log, then kill {pid}: the module starts a new one");
                Check::fail(NAME, format!("{who}: the worker does not answer"), hint)
            }
            None if status.not_taken_up.is_some() => {
                let why = status.not_taken_up.as_deref().unwrap_or_default();
                let hint = "its conversations are interrupted and ask anew; see otrd's log";
                Check::warn(NAME, format!("{who}: not taken over: {why}"), hint)
            }
            None => {
                let hint = "see otrd's log: its worker ends as soon as it starts";
                Check::fail(NAME, format!("{who}: no worker"), hint)
            }
        };
    };
    let (shim, znc, key) = (&worker.shim, &worker.znc, &worker.key);
    let module = match worker.connected {
        true => format!("module {shim}, ZNC {znc}"),
        false => "no module".into(),
    };
    let at_rest = &worker.at_rest;
    let says = format!("{who}: {module}, key {key}, files {at_rest}, {}", worker.sandbox);
    let own = env!("CARGO_PKG_VERSION");
    if key == "damaged" {
        let hint = "ask status of *otr what is wrong: otrctl -a ACCOUNT status";
        return Check::fail(NAME, says, hint);
    }
    if at_rest.starts_with("not all") {
        return Check::warn(NAME, says, "see otrd's log for which, and then otrctl secrets");
    }
    if worker.sandbox.contains("no landlock") {
        return Check::warn(
            NAME,
            says,
            "a kernel with Landlock (5.13 or newer) confines it better",
        );
    }
    if worker.sandbox.contains("not locked") && !system::plain_swap().is_empty() {
        let hint = "its keys may be swapped out: raise LimitMEMLOCK, or encrypt the swap";
        return Check::warn(NAME, says, hint);
    }
    if let Some(version) = status.version.as_ref().filter(|version| *version != own) {
        let hint = "it is replaced when nothing is private; at once by otrctl renew";
        return Check::warn(NAME, format!("{says}, worker of release {version}"), hint);
    }
    match worker.connected && !shim.is_empty() && shim != own {
        true => Check::warn(NAME, says, "reload the module: /msg *status updatemod otr"),
        false => Check::ok(NAME, says),
    }
}
