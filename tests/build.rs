//! As for otrd-worker: libotr must find our `gcry_pk_verify` before libgcrypt's.

fn main() {
    println!("cargo:rustc-link-arg-bin=late-worker=-Wl,--export-dynamic-symbol=gcry_pk_verify");
}
