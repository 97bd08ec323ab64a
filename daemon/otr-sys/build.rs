//! Finds the system's libotr and libgcrypt. Nothing is generated: the
//! declarations are checked in, and `tests/headers.rs` compares them with the
//! installed headers.
//!
//! A program with a static C library (`-C target-feature=+crt-static`) gets the
//! system's static libraries, any other the shared ones.

use std::env;

use pkg_config::{Config, Error};

/// Packages of pkg-config, with the least version.
const NEEDED: [(&str, &str); 2] = [("libotr", "4.1.1"), ("libgcrypt", "1.8.0")];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let is_static = features.split(',').any(|feature| feature == "crt-static");
    let found = if is_static { link_static() } else { link_shared() };
    if let Err(why) = found {
        println!("cargo:warning=install libotr5-dev and libgcrypt20-dev (Debian), or the like");
        eprintln!("libotr and libgcrypt are needed: {why}");
        std::process::exit(1);
    }
}

fn link_shared() -> Result<(), Error> {
    NEEDED
        .iter()
        .try_for_each(|(name, least)| Config::new().atleast_version(least).probe(name).map(drop))
}

/// The pkg-config crate takes nothing static from `/usr`, so the lines for Cargo are written here.
fn link_static() -> Result<(), Error> {
    let mut libraries = Vec::new();
    for (name, least) in NEEDED {
        let mut config = Config::new();
        let found = config.atleast_version(least).statik(true).cargo_metadata(false).probe(name)?;
        println!("cargo:rustc-link-search=native={}", pkg_config::get_variable(name, "libdir")?);
        libraries.extend(found.libs);
    }
    // Who needs a library comes before it: of a name that is there twice, the last counts.
    for (at, library) in libraries.iter().enumerate() {
        if !libraries.iter().skip(at + 1).any(|later| later == library) {
            println!("cargo:rustc-link-lib=static:-bundle={library}");
        }
    }
    Ok(())
}
