//! libgcrypt's own functions where ours stand in for them.

use std::ffi::{CStr, c_void};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

/// Where the function is that one of ours stands in for.
pub(crate) struct NextSymbol(AtomicPtr<c_void>);

impl NextSymbol {
    /// Not looked up yet.
    pub(crate) const fn unknown() -> NextSymbol {
        NextSymbol(AtomicPtr::new(ptr::null_mut()))
    }

    /// Looks it up by its name, so that no lookup is needed under seccomp. `false` if there is none
    /// but `ours`, which to name here also keeps in the program.
    pub(crate) fn find(&self, name: &CStr, ours: *const c_void) -> bool {
        // SAFETY: the name is a valid C string.
        let real = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
        if real.is_null() || ptr::eq(real, ours) {
            return false;
        }
        self.0.store(real, Ordering::Release);
        true
    }

    /// `None` until it was found.
    pub(crate) fn address(&self) -> Option<NonNull<c_void>> {
        NonNull::new(self.0.load(Ordering::Acquire))
    }
}
