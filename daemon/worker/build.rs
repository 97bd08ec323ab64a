//! libotr must find our `gcry_pk_verify` before libgcrypt's: see `otr::dsa_check_in_force`.

fn main() {
    println!("cargo:rustc-link-arg=-Wl,--export-dynamic-symbol=gcry_pk_verify");
}
