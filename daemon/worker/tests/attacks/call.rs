//! System calls by number, as an attacker makes them.

use libc::{c_int, c_long};
use nix::errno::Errno;
use std::ffi::CStr;

/// Made with up to six arguments.
pub fn call(number: c_long, arguments: &[c_long]) -> Result<c_long, Errno> {
    let mut six = [0; 6];
    six[..arguments.len()].copy_from_slice(arguments);
    let [a, b, c, d, e, f] = six;
    // SAFETY: whoever attacks gives valid pointers, or numbers that the kernel checks; nothing of
    // this process is used after it was changed.
    Errno::result(unsafe { libc::syscall(number, a, b, c, d, e, f) })
}

/// For an argument.
pub fn pointer<T>(to: &T) -> c_long {
    std::ptr::from_ref(to) as c_long
}

/// For an argument.
pub fn path(text: &CStr) -> c_long {
    text.as_ptr() as c_long
}

/// For an argument.
pub fn int(value: c_int) -> c_long {
    value.into()
}
