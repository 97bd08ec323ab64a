//! As for otrd-worker: libotr must find our `gcry_pk_verify` before libgcrypt's.

fn main() {
    for bin in ["bench", "late-worker"] {
        println!("cargo:rustc-link-arg-bin={bin}=-Wl,--export-dynamic-symbol=gcry_pk_verify");
    }
}
