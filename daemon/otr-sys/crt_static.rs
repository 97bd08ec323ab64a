//! For build scripts.

use std::env;
use std::process::Command;

/// Whether the programs get a static C library. rustc is asked: Cargo tells a build script so only where a
/// flag says it, and for musl it is the default.
pub fn is_static() -> bool {
    let variable = |name| env::var(name).unwrap_or_default();
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.args(["--print", "cfg", "--target", &variable("TARGET")]);
    // Without flags the variable is there, and empty.
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    rustc.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    match rustc.output() {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            said.lines().any(|line| line == r#"target_feature="crt-static""#)
        }
        other => {
            eprintln!("{rustc:?}: {other:?}");
            std::process::exit(1);
        }
    }
}
