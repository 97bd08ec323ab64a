//! The shared secret of a key exchange, which libotr works out twice: for the keys of the exchange
//! itself (`otrl_dh_compute_v2_auth_keys`), and for those of the session that comes of it
//! (`otrl_dh_session`). Once takes a tenth of the time of the whole exchange. So the first result
//! is kept until the second is wanted.
//!
//! What a session was made of should not stay, or whoever comes by it later could read old
//! messages. So it is kept within one call, or, by the one of both who then waits for the last line
//! of the exchange, until libotr is given the next line of that peer (see [`crate::Otr`]), and it is
//! gone once it was used. libotr itself keeps the private key that it follows from for longer: until
//! the next exchange. libotr's allocator wipes what is given back; it is locked where the process
//! has locked its memory.
//!
//! As with `gcry_pk_verify`, the program has functions of ours in place of libotr's and
//! libgcrypt's; but here nothing is lost where it has not: see [`crate`] for its build script.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_void};
use std::mem;
use std::process::abort;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use otr_sys::{gcry_error_t, gcry_mpi_powm_fn, gcry_mpi_t, otrl_dh_compute_v2_auth_keys_fn};

use crate::mpi::Mpi;

static REAL_POWER: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static REAL_AUTH_KEYS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

thread_local! {
    static SLOT: RefCell<Slot> = RefCell::default();
    /// How many results were used a second time.
    static TWICE: Cell<usize> = const { Cell::new(0) };
}

/// What the call into libotr that this thread is in knows.
#[derive(Default)]
struct Slot {
    /// libotr makes the keys of an exchange.
    exchange: bool,
    /// From an earlier call.
    before: Option<Power>,
    /// From this one.
    new: Option<Power>,
}

/// `base` to the power of `exponent`, modulo `modulus`.
pub(crate) struct Power {
    base: Mpi,
    exponent: Mpi,
    modulus: Mpi,
    result: Mpi,
}

/// Makes a call into libotr that can use what an earlier one kept, once. Returns what this one has
/// worked out and not used again; all else is wiped by then.
pub(crate) fn during<T>(before: Option<Power>, call: impl FnOnce() -> T) -> (T, Option<Power>) {
    SLOT.set(Slot { before, ..Slot::default() });
    let result = call();
    (result, SLOT.take().new)
}

/// How often a shared secret was used a second time in this thread. For tests: it is 0 in a
/// program that does not have our functions in place.
pub fn shared_secrets_used_twice() -> usize {
    TWICE.get()
}

/// Looks up what our functions stand for, so that no lookup is needed under seccomp. `false` if
/// there is none. Naming them here also keeps them in the program.
pub(crate) fn find_real() -> bool {
    let ours: [(&AtomicPtr<c_void>, &CStr, *const c_void); 2] = [
        (&REAL_POWER, c"gcry_mpi_powm", otr_mpi_powm as *const c_void),
        (
            &REAL_AUTH_KEYS,
            c"otrl_dh_compute_v2_auth_keys",
            otr_dh_compute_v2_auth_keys as *const c_void,
        ),
    ];
    ours.into_iter().all(|(real, name, ours)| {
        // SAFETY: the name is a C string.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
        real.store(found, Ordering::Release);
        !found.is_null() && !ptr::eq(found, ours)
    })
}

/// Stands in for libotr's `otrl_dh_compute_v2_auth_keys`: takes note of the power that it works out.
///
/// # Safety
/// As for libotr's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otr_dh_compute_v2_auth_keys(
    our_dh: *const c_void,
    their_pub: gcry_mpi_t,
    sessionid: *mut c_void,
    sessionidlenp: *mut usize,
    enc_c: *mut c_void,
    enc_cp: *mut c_void,
    mac_m1: *mut c_void,
    mac_m1p: *mut c_void,
    mac_m2: *mut c_void,
    mac_m2p: *mut c_void,
) -> gcry_error_t {
    let real = REAL_AUTH_KEYS.load(Ordering::Acquire);
    if real.is_null() {
        return otr_sys::GPG_ERR_GENERAL;
    }
    // SAFETY: `find_real` stored the address of the function of this type.
    let real: otrl_dh_compute_v2_auth_keys_fn = unsafe { mem::transmute(real) };
    let in_exchange = |yes| SLOT.with_borrow_mut(|slot| slot.exchange = yes);
    in_exchange(true);
    // SAFETY: the caller's promise is the one that libotr asks for.
    let error = unsafe {
        real(
            our_dh,
            their_pub,
            sessionid,
            sessionidlenp,
            enc_c,
            enc_cp,
            mac_m1,
            mac_m1p,
            mac_m2,
            mac_m2p,
        )
    };
    in_exchange(false);
    error
}

/// Stands in for libgcrypt's `gcry_mpi_powm`: `w` becomes `b` to the power of `e`, modulo `m`.
///
/// # Safety
/// As for libgcrypt's: four numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn otr_mpi_powm(w: gcry_mpi_t, b: gcry_mpi_t, e: gcry_mpi_t, m: gcry_mpi_t) {
    // SAFETY: four numbers, says the caller.
    if let Some(known) = unsafe { take(b, e, m) } {
        // SAFETY: as above.
        unsafe { known.result.write_to(w) };
        TWICE.set(TWICE.get() + 1);
        return;
    }
    let real = REAL_POWER.load(Ordering::Acquire);
    if real.is_null() {
        // Nothing was made ready, and any other number would be a wrong one.
        abort();
    }
    // SAFETY: `find_real` stored the address of the function of this type.
    let real: gcry_mpi_powm_fn = unsafe { mem::transmute(real) };
    // SAFETY: the caller's promise is the one that libgcrypt asks for.
    unsafe { real(w, b, e, m) };
    SLOT.with_borrow_mut(|slot| {
        if slot.exchange {
            // SAFETY: four numbers, and `w` is the result now.
            slot.new = unsafe { Power::copy(w, b, e, m) };
        }
    });
}

/// What is known of this power. It is not known any more then.
///
/// # Safety
/// Three numbers.
unsafe fn take(b: gcry_mpi_t, e: gcry_mpi_t, m: gcry_mpi_t) -> Option<Power> {
    SLOT.with_borrow_mut(|slot| {
        let Slot { before, new, .. } = slot;
        [before, new].into_iter().find_map(|kept| {
            // SAFETY: the caller's promise.
            kept.take_if(|power| unsafe { power.is_of(b, e, m) })
        })
    })
}

impl Power {
    /// # Safety
    /// Four numbers.
    unsafe fn copy(w: gcry_mpi_t, b: gcry_mpi_t, e: gcry_mpi_t, m: gcry_mpi_t) -> Option<Power> {
        // SAFETY: the caller's promise.
        let [base, exponent, modulus, result] = [b, e, m, w].map(|one| unsafe { Mpi::copy(one) });
        Some(Power { base: base?, exponent: exponent?, modulus: modulus?, result: result? })
    }

    /// The base first: it is the peer's, and public. How long it takes to compare two exponents of
    /// ours tells of these nothing but whether they are the same.
    ///
    /// # Safety
    /// Three numbers.
    unsafe fn is_of(&self, b: gcry_mpi_t, e: gcry_mpi_t, m: gcry_mpi_t) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.base.is(b) && self.modulus.is(m) && self.exponent.is(e) }
    }
}
