//! The part of `gcrypt.h` that libotr's structures and our checks touch.

use core::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

pub type gcry_error_t = c_uint;
pub type gcry_mpi_t = *mut c_void;
pub type gcry_sexp_t = *mut c_void;
pub type gcry_cipher_hd_t = *mut c_void;
pub type gcry_md_hd_t = *mut c_void;

pub const GPG_ERR_NO_ERROR: gcry_error_t = 0;
/// `GPG_ERR_BAD_PUBKEY`, without a source.
pub const GPG_ERR_BAD_PUBKEY: gcry_error_t = 6;
/// `GPG_ERR_GENERAL`, without a source.
pub const GPG_ERR_GENERAL: gcry_error_t = 1;
/// The source that an application gives its own errors: `GPG_ERR_SOURCE_USER_1`.
pub const GPG_ERR_SOURCE_USER_1: gcry_error_t = 32;
pub const GPG_ERR_SOURCE_SHIFT: c_uint = 24;

pub const GCRYMPI_FMT_USG: c_int = 5;
pub const GCRYSEXP_FMT_ADVANCED: c_int = 3;
pub const GCRYCTL_FIPS_MODE_P: c_int = 55;
pub const GCRYCTL_INITIALIZATION_FINISHED: c_int = 38;
pub const GCRY_STRONG_RANDOM: c_int = 1;
pub const GCRY_VERY_STRONG_RANDOM: c_int = 2;

unsafe extern "C" {
    /// Of libgpg-error, which libgcrypt needs.
    pub fn gpg_error_check_version(req_version: *const c_char) -> *const c_char;
    pub fn gcry_check_version(req_version: *const c_char) -> *const c_char;
    pub fn gcry_control(cmd: c_int, ...) -> gcry_error_t;
    pub fn gcry_strerror(ec: gcry_error_t) -> *const c_char;
    pub fn gcry_free(a: *mut c_void);
    pub fn gcry_randomize(buffer: *mut c_void, length: usize, level: c_int);

    pub fn gcry_sexp_new(
        retsexp: *mut gcry_sexp_t,
        buffer: *const c_void,
        length: usize,
        autodetect: c_int,
    ) -> gcry_error_t;
    pub fn gcry_sexp_release(sexp: gcry_sexp_t);
    pub fn gcry_sexp_find_token(
        list: gcry_sexp_t,
        tok: *const c_char,
        toklen: usize,
    ) -> gcry_sexp_t;
    pub fn gcry_sexp_sprint(
        sexp: gcry_sexp_t,
        mode: c_int,
        buffer: *mut c_void,
        maxlength: usize,
    ) -> usize;
    pub fn gcry_sexp_nth_data(
        list: gcry_sexp_t,
        number: c_int,
        datalen: *mut usize,
    ) -> *const c_char;
    pub fn gcry_sexp_nth_mpi(list: gcry_sexp_t, number: c_int, mpifmt: c_int) -> gcry_mpi_t;

    pub fn gcry_mpi_new(nbits: c_uint) -> gcry_mpi_t;
    pub fn gcry_mpi_release(a: gcry_mpi_t);
    pub fn gcry_mpi_powm(w: gcry_mpi_t, b: gcry_mpi_t, e: gcry_mpi_t, m: gcry_mpi_t);
    pub fn gcry_mpi_cmp(u: gcry_mpi_t, v: gcry_mpi_t) -> c_int;
    pub fn gcry_mpi_cmp_ui(u: gcry_mpi_t, v: core::ffi::c_ulong) -> c_int;
    pub fn gcry_mpi_get_nbits(a: gcry_mpi_t) -> c_uint;
    pub fn gcry_mpi_test_bit(a: gcry_mpi_t, n: c_uint) -> c_int;
    pub fn gcry_prime_check(x: gcry_mpi_t, flags: c_uint) -> gcry_error_t;

    pub fn gcry_cipher_close(h: gcry_cipher_hd_t);
    pub fn gcry_md_close(hd: gcry_md_hd_t);

    pub fn gcry_pk_testkey(key: gcry_sexp_t) -> gcry_error_t;
    // gcry_pk_verify is deliberately not declared: the wrapper defines it.
}

/// The type of `gcry_pk_verify`, which the wrapper stands in for.
pub type gcry_pk_verify_fn =
    unsafe extern "C" fn(sigval: gcry_sexp_t, data: gcry_sexp_t, pkey: gcry_sexp_t) -> gcry_error_t;

/// `unsigned char`, for buffers in libotr's structures.
pub type byte = c_uchar;
