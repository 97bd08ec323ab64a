//! `otrd-worker`: started by `otrd` alone, with its control socket as descriptor 0.
//! `otrd-worker keygen` makes one key and ends; `otrd-worker selftest` is for `otrctl doctor`.

use anyhow::bail;
use std::alloc::System;
use std::process::ExitCode;
use worker::sandbox::{WithoutLandlock, hardening};
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed. Texts are wiped where they are dropped; what serde_json unescaped, or a vector
/// left behind as it grew, is wiped here. What C frees is not: otrd has glibc do that.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("otrd-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    hardening::close_strays()?;
    hardening::end_plainly()?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => worker::event_loop::main(),
        ["keygen"] => worker::keygen::main(WithoutLandlock::Refuse),
        ["keygen", "--allow-no-landlock"] => worker::keygen::main(WithoutLandlock::Allow),
        ["selftest"] => worker::selftest::main(WithoutLandlock::Refuse),
        ["selftest", "--allow-no-landlock"] => worker::selftest::main(WithoutLandlock::Allow),
        ["--version"] => {
            // otrctl reads this: see its version.rs.
            let own = env!("CARGO_PKG_VERSION");
            let (libotr, libgcrypt) = (otr::libotr_version(), otr::libgcrypt_version());
            let (libgpg_error, c_library) = (otr::libgpg_error_version(), otr::c_library());
            let linked = match cfg!(target_feature = "crt-static") {
                true => "statically",
                false => "dynamically",
            };
            println!(
                "otrd-worker {own}, libotr {libotr}, libgcrypt {libgcrypt}, \
                 libgpg-error {libgpg_error}, {c_library}, linked {linked}"
            );
            Ok(())
        }
        _ => bail!("otrd starts this program by itself: run otrd instead"),
    }
}
