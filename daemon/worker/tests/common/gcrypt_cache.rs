//! Arithmetic that is not done twice. Four fifths of a sequence's time would go to the key
//! exchanges with which it begins. Here libotr draws the same random numbers in every sequence,
//! and what follows from the same numbers is looked up: every result is one that libgcrypt gave.
//!
//! Programs that have this module export these functions in place of libgcrypt's, as
//! `gcry_pk_verify` of the crate `otr` (see build.rs).

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CStr, c_int, c_uchar, c_uint, c_void};
use std::ptr;
use std::sync::OnceLock;

type Error = c_uint;
type Mpi = *mut c_void;
type Sexp = *mut c_void;

/// As an unsigned number, most significant byte first.
const UNSIGNED: c_int = 5;
/// Every expression in one way of writing.
const CANONICAL: c_int = 1;
/// Longest number or expression of libotr's, with much to spare.
const LONG: usize = 4096;
/// What is known of so many calls is forgotten: some dozens of megabytes.
const MANY: usize = 100_000;

unsafe extern "C" {
    fn gcry_mpi_print(
        format: c_int,
        buffer: *mut c_uchar,
        length: usize,
        written: *mut usize,
        number: Mpi,
    ) -> Error;
    fn gcry_mpi_scan(
        number: *mut Mpi,
        format: c_int,
        buffer: *const c_void,
        length: usize,
        read: *mut usize,
    ) -> Error;
    fn gcry_mpi_set(to: Mpi, from: Mpi) -> Mpi;
    fn gcry_mpi_release(number: Mpi);
    fn gcry_sexp_sprint(expression: Sexp, mode: c_int, buffer: *mut c_void, length: usize)
    -> usize;
    fn gcry_sexp_new(
        expression: *mut Sexp,
        buffer: *const c_void,
        length: usize,
        autodetect: c_int,
    ) -> Error;
    fn gcry_malloc_secure(length: usize) -> *mut c_void;
    fn gcry_malloc(length: usize) -> *mut c_void;
}

/// What one thread knows.
#[derive(Default)]
struct Known {
    results: HashMap<Vec<u8>, Vec<u8>>,
    /// Which sequence of numbers is drawn, and how many of each length were.
    seed: u64,
    drawn: HashMap<usize, u64>,
}

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::default();
}

/// From here on this thread draws the numbers of `seed`, from the first on.
pub fn begin(seed: u64) {
    KNOWN.with_borrow_mut(|known| {
        known.seed = seed;
        known.drawn.clear();
        if known.results.len() > MANY {
            known.results.clear();
        }
    });
}

/// A result that is known, or now is.
fn remember(question: Vec<u8>, ask: impl FnOnce() -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    if let Some(answer) = KNOWN.with_borrow(|known| known.results.get(&question).cloned()) {
        return Some(answer);
    }
    let answer = ask()?;
    KNOWN.with_borrow_mut(|known| known.results.insert(question, answer.clone()));
    Some(answer)
}

/// libgcrypt's own function of this name.
fn real(name: &CStr) -> *mut c_void {
    // SAFETY: the name is a C string.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    assert!(!found.is_null(), "libgcrypt has no {name:?}");
    found
}

fn number(number: Mpi) -> Vec<u8> {
    let mut buffer = vec![0; LONG];
    let mut written = 0;
    // SAFETY: a number of libgcrypt's, and a buffer of that length.
    let error =
        unsafe { gcry_mpi_print(UNSIGNED, buffer.as_mut_ptr(), LONG, &mut written, number) };
    assert_eq!(error, 0, "a number that is too long");
    buffer.truncate(written);
    buffer
}

fn expression(expression: Sexp) -> Vec<u8> {
    let mut buffer = vec![0; LONG];
    // SAFETY: an expression of libgcrypt's, and a buffer of that length.
    let written =
        unsafe { gcry_sexp_sprint(expression, CANONICAL, buffer.as_mut_ptr().cast(), LONG) };
    assert_ne!(written, 0, "an expression that is too long");
    buffer.truncate(written);
    buffer
}

/// A question made of a name and parts.
fn question(name: &CStr, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut whole = name.to_bytes().to_vec();
    for part in parts {
        whole.extend((part.len() as u64).to_le_bytes());
        whole.extend(part);
    }
    whole
}

