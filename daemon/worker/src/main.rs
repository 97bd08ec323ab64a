//! `otrd-worker`: started by `otrd` alone, with its control socket as descriptor 0.
//! `otrd-worker keygen` makes one key and ends.

use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        None => worker::serve::main(),
        Some("keygen") => worker::keygen::main(),
        Some("--version") => {
            println!("otrd-worker {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        Some(_) => Err(anyhow::anyhow!("otrd starts this program by itself: run otrd instead")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("otrd-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}
