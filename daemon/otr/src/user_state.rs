//! A user state of libotr's, and what is forgotten in it.
//!
//! What reads contexts borrows the user state, what frees any takes it mutably: the compiler sees
//! to it that nobody holds one that is gone.

use std::ffi::CStr;
use std::ptr;

use otr_sys::{ConnContext, OtrlUserState};

use crate::context::{Context, FingerprintRef, PROTOCOL};
use crate::error::InitError;
use crate::handle::Handle;
use crate::init::init;

/// Open from beginning to end.
pub(crate) struct UserState(OtrlUserState);

impl UserState {
    /// A new one. Without `otrl_init` the first exchange would crash, so this
    /// sees to that too.
    pub(crate) fn new() -> Result<UserState, InitError> {
        init()?;
        // SAFETY: libotr is ready.
        let us = unsafe { otr_sys::otrl_userstate_create() };
        if us.is_null() {
            return Err(InitError::Libotr("out of memory".to_owned()));
        }
        Ok(UserState(us))
    }

    /// For calls that free no context, no fingerprint and no key.
    pub(crate) fn as_ptr(&self) -> OtrlUserState {
        self.0
    }

    /// For all other calls: nobody holds anything in here.
    pub(crate) fn as_mut_ptr(&mut self) -> OtrlUserState {
        self.0
    }

    /// The context of a peer's instance, or the master for 0. libotr's special
    /// tags (1 to 4) are no instances, and find nothing.
    pub(crate) fn find(&self, account: &CStr, peer: Handle, instance: u32) -> Option<Context<'_>> {
        if instance != 0 && instance < otr_sys::OTRL_MIN_VALID_INSTAG {
            return None;
        }
        // SAFETY: the user state is open, all three names are C strings, and nothing is added.
        let found = unsafe {
            otr_sys::otrl_context_find(
                self.0,
                peer.username().as_ptr(),
                account.as_ptr(),
                PROTOCOL.as_ptr(),
                instance,
                0,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
            )
        };
        // SAFETY: null or in this list.
        unsafe { Context::from_ptr(found) }
    }

    /// Every context.
    pub(crate) fn contexts(&self) -> impl Iterator<Item = Context<'_>> {
        // SAFETY: the user state is open, and the first context is null or in its list.
        let first = unsafe { Context::from_ptr((*self.0).context_root) };
        std::iter::successors(first, |context| context.next())
    }

    /// Every master context.
    pub(crate) fn masters(&self) -> impl Iterator<Item = Context<'_>> {
        self.contexts().filter(|context| context.is_master())
    }

    /// Makes a peer's instance plaintext and forgets it; for 0 the master with all its children
    /// and fingerprints.
    pub(crate) fn forget(&mut self, account: &CStr, peer: Handle, instance: u32) {
        let Some(context) = self.find(account, peer, instance) else { return };
        let (context, master) = (context.as_ptr(), context.master_ptr());
        // SAFETY: both are in the list, and a context of the list is borrowed by nobody.
        unsafe { forget(context, master) };
    }

    /// Forgets those of a peer's fingerprints that no session uses. What is known of a peer is
    /// kept elsewhere.
    pub(crate) fn forget_unused_prints(&mut self, account: &CStr, peer: Handle) {
        let Some(master) = self.find(account, peer, 0) else { return };
        let in_use =
            |print: FingerprintRef<'_>| master.run().any(|context| context.active() == Some(print));
        let unused: Vec<*mut otr_sys::Fingerprint> =
            master.prints().filter(|print| !in_use(*print)).map(|print| print.as_ptr()).collect();
        for print in unused {
            // SAFETY: an entry of this master's list and not the list's root, to which neither a
            // context nor anybody else has a pointer; 0 keeps the context.
            unsafe { otr_sys::otrl_context_forget_fingerprint(print, 0) };
        }
    }
}

impl Drop for UserState {
    fn drop(&mut self) {
        // libotr would leak a part of each context.
        let masters: Vec<*mut ConnContext> = self.masters().map(|master| master.as_ptr()).collect();
        for master in masters {
            // SAFETY: in the list, and a context of the list is borrowed by nobody.
            unsafe { forget(master, master) };
        }
        // SAFETY: open, and freed only here.
        unsafe { otr_sys::otrl_userstate_free(self.0) };
    }
}

/// Makes a context plaintext and forgets it, a master with all its children.
/// `otrl_context_forget` leaks each private part and leaves the master's `recent_*` pointing at a
/// child that is gone: both are seen to here.
///
/// # Safety
/// Both are in one list, the second is the first one's master, and nobody else has a pointer to
/// what is forgotten.
unsafe fn forget(context: *mut ConnContext, master: *mut ConnContext) {
    let mut whole_run = vec![context];
    let mut parts = Vec::new();
    // SAFETY: the caller's promise; the children of a master come behind it in the list.
    unsafe {
        let mut next = (*context).next;
        while context == master && !next.is_null() && (*next).m_context == master {
            whole_run.push(next);
            next = (*next).next;
        }
        for context in whole_run {
            otr_sys::otrl_context_force_plaintext(context);
            for recent in [
                &raw mut (*master).recent_child,
                &raw mut (*master).recent_rcvd_child,
                &raw mut (*master).recent_sent_child,
            ] {
                if *recent == context {
                    *recent = master;
                }
            }
            parts.push((*context).context_priv);
        }
    }
    // SAFETY: in the list by the caller's promise; all of it is plaintext, so libotr forgets it.
    let kept = unsafe { otr_sys::otrl_context_forget(context) };
    if kept == 0 {
        for part in parts {
            // SAFETY: libotr made each with malloc, emptied it above and has now lost the only
            // pointer to it.
            unsafe { libc::free(part.cast()) };
        }
    }
}
