//! Makes the test programs use our `gcry_pk_verify`, see [`otr::dsa_check_in_force`]. Link arguments
//! do not travel along dependencies: every package that links a program with this crate needs the
//! same in its own build.rs, as `cargo:rustc-link-arg-bins=…`.

#[path = "../otr-sys/crt_static.rs"]
mod crt_static;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../otr-sys/crt_static.rs");
    if crt_static::is_static() {
        println!("cargo:rustc-link-arg-tests=-Wl,--wrap=gcry_pk_verify");
        return;
    }
    println!("cargo:rustc-link-arg-tests=-Wl,--export-dynamic-symbol=gcry_pk_verify");
    // One of the tests stands in for this one, too.
    println!("cargo:rustc-link-arg-tests=-Wl,--export-dynamic-symbol=gcry_pk_genkey");
    // The example shows what a program is told that hides it.
    println!("cargo:rustc-link-arg-examples=-Wl,--exclude-libs,ALL");
}
