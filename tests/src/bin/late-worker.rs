//! An `otrd-worker` on a machine without randomness: it makes keys only after as many seconds as
//! the number at the end of its file name says. otrd runs nothing but the worker that it was
//! given, so this is one, and does not start one.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use worker::sandbox::{WithoutLandlock, hardening};

fn main() -> ExitCode {
    if let Err(error) = hardening::close_strays().and_then(|()| hardening::end_plainly()) {
        eprintln!("late-worker: {error:#}");
        return ExitCode::FAILURE;
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let without = match words.iter().any(|word| word == "--allow-no-landlock") {
        true => WithoutLandlock::Allow,
        false => WithoutLandlock::Refuse,
    };
    let outcome = match words.first().map(String::as_str) {
        Some("keygen") => {
            sleep(seconds());
            worker::keygen::main(without)
        }
        _ => worker::event_loop::main(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("late-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn seconds() -> Duration {
    let own = std::env::current_exe().expect("our own path");
    let name = own.file_name().expect("a name").to_string_lossy().into_owned();
    let (_, seconds) = name.rsplit_once('-').expect("a name with a number");
    Duration::from_secs(seconds.parse().expect("a number of seconds"))
}
