//! The check of peers' public keys, which libotr leaves out.
//!
//! A peer's DSA key comes out of the key exchange unchecked and goes straight
//! into `gcry_pk_verify`. Some numbers end the process there (division by zero,
//! a failed assertion), others cost a minute and a half. So this module defines
//! `gcry_pk_verify` itself: the program exports it, the dynamic linker gives it
//! to libotr in place of libgcrypt's, and sound keys are passed on to that. In a
//! static program the linker does the same by `--wrap`.

use std::ffi::CStr;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use otr_sys::{gcry_error_t, gcry_sexp_t};

use crate::error::{DsaCheckError, explain};
use crate::mpi::Mpi;

/// How many keys were refused.
static REFUSED: AtomicUsize = AtomicUsize::new(0);

/// Numbers q, byte by byte, that were found to be prime; the oldest first.
static PRIMES: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// So many are kept.
const MOST_PRIMES: usize = 64;

/// What libotr hears of a refused key: `GPG_ERR_BAD_PUBKEY` from "user 1".
const REFUSAL: gcry_error_t =
    otr_sys::GPG_ERR_SOURCE_USER_1 << otr_sys::GPG_ERR_SOURCE_SHIFT | otr_sys::GPG_ERR_BAD_PUBKEY;

/// Stands in for libgcrypt's function of that name: refuses a key that is not a
/// 1024-bit DSA key with a 160-bit prime q, and passes the others on.
///
/// # Safety
/// As for libgcrypt's: all three are S-expressions of libgcrypt's, or null.
#[cfg_attr(not(target_feature = "crt-static"), unsafe(no_mangle))]
#[cfg_attr(target_feature = "crt-static", unsafe(export_name = "__wrap_gcry_pk_verify"))]
pub unsafe extern "C" fn gcry_pk_verify(
    sigval: gcry_sexp_t,
    data: gcry_sexp_t,
    pkey: gcry_sexp_t,
) -> gcry_error_t {
    if !is_sound(pkey) {
        REFUSED.fetch_add(1, Ordering::Relaxed);
        return REFUSAL;
    }
    let Some(real) = real::get() else { return otr_sys::GPG_ERR_GENERAL };
    // SAFETY: the caller's promise is the one that libgcrypt asks for.
    unsafe { real(sigval, data, pkey) }
}

/// libgcrypt's own `gcry_pk_verify`, in a program with shared libraries.
#[cfg(not(target_feature = "crt-static"))]
mod real {
    use std::ffi::c_void;
    use std::mem;

    use otr_sys::gcry_pk_verify_fn;

    use crate::interpose::NextSymbol;

    static REAL: NextSymbol = NextSymbol::unknown();

    /// Looks it up. `false` if there is none.
    pub(crate) fn find() -> bool {
        let ours: gcry_pk_verify_fn = super::gcry_pk_verify;
        REAL.find(c"gcry_pk_verify", ours as *const c_void)
    }

    /// `None` until it was found.
    pub(super) fn get() -> Option<gcry_pk_verify_fn> {
        // SAFETY: `find` stored the address of the function of this type.
        REAL.address().map(|real| unsafe { mem::transmute::<_, gcry_pk_verify_fn>(real) })
    }
}

/// libgcrypt's own `gcry_pk_verify`, in a static program.
#[cfg(target_feature = "crt-static")]
mod real {
    use std::sync::atomic::{AtomicBool, Ordering};

    use otr_sys::{gcry_error_t, gcry_pk_verify_fn, gcry_sexp_t};

    unsafe extern "C" {
        /// What the linker makes of it by `--wrap`.
        fn __real_gcry_pk_verify(
            sigval: gcry_sexp_t,
            data: gcry_sexp_t,
            pkey: gcry_sexp_t,
        ) -> gcry_error_t;
    }

    static FOUND: AtomicBool = AtomicBool::new(false);

    /// It was found when the program was linked.
    pub(crate) fn find() -> bool {
        FOUND.store(true, Ordering::Release);
        true
    }

    pub(super) fn get() -> Option<gcry_pk_verify_fn> {
        FOUND.load(Ordering::Acquire).then_some(__real_gcry_pk_verify as gcry_pk_verify_fn)
    }
}

pub(crate) use real::find as find_real;

/// How many keys have been refused so far in this process.
pub(crate) fn refused() -> usize {
    REFUSED.load(Ordering::Relaxed)
}

