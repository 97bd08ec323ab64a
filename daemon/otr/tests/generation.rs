//! A libgcrypt that makes no key. A program of its own: here it never makes one.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use otr::KeyError;
use otr_sys::{gcry_error_t, gcry_sexp_t};

/// `GPG_ERR_SELFTEST_FAILED`
const FAILED: gcry_error_t = 50;

/// What libotr finds in place of libgcrypt's.
///
/// # Safety
/// Always: it touches nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcry_pk_genkey(_: *mut gcry_sexp_t, _: gcry_sexp_t) -> gcry_error_t {
    FAILED
}

/// In libotr's own `otrl_privkey_generate` this goes unnoticed.
#[test]
fn what_libgcrypt_says_of_a_failure_is_the_error() {
    let error = otr::generate_key("alice").unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, KeyError::Generate(_)) && said.contains("selftest failed"), "{said}");
}
