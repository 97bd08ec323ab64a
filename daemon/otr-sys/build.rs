//! Finds the system's libotr and libgcrypt. Nothing is generated: the
//! declarations are checked in, and `tests/headers.rs` compares them with the
//! installed headers.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for (package, least) in [("libotr", "4.1.1"), ("libgcrypt", "1.8.0")] {
        if let Err(why) = pkg_config::Config::new().atleast_version(least).probe(package) {
            println!("cargo:warning=install libotr5-dev and libgcrypt20-dev (Debian), or the like");
            eprintln!("{package} {least} or newer is needed: {why}");
            std::process::exit(1);
        }
    }
}
