//! The shared secret of a key exchange, which libotr works out twice: for the keys of the exchange
//! itself (`otrl_dh_compute_v2_auth_keys`), and for those of the session that comes of it
//! (`otrl_dh_session`). It is one of five such powers that each side works out. So the first result
//! is kept until the second is wanted: of a line of the exchange it is the first power of all.
//!
//! What a session was made of should not stay, or whoever comes by it later could read old
//! messages. So it is kept within one call, or, by the one of both who then waits for the last line
//! of the exchange, until libotr is given the next line of that peer (see [`crate::Otr`]), and it is
//! gone once it was used. libotr itself keeps the private key that it follows from for longer: until
//! the next exchange. libotr's allocator wipes what is given back; it is locked where the process
//! has locked its memory.
//!
//! As with `gcry_pk_verify`, the program has a function of ours in place of libgcrypt's; but here
//! nothing is lost where it has not: see [`crate`] for its build script.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::mem;
use std::process::abort;

use otr_sys::{gcry_mpi_powm_fn, gcry_mpi_t};

use crate::interposed::Real;
use crate::mpi::Mpi;

/// libgcrypt's own `gcry_mpi_powm`.
static REAL: Real = Real::unknown();

thread_local! {
    static SLOT: RefCell<Slot> = RefCell::default();
    /// How many results were used a second time.
    static TWICE: Cell<usize> = const { Cell::new(0) };
}

/// What the call into libotr that this thread is in knows.
#[derive(Default)]
struct Slot {
    /// In a call, and it has worked out no power yet.
    first: bool,
    /// From an earlier call.
    before: Option<Power>,
    /// The first of this one.
    new: Option<Power>,
}

/// `base` to the power of `exponent`, modulo `modulus`.
pub(crate) struct Power {
    base: Mpi,
    exponent: Mpi,
    modulus: Mpi,
    result: Mpi,
}

/// Makes a call into libotr that can use what an earlier one kept, once. Returns the first power
/// that this one has worked out, unless it was used again; all else is wiped by then.
pub(crate) fn during<T>(before: Option<Power>, call: impl FnOnce() -> T) -> (T, Option<Power>) {
    SLOT.set(Slot { first: true, before, new: None });
    let result = call();
    (result, SLOT.take().new)
}

/// How often a shared secret was used a second time in this thread. For tests: it is 0 in a
/// program that does not have our function in place.
pub fn shared_secrets_used_twice() -> usize {
    TWICE.get()
}

/// Looks libgcrypt's function up. `false` if there is none.
pub(crate) fn find_real() -> bool {
    let ours: gcry_mpi_powm_fn = otr_mpi_powm;
    REAL.find(c"gcry_mpi_powm", ours as *const c_void)
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
    // Where nothing was made ready, any other number would be a wrong one.
    let Some(real) = REAL.address() else { abort() };
    // SAFETY: `find_real` stored the address of the function of this type.
    let real: gcry_mpi_powm_fn = unsafe { mem::transmute(real) };
    // SAFETY: the caller's promise is the one that libgcrypt asks for.
    unsafe { real(w, b, e, m) };
    SLOT.with_borrow_mut(|slot| {
        if mem::take(&mut slot.first) {
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
