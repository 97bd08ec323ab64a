//! libotr must use our `gcry_pk_verify` in place of libgcrypt's: see `otr::dsa_check_in_force`.

#[path = "../otr-sys/crt_static.rs"]
mod crt_static;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../otr-sys/crt_static.rs");
    if crt_static::is_static() {
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