/// Proves that libotr uses our check: gives libotr's own `otrl_privkey_verify` a
/// key that we refuse and that libgcrypt would take without harm (its p has 1016
/// bits), and sees whether we were asked.
///
/// A program must not receive anything before this has said yes.
///
/// # Errors
/// [`DsaCheckError`] if libotr asked libgcrypt instead, or if [`crate::init`]
/// has not been called.
pub fn dsa_check_in_force() -> Result<(), DsaCheckError> {
    if real::get().is_none() {
        return Err(DsaCheckError::Probe("nothing is initialised".to_owned()));
    }
    // p = 2^1016 - 1 and q = 2^160 - 47, a prime.
    let text = format!(
        "(public-key (dsa (p #{}#) (q #{}d1#) (g #02#) (y #03#)))",
        "ff".repeat(127),
        "ff".repeat(19)
    );
    let mut key = ptr::null_mut();
    // SAFETY: `text` outlives the call, its length is its own, and `key` can be
    // written to.
    let error =
        unsafe { otr_sys::gcry_sexp_new(&raw mut key, text.as_ptr().cast(), text.len(), 1) };
    if error != 0 {
        return Err(DsaCheckError::Probe(explain(error)));
    }
    let mut signature = [0_u8; 40];
    signature[19] = 1;
    signature[39] = 1;
    let digest = [1_u8; 32];
    let before = refused();
    // SAFETY: `key` is a valid S-expression, both buffers are as long as said.
    let error = unsafe {
        otr_sys::otrl_privkey_verify(
            signature.as_ptr(),
            signature.len(),
            otr_sys::OTRL_PUBKEY_TYPE_DSA,
            key,
            digest.as_ptr(),
            digest.len(),
        )
    };
    // SAFETY: made above, and used no more.
    unsafe { otr_sys::gcry_sexp_release(key) };
    if error == REFUSAL && refused() == before + 1 {
        Ok(())
    } else {
        Err(DsaCheckError::NotResolved)
    }
}

/// Whether this is a DSA key, public or private, of the only shape that OTR
/// uses: p odd with 1024 bits, q prime with 160, g and y between 1 and p.
///
/// That p is prime is not checked: it would cost 85 ms, and nothing breaks.
pub(crate) fn is_sound(key: gcry_sexp_t) -> bool {
    Numbers::of(key).is_some_and(|numbers| numbers.are_in_range() && numbers.q_is_prime())
}

/// Whether a key that was sound when it was stored is so still: what is damaged
/// no longer fits together, and looking for that takes half as long as [`is_sound`].
pub(crate) fn is_undamaged(key: gcry_sexp_t) -> bool {
    Numbers::of(key).is_some_and(|numbers| numbers.are_in_range() && numbers.q_is_order_of_g())
}

/// The public numbers of a DSA key.
struct Numbers {
    p: Mpi,
    q: Mpi,
    g: Mpi,
    y: Mpi,
    /// The bytes of q as they stand in the key.
    q_bytes: Vec<u8>,
}

impl Numbers {
    fn of(key: gcry_sexp_t) -> Option<Numbers> {
        let dsa = Sexp::find(key, c"dsa")?;
        let number = |name| Sexp::find(dsa.0, name)?.second_number();
        let q_bytes = Sexp::find(dsa.0, c"q")?.second_bytes();
        Some(Numbers {
            p: number(c"p")?,
            q: number(c"q")?,
            g: number(c"g")?,
            y: number(c"y")?,
            q_bytes,
        })
    }

    fn are_in_range(&self) -> bool {
        self.p.bits() == 1024
            && self.p.is_odd()
            && self.q.bits() == 160
            && self.q.is_odd()
            && self.g.exceeds_one()
            && self.g.is_less_than(&self.p)
            && self.y.exceeds_one()
            && self.y.is_less_than(&self.p)
    }

    /// The answer is kept: peers come back with the key that they had.
    fn q_is_prime(&self) -> bool {
        let mut primes = PRIMES.lock().unwrap_or_else(PoisonError::into_inner);
        if primes.contains(&self.q_bytes) {
            return true;
        }
        if !self.q.is_prime() {
            return false;
        }
        if primes.len() >= MOST_PRIMES {
            primes.remove(0);
        }
        primes.push(self.q_bytes.clone());
        true
    }

    fn q_is_order_of_g(&self) -> bool {
        Mpi::power(&self.g, &self.q, &self.p).is_one()
    }
}

/// An S-expression that we must release.
struct Sexp(gcry_sexp_t);

impl Sexp {
    /// The list within `list` that begins with `name`.
    fn find(list: gcry_sexp_t, name: &CStr) -> Option<Sexp> {
        // SAFETY: `list` is an S-expression or null, the name a C string; the
        // result is ours.
        let found = unsafe { otr_sys::gcry_sexp_find_token(list, name.as_ptr(), 0) };
        (!found.is_null()).then_some(Sexp(found))
    }

    /// The number after the name.
    fn second_number(&self) -> Option<Mpi> {
        // SAFETY: a valid S-expression; the result is ours.
        Mpi::ours(unsafe { otr_sys::gcry_sexp_nth_mpi(self.0, 1, otr_sys::GCRYMPI_FMT_USG) })
    }

    /// The bytes after the name; none where there is something else.
    fn second_bytes(&self) -> Vec<u8> {
        let mut length = 0;
        // SAFETY: a valid S-expression, and `length` can be written to.
        let bytes = unsafe { otr_sys::gcry_sexp_nth_data(self.0, 1, &raw mut length) };
        if bytes.is_null() {
            return Vec::new();
        }
        // SAFETY: so many bytes of the S-expression, which outlives the copying.
        unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), length) }.to_vec()
    }
}

impl Drop for Sexp {
    fn drop(&mut self) {
        // SAFETY: ours, and released once.
        unsafe { otr_sys::gcry_sexp_release(self.0) };
    }
}
