//! `doctor`: looks at everything that otrd depends on, and says what to do about what is wrong.
//! Nothing is changed, and one thing that is wrong does not keep the rest from being looked at.
//!
//! * [`daemon`]: what otrd says, and its sockets.
//! * [`system`]: kernel, randomness, clock, the unit's exposure.
//! * [`znc`]: whether each ZNC that runs can reach the socket for modules.
//! * [`files`]: who may read the keys.
//! * here: two throw-away accounts talk to each other.

mod acl;
mod daemon;
mod files;
mod report;
mod system;
mod whose;
mod znc;

use self::report::{Check, Report, State};
use self::whose::Found;
use crate::args::Args;
use crate::args::Doctor;
use crate::failure::Failure;
use crate::render;
use crate::worker_program::{self, NotRun};
use std::time::Duration;

/// Runs every check, and fails if one of them does.
pub fn run(args: &Args, wish: &Doctor) -> Result<String, Failure> {
    let patience = args.timeout()?;
    let (mut checks, found) = daemon::look(args, patience);
    checks.extend(znc::look(args.socket.as_deref()));
    checks.extend(system::look(found));
    checks.extend(files::look(wish.state.as_deref(), found.whose));
    checks.push(exchange(wish, found, patience));
    let failed = checks.iter().any(|check| check.state == State::Fail);
    let text = render::render(args.json, &Report { checks }, report::shown)?;
    // What was found is the output even then; only the exit status tells.
    if failed { Err(Failure::ChecksFailed(text)) } else { Ok(text) }
}

/// Two keys, a key exchange and a message, by the program that does it for real.
fn exchange(wish: &Doctor, otrd: Found, patience: Duration) -> Check {
    const NAME: &str = "key exchange";
    let program = wish.worker.clone().unwrap_or_else(worker_program::installed);
    let words = ["selftest", "--allow-no-landlock"];
    let words = if otrd.without_landlock { &words[..] } else { &words[..1] };
    let output = match worker_program::run(&program, words, patience) {
        Ok(output) => output,
        Err(error @ NotRun::Start(..)) => {
            let hint = format!("install otrd-worker at {}, or give --worker", program.display());
            return Check::fail(NAME, error.to_string(), hint);
        }
        Err(NotRun::Late(_)) => {
            let hint = "the machine may lack randomness: see above, or give more --timeout";
            return Check::fail(NAME, "two throw-away accounts did not become private", hint);
        }
        Err(error @ NotRun::Output(_)) => return Check::fail(NAME, error.to_string(), "try again"),
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
