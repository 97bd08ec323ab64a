//! libotr must use our `gcry_pk_verify` in place of libgcrypt's: see `otr::dsa_check_in_force`.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    if features.split(',').any(|feature| feature == "crt-static") {
        println!("cargo:rustc-link-arg=-Wl,--wrap=gcry_pk_verify");
        return;
    }
    println!("cargo:rustc-link-arg=-Wl,--export-dynamic-symbol=gcry_pk_verify");
    // The model's own, see tests/common/gcrypt_cache.rs; other programs have none to export.
    for name in
        ["mpi_powm", "pk_testkey", "pk_sign", "randomize", "random_bytes", "random_bytes_secure"]
    {
        println!("cargo:rustc-link-arg-tests=-Wl,--export-dynamic-symbol=gcry_{name}");
    }
}