/// # Safety
/// As libgcrypt's: four numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcry_mpi_powm(w: Mpi, b: Mpi, e: Mpi, m: Mpi) {
    type Function = unsafe extern "C" fn(Mpi, Mpi, Mpi, Mpi);
    static REAL: OnceLock<Function> = OnceLock::new();
    let name = c"gcry_mpi_powm";
    // SAFETY: libgcrypt's function has this type.
    let function = REAL.get_or_init(|| unsafe { std::mem::transmute(real(name)) });
    let mut asked = false;
    let result = remember(question(name, &[number(b), number(e), number(m)]), || {
        asked = true;
        // SAFETY: the caller's promise.
        unsafe { function(w, b, e, m) };
        Some(number(w))
    });
    if let Some(result) = result.filter(|_| !asked) {
        let mut known = ptr::null_mut();
        // SAFETY: the buffer is as long as said; `known` is ours until it is released; `w` is a
        // number.
        unsafe {
            let error = gcry_mpi_scan(
                &mut known,
                UNSIGNED,
                result.as_ptr().cast(),
                result.len(),
                ptr::null_mut(),
            );
            assert_eq!(error, 0, "a number that libgcrypt wrote");
            gcry_mpi_set(w, known);
            gcry_mpi_release(known);
        }
    }
}

/// # Safety
/// As libgcrypt's: an expression.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcry_pk_testkey(key: Sexp) -> Error {
    type Function = unsafe extern "C" fn(Sexp) -> Error;
    static REAL: OnceLock<Function> = OnceLock::new();
    let name = c"gcry_pk_testkey";
    // SAFETY: libgcrypt's function has this type.
    let function = REAL.get_or_init(|| unsafe { std::mem::transmute(real(name)) });
    error(remember(question(name, &[expression(key)]), || {
        // SAFETY: the caller's promise.
        Some(unsafe { function(key) }.to_le_bytes().to_vec())
    }))
}

fn error(bytes: Option<Vec<u8>>) -> Error {
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    Error::from_le_bytes(bytes.expect("four bytes"))
}

/// # Safety
/// As libgcrypt's: a place for an expression, and two expressions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcry_pk_sign(signature: *mut Sexp, data: Sexp, key: Sexp) -> Error {
    type Function = unsafe extern "C" fn(*mut Sexp, Sexp, Sexp) -> Error;
    static REAL: OnceLock<Function> = OnceLock::new();
    let name = c"gcry_pk_sign";
    // SAFETY: libgcrypt's function has this type.
    let function = REAL.get_or_init(|| unsafe { std::mem::transmute(real(name)) });
    let mut refused = 0;
    let mut asked = false;
    let written = remember(question(name, &[expression(data), expression(key)]), || {
        asked = true;
        // SAFETY: the caller's promise.
        refused = unsafe { function(signature, data, key) };
        // SAFETY: libgcrypt put an expression there.
        (refused == 0).then(|| expression(unsafe { *signature }))
    });
    match written {
        Some(written) if !asked => {
            // SAFETY: the caller's place, and a buffer as long as said.
            unsafe { gcry_sexp_new(signature, written.as_ptr().cast(), written.len(), 0) }
        }
        _ => refused,
    }
}

/// The next bytes of this length, the same in every sequence with the same seed; never twice the
/// same in one.
fn draw(buffer: &mut [u8]) {
    let (seed, count) = KNOWN.with_borrow_mut(|known| {
        let count = known.drawn.entry(buffer.len()).or_default();
        *count += 1;
        (known.seed, *count)
    });
    // SplitMix64, from the sequence, the length and the count.
    let mut state = seed.wrapping_mul(0x9e37_79b9) ^ (buffer.len() as u64) << 48 ^ count << 16;
    for part in buffer.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        part.copy_from_slice(&mixed.to_le_bytes()[..part.len()]);
    }
}

/// # Safety
/// As libgcrypt's: `length` bytes to write to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gcry_randomize(buffer: *mut c_void, length: usize, _level: c_int) {
    // SAFETY: the caller's promise.
    draw(unsafe { std::slice::from_raw_parts_mut(buffer.cast(), length) });
}

#[unsafe(no_mangle)]
extern "C" fn gcry_random_bytes(length: usize, _level: c_int) -> *mut c_void {
    // SAFETY: any length may be asked for.
    random(unsafe { gcry_malloc(length) }, length)
}

#[unsafe(no_mangle)]
extern "C" fn gcry_random_bytes_secure(length: usize, _level: c_int) -> *mut c_void {
    // SAFETY: as above.
    random(unsafe { gcry_malloc_secure(length) }, length)
}

fn random(buffer: *mut c_void, length: usize) -> *mut c_void {
    assert!(!buffer.is_null(), "out of memory");
    // SAFETY: just allocated with this length.
    unsafe { ptr::write_bytes(buffer.cast::<u8>(), 0, length) };
    // SAFETY: as above, and written to.
    draw(unsafe { std::slice::from_raw_parts_mut(buffer.cast(), length) });
    buffer
}
