//! Our own key: making one and loading one.

use std::ffi::{CStr, c_void};
use std::ptr;

use otr_sys::{OtrlPrivKey, gcry_sexp_t};
use zeroize::Zeroizing;

use crate::context::PROTOCOL;
use crate::error::KeyError;
use crate::error::explain;
use crate::fingerprint::Fingerprint;
use crate::memfd::MemFile;
use crate::peer::Peer;
use crate::pubkey_check;
use crate::text_file::TextFile;
use crate::user_state::UserState;

/// Largest key file that is read, in bytes. One key takes about 1000.
pub const MAX_KEY_FILE: usize = 64 * 1024;

/// Makes a new key and returns the content of an `otr.key` file that holds it,
/// for `account` and protocol `irc`.
///
/// Takes 15 to 200 ms, and as long as the kernel's generator is not seeded. It
/// keeps the thread busy: do it in a process of its own.
///
/// # Errors
/// [`KeyError`] if libgcrypt fails, which in FIPS mode it does, or if the name
/// cannot be in a key file.
pub fn generate_key(account: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let account = Peer::new(account.as_bytes())?;
    let mut scratch = UserState::new()?;
    let file = MemFile::new(b"")?;
    let mut new_key = ptr::null_mut();
    // SAFETY: the user state is open, the names are C strings and `new_key` can
    // be written to.
    let error = unsafe {
        otr_sys::otrl_privkey_generate_start(
            scratch.as_mut_ptr(),
            account.as_c().as_ptr(),
            PROTOCOL.as_ptr(),
            &raw mut new_key,
        )
    };
    if error != 0 || new_key.is_null() {
        return Err(KeyError::Generate(explain(error)));
    }
    // `otrl_privkey_generate_FILEp` would go on after an error here.
    // SAFETY: `new_key` is what `start` made.
    let error = unsafe { otr_sys::otrl_privkey_generate_calculate(new_key) };
    if error != 0 {
        // SAFETY: the user state is open; `start` made the new key, and it is not used any more.
        unsafe { otr_sys::otrl_privkey_generate_cancelled(scratch.as_mut_ptr(), new_key) };
        return Err(KeyError::Generate(explain(error)));
    }
    finish(&mut scratch, new_key, &file)?;
    Ok(file.content()?)
}

fn finish(scratch: &mut UserState, new_key: *mut c_void, file: &MemFile) -> Result<(), KeyError> {
    // SAFETY: `new_key` is what `start` made and is not used any more; the stream
    // can be read and written.
    let error = unsafe {
        otr_sys::otrl_privkey_generate_finish_FILEp(scratch.as_mut_ptr(), new_key, file.stream())
    };
    if error == 0 { Ok(()) } else { Err(KeyError::Generate(explain(error))) }
}

/// Loads the key of `account` from the content of an `otr.key` file. If that is
/// no use, the user state keeps the key that it has.
pub(crate) fn load(us: &mut UserState, account: &Peer, file: &[u8]) -> Result<(), KeyError> {
    if file.len() > MAX_KEY_FILE {
        return Err(KeyError::TooLarge(MAX_KEY_FILE));
    }
    // To libotr this is success or failure, by what errno was left at.
    if file.is_empty() {
        return Err(KeyError::Missing);
    }
    let file = &*TextFile::new(file);
    // libotr forgets its keys before it looks at the file: try elsewhere first.
    let mut scratch = UserState::new()?;
    read(&mut scratch, file)?;
    check(&scratch, account)?;
    read(us, file)
}

pub(crate) fn read(us: &mut UserState, content: &[u8]) -> Result<(), KeyError> {
    let file = MemFile::new(content)?;
    // SAFETY: the user state is open, and the stream can be read.
    let error = unsafe { otr_sys::otrl_privkey_read_FILEp(us.as_mut_ptr(), file.stream()) };
    if error == 0 { Ok(()) } else { Err(KeyError::Malformed(explain(error))) }
}

/// The key must be there (a file without keys reads as success), must be ours, and must be one
/// that libotr can sign with: it does not check, and writes past a buffer if q is larger than 160
/// bits. It is our own file: what came from elsewhere has been through [`check_sound`].
fn check(us: &UserState, account: &Peer) -> Result<(), KeyError> {
    let Some(key) = find(us, account.as_c()) else {
        return Err(match other_account(us) {
            Some(found) => KeyError::OtherAccount {
                found,
                wanted: String::from_utf8_lossy(account.as_bytes()).into_owned(),
            },
            None => KeyError::Missing,
        });
    };
    // SAFETY: a valid entry, whose key is an S-expression.
    let expression = unsafe { (*key).privkey };
    fits_together(expression, pubkey_check::is_undamaged(expression))
}

/// Whether libotr can sign with a key that comes from elsewhere.
pub(crate) fn check_sound(expression: gcry_sexp_t) -> Result<(), KeyError> {
    fits_together(expression, pubkey_check::is_sound(expression))
}

fn fits_together(expression: gcry_sexp_t, numbers_do: bool) -> Result<(), KeyError> {
    if !numbers_do {
        return Err(KeyError::Unsound("its numbers do not fit together".to_owned()));
    }
    // SAFETY: the caller's key, which is an S-expression.
    let error = unsafe { otr_sys::gcry_pk_testkey(expression) };
    if error == 0 { Ok(()) } else { Err(KeyError::Unsound(explain(error))) }
}

/// The first `irc` account in the user state.
fn other_account(us: &UserState) -> Option<String> {
    // SAFETY: the user state is open.
    let mut key = unsafe { (*us.as_ptr()).privkey_root };
    while !key.is_null() {
        // SAFETY: a valid entry, with two C strings.
        let (name, protocol, next) = unsafe {
            (CStr::from_ptr((*key).accountname), CStr::from_ptr((*key).protocol), (*key).next)
        };
        if protocol == PROTOCOL {
            return Some(name.to_string_lossy().into_owned());
        }
        key = next;
    }
    None
}

/// Our key, or null.
fn find(us: &UserState, account: &CStr) -> Option<*mut OtrlPrivKey> {
    // SAFETY: the user state is open, and both names are C strings.
    let key =
        unsafe { otr_sys::otrl_privkey_find(us.as_ptr(), account.as_ptr(), PROTOCOL.as_ptr()) };
    (!key.is_null()).then_some(key)
}

/// The fingerprint of our key, if there is one.
pub(crate) fn fingerprint(us: &UserState, account: &CStr) -> Option<Fingerprint> {
    let mut bytes = [0_u8; 20];
    // SAFETY: the user state is open, the names are C strings, and 20 bytes are
    // what libotr writes.
    let found = unsafe {
        otr_sys::otrl_privkey_fingerprint_raw(
            us.as_ptr(),
            bytes.as_mut_ptr(),
            account.as_ptr(),
            PROTOCOL.as_ptr(),
        )
    };
    (!found.is_null()).then(|| Fingerprint::from_bytes(bytes))
}
