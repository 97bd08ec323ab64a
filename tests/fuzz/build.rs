//! libotr must find our functions before libgcrypt's: see daemon/worker/build.rs.

fn main() {
    for name in [
        "pk_verify", "mpi_powm", "pk_testkey", "pk_sign", "randomize",
        "random_bytes", "random_bytes_secure",
    ] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol=gcry_{name}");
    }
}
