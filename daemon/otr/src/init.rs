//! Making libgcrypt and libotr ready, once for the process.

use std::borrow::Cow;
use std::ffi::CStr;
use std::sync::Mutex;

use crate::error::{InitError, explain};
use crate::{layout, pubkey_check};

/// Makes libotr ready. Call it before anything else; later calls do nothing.
///
/// `OTRL_INIT`, which libotr offers for this, ends the process when it fails.
///
/// # Errors
/// [`InitError`] in FIPS mode, with a libotr that is not ours or has its memory laid out otherwise, or if libgcrypt
/// is not linked dynamically.
pub fn init() -> Result<(), InitError> {
    static DONE: Mutex<bool> = Mutex::new(false);
    let mut done = DONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if *done {
        return Ok(());
    }
    check_version()?;
    if !pubkey_check::find_real() {
        return Err(InitError::NoFunction("gcry_pk_verify"));
    }
    // SAFETY: no other thread is in here, and libgcrypt has not been used yet.
    let error = unsafe { otr_sys::otrl_init(4, 1, 1) };
    if error != 0 {
        return Err(InitError::Libotr(explain(error)));
    }
    // SAFETY: the command takes one argument and only reads.
    if unsafe { otr_sys::gcry_control(otr_sys::GCRYCTL_FIPS_MODE_P, 0) } != 0 {
        return Err(InitError::Fips);
    }
    if !layout::is_as_declared() {
        return Err(InitError::Layout);
    }
    *done = true;
    Ok(())
}

/// What a process will ask of libgcrypt's generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Randomness {
    /// For sessions: what the kernel gives.
    Sessions,
    /// For keys that last: libgcrypt also measures how unsteady the processor's clock is, which
    /// takes it 20 ms before the first.
    Keys,
}

/// Draws a byte of each quality of randomness that the process will use, so that
/// libgcrypt opens and allocates what it needs before a program confines itself.
/// Waits until the kernel's generator has been seeded, which on a machine just
/// started can take long.
pub fn warm_up_rng(randomness: Randomness) {
    let levels: &[_] = match randomness {
        Randomness::Sessions => &[otr_sys::GCRY_STRONG_RANDOM],
        Randomness::Keys => &[otr_sys::GCRY_STRONG_RANDOM, otr_sys::GCRY_VERY_STRONG_RANDOM],
    };
    let mut byte = [0_u8; 1];
    for level in levels {
        // SAFETY: the buffer is as long as said.
        unsafe { otr_sys::gcry_randomize(byte.as_mut_ptr().cast(), byte.len(), *level) };
    }
}

/// The release of the libotr that is linked, `4.1.1` for example.
pub fn libotr_version() -> Cow<'static, str> {
    // SAFETY: returns a constant C string.
    unsafe { CStr::from_ptr(otr_sys::otrl_version()) }.to_string_lossy()
}

/// The release of the libgcrypt that is linked, `1.10.1` for example.
pub fn libgcrypt_version() -> Cow<'static, str> {
    // SAFETY: without a version to compare, returns a constant C string.
    unsafe { CStr::from_ptr(otr_sys::gcry_check_version(std::ptr::null())) }.to_string_lossy()
}

/// The release of the libgpg-error that is linked, `1.46` for example.
pub fn libgpg_error_version() -> Cow<'static, str> {
    // SAFETY: without a version to compare, returns a constant C string.
    unsafe { CStr::from_ptr(otr_sys::gpg_error_check_version(std::ptr::null())) }.to_string_lossy()
}

/// The C library, `glibc 2.36` for example. musl does not tell its release.
pub fn c_library() -> String {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: returns a constant C string.
        let release = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
        format!("glibc {}", release.to_string_lossy())
    }
    #[cfg(not(target_env = "gnu"))]
    "musl".into()
}

/// The declarations are those of 4.1.1, and later 4.x keep them.
fn check_version() -> Result<(), InitError> {
    let version = libotr_version();
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    let installed = (next(), next(), next());
    if ((4, 1, 1)..(5, 0, 0)).contains(&installed) {
        Ok(())
    } else {
        Err(InitError::Version(version.into_owned()))
    }
}
