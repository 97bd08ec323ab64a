//! Makes the test programs export our `gcry_pk_verify`, so that libotr finds it
//! before libgcrypt's. Link arguments do not travel along dependencies: every
//! package that links a program with this crate needs this line in its own
//! build.rs, as `cargo:rustc-link-arg-bins=…`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-tests=-Wl,--export-dynamic-symbol=gcry_pk_verify");
    // One of the tests stands in for this one, too.
    println!("cargo:rustc-link-arg-tests=-Wl,--export-dynamic-symbol=gcry_pk_genkey");
    // The example shows what a program is told that hides it.
    println!("cargo:rustc-link-arg-examples=-Wl,--exclude-libs,ALL");
}
