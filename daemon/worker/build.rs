//! libotr must find our `gcry_pk_verify` before libgcrypt's: see `otr::dsa_check_in_force`.

fn main() {
    println!("cargo:rustc-link-arg=-Wl,--export-dynamic-symbol=gcry_pk_verify");
    // The model's own, see tests/common/gcrypt_cache.rs; other programs have none to export.
    for name in
        ["mpi_powm", "pk_testkey", "pk_sign", "randomize", "random_bytes", "random_bytes_secure"]
    {
        println!("cargo:rustc-link-arg-tests=-Wl,--export-dynamic-symbol=gcry_{name}");
    }
}
