//! libotr as it comes, without the wrapper: the attacker's workshop, and an
//! ordinary peer that does all that libotr does.
// clippy knows test functions, not their helpers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::io::{Seek, Write};
use std::os::fd::IntoRawFd;
use std::ptr;

use otr_sys::{ConnContext, OtrlMessageAppOps, OtrlUserState};

/// A bare libotr client.
pub struct Raw {
    pub us: OtrlUserState,
    pub account: CString,
    /// Lines that libotr wants to send.
    pub out: Vec<Vec<u8>>,
    /// Versions of the protocol that it speaks: `OTRL_POLICY_ALLOW_…`.
    pub versions: c_uint,
}

impl Raw {
    /// With a key file of that account.
    pub fn new(account: &str, key: &[u8]) -> Raw {
        otr::init().expect("libotr");
        // SAFETY: libotr is ready.
        let us = unsafe { otr_sys::otrl_userstate_create() };
        let file = stream(key);
        // SAFETY: an open user state and an open stream, closed once.
        unsafe {
            assert_eq!(otr_sys::otrl_privkey_read_FILEp(us, file), 0);
            libc::fclose(file);
        }
        // Without a tag in the list, libotr's children get the tag 0.
        let file = stream(format!("{account}\tirc\t{:08x}\n", 0x0bad_cafe_u32).as_bytes());
        // SAFETY: as above.
        unsafe {
            assert_eq!(otr_sys::otrl_instag_read_FILEp(us, file), 0);
            libc::fclose(file);
        }
        let versions = otr_sys::OTRL_POLICY_ALLOW_V2 | otr_sys::OTRL_POLICY_ALLOW_V3;
        Raw { us, account: CString::new(account).expect("a name"), out: Vec::new(), versions }
    }

    /// Sends other numbers than the real ones as the public key: the real key
    /// still signs.
    pub fn claim_public_key(&mut self, numbers: [&[u8]; 4]) {
        let mut data = Vec::new();
        for number in numbers {
            data.extend_from_slice(&u32::try_from(number.len()).expect("short").to_be_bytes());
            data.extend_from_slice(number);
        }
        // SAFETY: a key is loaded; its public part is malloc's and so is ours.
        unsafe {
            let key = (*self.us).privkey_root;
            libc::free((*key).pubkey_data.cast());
            (*key).pubkey_data = libc::malloc(data.len()).cast();
            ptr::copy_nonoverlapping(data.as_ptr(), (*key).pubkey_data, data.len());
            (*key).pubkey_datalen = data.len();
        }
    }

    /// Handles a line; the text that it holds, if any.
    pub fn receive(&mut self, from: &str, line: &[u8]) -> Option<Vec<u8>> {
        let (from, line) =
            (CString::new(from).expect("a name"), CString::new(line).expect("no NUL"));
        let mut text = ptr::null_mut();
        let account = self.account.clone();
        // SAFETY: all strings are C strings, the result can be written to, and
        // `self` outlives the call.
        let internal = unsafe {
            otr_sys::otrl_message_receiving(
                self.us,
                &raw const OPS,
                (&raw mut *self).cast(),
                account.as_ptr(),
                c"irc".as_ptr(),
                from.as_ptr(),
                line.as_ptr(),
                &raw mut text,
                ptr::null_mut(),
                ptr::null_mut(),
                None,
                ptr::null_mut(),
            )
        };
        take(text).filter(|_| internal == 0)
    }

    /// What `otrl_message_sending` makes of a text.
    pub fn send(&mut self, to: &str, text: &str) -> Option<Vec<u8>> {
        let (to, text) = (CString::new(to).expect("a name"), CString::new(text).expect("no NUL"));
        let mut line = ptr::null_mut();
        let account = self.account.clone();
        // SAFETY: as for `receive`. Tag 1 is the best instance, policy 0 is "skip".
        let error = unsafe {
            otr_sys::otrl_message_sending(
                self.us,
                &raw const OPS,
                (&raw mut *self).cast(),
                account.as_ptr(),
                c"irc".as_ptr(),
                to.as_ptr(),
                1,
                text.as_ptr(),
                ptr::null_mut(),
                &raw mut line,
                0,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
            )
        };
        assert_eq!(error, 0);
        take(line)
    }
}

/// An open stream with this content.
pub fn stream(content: &[u8]) -> *mut otr_sys::FILE {
    let name = c"test";
    // SAFETY: a C string and a known flag; the descriptor is then ours.
    let mut file = unsafe {
        use std::os::fd::FromRawFd;
        std::fs::File::from_raw_fd(libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC))
    };
    file.write_all(content).expect("memory");
    file.rewind().expect("memory");
    // SAFETY: an open descriptor, which the stream comes to own.
    unsafe { libc::fdopen(file.into_raw_fd(), c"r+".as_ptr()) }
}

fn take(text: *mut c_char) -> Option<Vec<u8>> {
    if text.is_null() {
        return None;
    }
    // SAFETY: a C string that libotr made for us, freed once.
    unsafe {
        let copy = CStr::from_ptr(text).to_bytes().to_vec();
        otr_sys::otrl_message_free(text);
        Some(copy)
    }
}

unsafe extern "C" fn policy(raw: *mut c_void, _: *mut ConnContext) -> c_uint {
    // SAFETY: libotr hands back the `Raw` that is waiting.
    unsafe { (*raw.cast::<Raw>()).versions }
}

unsafe extern "C" fn logged_in(
    _: *mut c_void,
    _: *const c_char,
    _: *const c_char,
    _: *const c_char,
) -> c_int {
    1
}

unsafe extern "C" fn inject(
    raw: *mut c_void,
    _: *const c_char,
    _: *const c_char,
    _: *const c_char,
    line: *const c_char,
) {
    // SAFETY: libotr hands back the `Raw` that is waiting, and a C string.
    unsafe { (*raw.cast::<Raw>()).out.push(CStr::from_ptr(line).to_bytes().to_vec()) };
}

static OPS: OtrlMessageAppOps = OtrlMessageAppOps {
    policy: Some(policy),
    create_privkey: None,
    is_logged_in: Some(logged_in),
    inject_message: Some(inject),
    update_context_list: None,
    new_fingerprint: None,
    write_fingerprints: None,
    gone_secure: None,
    gone_insecure: None,
    still_secure: None,
    max_message_size: None,
    account_name: None,
    account_name_free: None,
    received_symkey: None,
    otr_error_message: None,
    otr_error_message_free: None,
    resent_msg_prefix: None,
    resent_msg_prefix_free: None,
    handle_smp_event: None,
    handle_msg_event: None,
    create_instag: None,
    convert_msg: None,
    convert_free: None,
    timer_control: None,
};
