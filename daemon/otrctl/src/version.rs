//! `version`: the releases of what is installed, of the libraries in it, and of the otrd that runs.

use crate::accounts::all_status;
use crate::args::Args;
use crate::client::Client;
use crate::failure::Failure;
use crate::outcome::as_text;
use crate::render::{self, clean};
use crate::worker_program;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The result.
#[derive(Serialize)]
struct Versions {
    /// Of this program.
    otrctl: &'static str,
    /// The worker's program.
    worker: Option<Installed>,
    /// Why it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_worker: Option<String>,
    /// The daemon.
    otrd: Option<Running>,
    /// Why it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_otrd: Option<String>,
}

/// What `otrd-worker --version` says. One of an older release says less.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Installed {
    #[serde(serialize_with = "as_text")]
    path: PathBuf,
    version: Option<String>,
    libotr: Option<String>,
    libgcrypt: Option<String>,
    libgpg_error: Option<String>,
    /// Its name, with its release where it has one to tell.
    c_library: Option<String>,
    /// `dynamically` or `statically`.
    linked: Option<String>,
}

/// What `status` says.
#[derive(Serialize)]
struct Running {
    version: String,
    protocol: u32,
    /// The releases of the workers that run, each once.
    workers: BTreeSet<String>,
}

/// `otrctl version`
pub fn run(args: &Args) -> Result<String, Failure> {
    let patience = args.timeout()?;
    let (worker, no_worker) = either(installed(patience));
    let (otrd, no_otrd) = either(running(args, patience).map_err(|failure| failure.to_string()));
    let otrctl = env!("CARGO_PKG_VERSION");
    let versions = Versions { otrctl, worker, no_worker, otrd, no_otrd };
    render::render(args.json, &versions, shown)
}

fn either<T>(result: Result<T, String>) -> (Option<T>, Option<String>) {
    match result {
        Ok(found) => (Some(found), None),
        Err(why) => (None, Some(why)),
    }
}

fn installed(patience: Duration) -> Result<Installed, String> {
    let program = worker_program::installed();
    let output = worker_program::run(&program, &["--version"], patience);
    let output = output.map_err(|error| error.to_string())?;
    let says = String::from_utf8_lossy(&output.stdout);
    let understood = output.status.success().then(|| parse(&program, &says)).flatten();
    understood.ok_or_else(|| format!("{} does not tell its version", program.display()))
}

/// `otrd-worker 0.1.0, libotr 4.1.1, …`. What is not known is passed over.
fn parse(path: &Path, says: &str) -> Option<Installed> {
    let line = says.lines().next()?;
    let mut found = Installed { path: path.into(), ..Installed::default() };
    for part in line.split(", ") {
        let (name, rest) = part.split_once(' ').unwrap_or((part, ""));
        match name {
            "otrd-worker" => found.version = Some(rest.into()),
            "libotr" => found.libotr = Some(rest.into()),
            "libgcrypt" => found.libgcrypt = Some(rest.into()),
            "libgpg-error" => found.libgpg_error = Some(rest.into()),
            "glibc" | "musl" => found.c_library = Some(part.into()),
            "linked" => found.linked = Some(rest.into()),
            _ => {}
        }
    }
    found.version.is_some().then_some(found)
}

fn running(args: &Args, patience: Duration) -> Result<Running, Failure> {
    let mut client = Client::connect(args.socket.as_deref(), patience)?;
    let status = all_status(&mut client)?;
    let workers = status.accounts.into_iter().filter_map(|account| account.version).collect();
    Ok(Running { version: status.version, protocol: status.protocol, workers })
}

fn shown(versions: &Versions) -> String {
    let own = versions.otrctl;
    let mut out = String::new();
    // Writing to a string does not fail.
    let mut row = |name: &str, says: &str| {
        let _ = writeln!(out, "{name:<13} {}", clean(says));
    };
    row("otrctl", own);
    let unknown = |part: &Option<String>| part.clone().unwrap_or_else(|| "unknown".into());
    match &versions.worker {
        Some(worker) => {
            let path = worker.path.display();
            row("otrd-worker", &format!("{}, {path}", unknown(&worker.version)));
            row("libotr", &unknown(&worker.libotr));
            row("libgcrypt", &unknown(&worker.libgcrypt));
            row("libgpg-error", &unknown(&worker.libgpg_error));
            row("C library", &unknown(&worker.c_library));
            row("linked", &unknown(&worker.linked));
        }
        None => row("otrd-worker", &unknown(&versions.no_worker)),
    }
    let Some(otrd) = &versions.otrd else {
        row("running otrd", &unknown(&versions.no_otrd));
        return out;
    };
    let Running { version, protocol, workers } = otrd;
    let restart = if version == own { "" } else { "; restart otrd after its update" };
    row("running otrd", &format!("{version}, protocol {protocol}{restart}"));
    let others: Vec<_> = workers.iter().filter(|worker| *worker != own).cloned().collect();
    if !others.is_empty() {
        let renew = "replaced when nothing is private, or by otrctl renew";
        row("its workers", &format!("also {}; {renew}", others.join(", ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/usr/lib/otrd/otrd-worker";

    #[test]
    fn what_a_worker_says_is_understood() {
        let says = "otrd-worker 0.1.0, libotr 4.1.1, libgcrypt 1.10.1, libgpg-error 1.46, \
                    glibc 2.36, linked statically\n";
        let found = parse(Path::new(PATH), says).unwrap();
        let expected = Installed {
            path: PATH.into(),
            version: Some("0.1.0".into()),
            libotr: Some("4.1.1".into()),
            libgcrypt: Some("1.10.1".into()),
            libgpg_error: Some("1.46".into()),
            c_library: Some("glibc 2.36".into()),
            linked: Some("statically".into()),
        };
        assert_eq!(found, expected);
        let musl = parse(Path::new(PATH), "otrd-worker 0.1.0, musl, zlib 1.2, linked dynamically");
        assert_eq!(musl.unwrap().c_library.as_deref(), Some("musl"));
        assert_eq!(parse(Path::new(PATH), ""), None);
        assert_eq!(parse(Path::new(PATH), "mandoc 1.14\n"), None);
    }

    #[test]
    fn an_update_without_a_restart_is_shown() {
        let own = env!("CARGO_PKG_VERSION");
        let with = |version: &str, workers: &[&str]| {
            let workers = workers.iter().map(|worker| (*worker).to_owned()).collect();
            shown(&Versions {
                otrctl: own,
                worker: None,
                no_worker: Some("cannot start".into()),
                otrd: Some(Running { version: version.into(), protocol: 1, workers }),
                no_otrd: None,
            })
        };
        let old = with("0.0.9", &["0.0.9"]);
        assert!(old.contains("running otrd  0.0.9, protocol 1; restart otrd"), "{old}");
        assert!(old.contains("its workers   also 0.0.9; replaced"), "{old}");
        let new = with(own, &[own]);
        assert!(new.ends_with(&format!("running otrd  {own}, protocol 1\n")), "{new}");
        assert!(new.contains("otrd-worker   cannot start\n"), "{new}");
    }
}
