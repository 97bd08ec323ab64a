//! `doctor`: looks at everything that otrd depends on, and says what to do about what is wrong.
//! Nothing is changed, and one thing that is wrong does not keep the rest from being looked at.
//!
//! * [`daemon`]: what otrd says, and its sockets.
//! * [`system`]: kernel, randomness, clock, the unit's exposure.
//! * [`znc`]: whether each ZNC that runs can reach the socket for modules.
//! * [`files`]: who may read the keys.
//! * here: two throw-away accounts talk to each other.

mod daemon;
mod files;
mod system;
mod znc;

use crate::args::Doctor;
use crate::{Args, Failure, show};
use proto::paths;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// All checks.
#[derive(Serialize)]
pub struct Report {
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub says: String,
    /// What to do, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works; something could be better, or could not be looked at.
    Warn,
    /// Something does not work or is not safe.
    Fail,
}

impl Check {
    fn ok(name: &'static str, says: impl Into<String>) -> Self {
        Self { name, state: State::Ok, says: says.into(), hint: None }
    }

    fn warn(name: &'static str, says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, state: State::Warn, says: says.into(), hint: Some(hint.into()) }
    }

    fn fail(name: &'static str, says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, state: State::Fail, says: says.into(), hint: Some(hint.into()) }
    }
}

/// The otrd that is looked at.
#[derive(Clone, Copy)]
struct Found {
    whose: Whose,
    /// It runs on a kernel without Landlock, as its admin allowed.
    without_landlock: bool,
}

/// Whose otrd it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    System,
    User,
}

impl Whose {
    /// By the socket that answers, or by who asks where none does.
    fn of(socket: Option<&Path>) -> Self {
        let system = Path::new(paths::SYSTEM_RUNTIME);
        let is_system = match socket {
            Some(path) => path.starts_with(system) || nix::unistd::geteuid().is_root(),
            None => nix::unistd::geteuid().is_root() || system.exists(),
        };
        if is_system { Whose::System } else { Whose::User }
    }

    fn systemctl(self) -> &'static str {
        match self {
            Whose::System => "systemctl",
            Whose::User => "systemctl --user",
        }
    }
}

/// Looks at everything.
pub fn run(args: &Args, wish: &Doctor) -> Result<String, Failure> {
    let patience = args.timeout()?;
    let (mut checks, found) = daemon::look(args, patience);
    checks.extend(znc::look(args.socket.as_deref()));
    checks.extend(system::look(found));
    checks.extend(files::look(wish.state.as_deref(), found.whose));
    checks.push(exchange(wish, found, patience));
    let failed = checks.iter().any(|check| check.state == State::Fail);
    let text = show::either(args.json, &Report { checks }, show::report)?;
    // What was found is the output even then; only the exit status tells.
    if failed { Err(Failure::Unwell(text)) } else { Ok(text) }
}

/// Two keys, a key exchange and a message, by the program that does it for real.
fn exchange(wish: &Doctor, otrd: Found, patience: Duration) -> Check {
    const NAME: &str = "key exchange";
    let program = wish.worker.clone().unwrap_or_else(worker);
    let mut command = Command::new(&program);
    command.arg("selftest");
    if otrd.without_landlock {
        command.arg("--allow-no-landlock");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let path = program.display();
    let hint = format!("install otrd-worker at {path}, or give --worker");
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Check::fail(NAME, format!("cannot start {path}: {error}"), hint),
    };
    let start = Instant::now();
    while matches!(child.try_wait(), Ok(None)) {
        if start.elapsed() > patience {
            let _ = child.kill();
            let _ = child.wait();
            let hint = "the machine may lack randomness: see above, or give more --timeout";
            return Check::fail(NAME, "two throw-away accounts did not become private", hint);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = match child.wait_with_output() {
        Ok(output) => output,
        Err(error) => return Check::fail(NAME, error.to_string(), "try again"),
    };
    let line =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().next().unwrap_or("").to_owned();
    match output.status.success() {
        true => Check::ok(NAME, format!("two throw-away accounts: {}", line(&output.stdout))),
        false => {
            let says = match line(&output.stderr) {
                empty if empty.is_empty() => format!("the worker ended with {}", output.status),
                said => said,
            };
            Check::fail(NAME, says, "the confinement or libotr does not work here: see the line")
        }
    }
}

fn worker() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let places = paths::workers(&own);
    let found = places.iter().flatten().find(|path| path.is_file());
    let last = || places.iter().flatten().next_back();
    found.or_else(last).cloned().unwrap_or_else(|| "otrd-worker".into())
}
