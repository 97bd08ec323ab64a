//! The memory of the libotr that is linked. Its headers were compared with the declarations when this was
//! built; but where `time_t` has 32 or 64 bits by the compiler's options, libotr may have been built with others.

use std::ptr;

use crate::context::PROTOCOL;

/// Whether a new context's list of fingerprints points back at the context. By the declarations that pointer
/// lies behind a `time_t`: it is read elsewhere where libotr's has another size.
pub(crate) fn is_as_declared() -> bool {
    // SAFETY: a user state and a context of libotr's own, released before anybody else knows them. What is read
    // lies within the context, whichever the size of the time before.
    unsafe {
        let state = otr_sys::otrl_userstate_create();
        if state.is_null() {
            return false;
        }
        let context = otr_sys::otrl_context_find(
            state,
            c"peer".as_ptr(),
            c"account".as_ptr(),
            PROTOCOL.as_ptr(),
            otr_sys::OTRL_INSTAG_MASTER,
            1,
            ptr::null_mut(),
            None,
            ptr::null_mut(),
        );
        let found = !context.is_null() && (*context).fingerprint_root.context == context;
        otr_sys::otrl_userstate_free(state);
        found
    }
}
