//! libotr's contexts: finding, reading and forgetting them.
//!
//! A [`Context`] is a pointer into a list that libotr owns. It is used within
//! one call of [`crate::Otr`] and never kept: every call finds its own anew.

use std::ffi::CStr;
use std::ptr::{self, NonNull};

use otr_sys::{ConnContext, ConnContextPriv, NextExpectedSMP, OtrlUserState};

use crate::event::State;
use crate::fingerprint::Fingerprint;
use crate::message::{MessageType, Version};
use crate::peer::Peer;
use crate::trust::Trust;

/// The only protocol that there is here.
pub(crate) const PROTOCOL: &CStr = c"irc";

/// A step of SMP that libotr knows by name and never takes: with this, each that comes is an error.
pub(crate) const NOTHING: NextExpectedSMP = otr_sys::OTRL_SMP_EXPECT5;

/// One context of libotr's. Valid until it is forgotten.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Context(NonNull<ConnContext>);

impl Context {
    pub(crate) fn from_ptr(context: *mut ConnContext) -> Option<Context> {
        NonNull::new(context).map(Context)
    }

    /// The context of a peer's instance, or the master for 0. libotr's special
    /// tags (1 to 4) are no instances, and find nothing.
    pub(crate) fn find(
        us: OtrlUserState,
        account: &CStr,
        peer: &Peer,
        instance: u32,
    ) -> Option<Context> {
        if instance != 0 && instance < otr_sys::OTRL_MIN_VALID_INSTAG {
            return None;
        }
        Context::look_up(us, account, peer, instance, false)
    }

    /// The master context of a peer, made if there is none.
    pub(crate) fn master_of(us: OtrlUserState, account: &CStr, peer: &Peer) -> Option<Context> {
        Context::look_up(us, account, peer, otr_sys::OTRL_INSTAG_MASTER, true)
    }

    fn look_up(
        us: OtrlUserState,
        account: &CStr,
        peer: &Peer,
        instance: u32,
        add: bool,
    ) -> Option<Context> {
        // SAFETY: the user state is open, and all three names are C strings.
        let found = unsafe {
            otr_sys::otrl_context_find(
                us,
                peer.as_c().as_ptr(),
                account.as_ptr(),
                PROTOCOL.as_ptr(),
                instance,
                add.into(),
                ptr::null_mut(),
                None,
                ptr::null_mut(),
            )
        };
        Context::from_ptr(found)
    }

    /// Every context of the user state.
    pub(crate) fn all(us: OtrlUserState) -> Vec<Context> {
        // SAFETY: the user state is open.
        let first = Context::from_ptr(unsafe { (*us).context_root });
        std::iter::successors(first, |context| Context::from_ptr(context.get().next)).collect()
    }

    /// Every master context.
    pub(crate) fn masters(us: OtrlUserState) -> Vec<Context> {
        Context::all(us).into_iter().filter(|context| context.is_master()).collect()
    }

    /// This master and its children, in libotr's order.
    pub(crate) fn run(self) -> Vec<Context> {
        self.each_of_run().collect()
    }

    /// The same, for as long as none is forgotten, added or moved.
    pub(crate) fn each_of_run(self) -> impl Iterator<Item = Context> {
        let master = self.get().m_context;
        std::iter::successors(Context::from_ptr(master), |context| {
            Context::from_ptr(context.get().next)
        })
        .take_while(move |context| context.get().m_context == master)
    }

    pub(crate) fn ptr(self) -> *mut ConnContext {
        self.0.as_ptr()
    }

    /// For one field at a time: no reference outlives the expression.
    fn get<'a>(self) -> &'a ConnContext {
        // SAFETY: a context is valid until it is forgotten, nobody keeps one
        // beyond that, and all of it is initialised.
        unsafe { self.0.as_ref() }
    }

    fn private<'a>(self) -> &'a ConnContextPriv {
        // SAFETY: every context has one, which lives as long as the context.
        unsafe { &*self.get().context_priv }
    }

    pub(crate) fn is_master(self) -> bool {
        self.get().m_context == self.ptr()
    }

    pub(crate) fn peer(self) -> Option<Peer> {
        // SAFETY: libotr keeps a C string there as long as the context lives.
        let name = unsafe { CStr::from_ptr(self.get().username) };
        Peer::new(name.to_bytes()).ok()
    }

    pub(crate) fn instance(self) -> u32 {
        self.get().their_instance
    }

    pub(crate) fn our_instance(self) -> u32 {
        self.get().our_instance
    }

    pub(crate) fn version(self) -> Version {
        if self.get().protocol_version == 2 { Version::V2 } else { Version::V3 }
    }

    pub(crate) fn state(self) -> State {
        match self.get().msgstate {
            otr_sys::OTRL_MSGSTATE_ENCRYPTED => State::Encrypted,
            otr_sys::OTRL_MSGSTATE_FINISHED => State::Finished,
            _ => State::Plaintext,
        }
    }

    pub(crate) fn set_state(self, state: State) {
        let state = match state {
            State::Plaintext => otr_sys::OTRL_MSGSTATE_PLAINTEXT,
            State::Encrypted => otr_sys::OTRL_MSGSTATE_ENCRYPTED,
            State::Finished => otr_sys::OTRL_MSGSTATE_FINISHED,
        };
        // SAFETY: the context is valid and no reference to it is held.
        unsafe { (*self.ptr()).msgstate = state };
    }

    /// Whether a session's keys are there: what ENCRYPTED ought to mean.
    pub(crate) fn has_keys(self) -> bool {
        self.private().their_keyid > 0
            && !self.get().active_fingerprint.is_null()
            && self.get().sessionid_len > 0
    }

    /// Private, and with keys.
    pub(crate) fn is_private(self) -> bool {
        self.state() == State::Encrypted && self.has_keys()
    }

    /// A key exchange is under way.
    pub(crate) fn is_exchanging(self) -> bool {
        self.get().auth.authstate != otr_sys::OTRL_AUTHSTATE_NONE
    }

    /// We have sent a commitment and wait for the answer.
    pub(crate) fn awaits_key(self) -> bool {
        self.get().auth.authstate == otr_sys::OTRL_AUTHSTATE_AWAITING_DHKEY
    }

    /// The hash in the commitment that we have sent.
    pub(crate) fn commitment_hash(self) -> [u8; 32] {
        self.get().auth.hashgx
    }

    /// The message of the key exchange that we have sent last.
    pub(crate) fn last_exchange_message(self) -> Option<Vec<u8>> {
        let message = self.get().auth.lastauthmsg;
        // SAFETY: a C string of the context's own, if it is anything.
        (!message.is_null()).then(|| unsafe { CStr::from_ptr(message) }.to_bytes().to_vec())
    }

    /// Ours counts no more; the next one overwrites it.
    pub(crate) fn forget_commitment(self) {
        // SAFETY: a valid context, of which no reference is held.
        unsafe { (*self.ptr()).auth.authstate = otr_sys::OTRL_AUTHSTATE_NONE };
    }

    /// We have answered a commitment and wait for its opening.
    fn awaits_reveal(self) -> bool {
        self.get().auth.authstate == otr_sys::OTRL_AUTHSTATE_AWAITING_REVEALSIG
    }

    /// In two places libotr writes new cipher and MAC handles over those of an
    /// earlier exchange, and leaks 10.7 kB: when a child takes part in another
    /// exchange of ours, and at each opening of a commitment that proves nothing.
    /// Where `kind` is about to do so, the old ones, of no use any more, are closed.
    pub(crate) fn close_stale_handles(self, kind: MessageType) {
        let master = Context::from_ptr(self.get().m_context);
        let stale = match kind {
            MessageType::DhKey => self.awaits_key() || master.is_some_and(Context::awaits_key),
            MessageType::RevealSig => self.awaits_reveal(),
            _ => false,
        };
        if !stale {
            return;
        }
        // SAFETY: a valid context, of which no reference is held; the handles are
        // its own or null, and are closed once.
        unsafe {
            let auth = &raw mut (*self.ptr()).auth;
            for cipher in [&raw mut (*auth).enc_c, &raw mut (*auth).enc_cp] {
                otr_sys::gcry_cipher_close(cipher.replace(ptr::null_mut()));
            }
            for mac in [
                &raw mut (*auth).mac_m1,
                &raw mut (*auth).mac_m1p,
                &raw mut (*auth).mac_m2,
                &raw mut (*auth).mac_m2p,
            ] {
                otr_sys::gcry_md_close(mac.replace(ptr::null_mut()));
            }
        }
    }

    /// When anything last came, in seconds of the wall clock.
    pub(crate) fn last_received(self) -> libc::time_t {
        self.private().lastrecv
    }

    pub(crate) fn session_id(self) -> Vec<u8> {
        let context = self.get();
        context.sessionid.get(..context.sessionid_len).unwrap_or_default().to_vec()
    }

    pub(crate) fn active(self) -> Option<FingerprintRef> {
        FingerprintRef::from_ptr(self.get().active_fingerprint)
    }

    pub(crate) fn smp(self) -> Option<NonNull<otr_sys::OtrlSMState>> {
        NonNull::new(self.get().smstate)
    }

    /// The fingerprints known of the peer, which hang on the master.
    pub(crate) fn prints(self) -> Vec<FingerprintRef> {
        self.each_print().collect()
    }

    /// The same, for as long as none is forgotten or moved.
    pub(crate) fn each_print(self) -> impl Iterator<Item = FingerprintRef> {
        let master = Context::from_ptr(self.get().m_context);
        let first =
            master.and_then(|master| FingerprintRef::from_ptr(master.get().fingerprint_root.next));
        std::iter::successors(first, |print| FingerprintRef::from_ptr(print.get().next))
    }

    pub(crate) fn print(self, wanted: Fingerprint) -> Option<FingerprintRef> {
        self.each_print().find(|print| print.fingerprint() == wanted)
    }

    /// Adds a fingerprint, or finds it.
    pub(crate) fn add_print(self, fingerprint: Fingerprint) -> Option<FingerprintRef> {
        let mut bytes = *fingerprint.as_bytes();
        // SAFETY: the context is valid, and 20 bytes are what libotr copies.
        FingerprintRef::from_ptr(unsafe {
            otr_sys::otrl_context_find_fingerprint(
                self.ptr(),
                bytes.as_mut_ptr(),
                1,
                ptr::null_mut(),
            )
        })
    }

    /// Puts a fingerprint first on its list, where libotr puts new ones.
    pub(crate) fn make_newest(self, print: FingerprintRef) {
        let Some(master) = Context::from_ptr(self.get().m_context) else { return };
        let print = print.ptr();
        // SAFETY: a valid entry of this master's list, no reference to which is
        // held; the list is whole after each of the two steps.
        unsafe {
            let next = (*print).next;
            *(*print).tous = next;
            if !next.is_null() {
                (*next).tous = (*print).tous;
            }
            let head = &raw mut (*master.ptr()).fingerprint_root.next;
            let first = *head;
            (*print).next = first;
            (*print).tous = head;
            if !first.is_null() {
                (*first).tous = &raw mut (*print).next;
            }
            *head = print;
        }
    }

    /// libotr keeps the last message that was sent, and sends it again to
    /// whoever completes a key exchange after an error line. Never.
    pub(crate) fn drop_last_message(self) {
        let private = self.get().context_priv;
        // SAFETY: the context's own private part; the message is libgcrypt's,
        // and is released once.
        unsafe {
            (*private).may_retransmit = 0;
            otr_sys::gcry_free((*private).lastmessage.cast());
            (*private).lastmessage = ptr::null_mut();
        }
    }

    /// What `otrl_message_sending` does after a data message: the peer needs no
    /// heartbeat now, and this instance is the one last written to.
    pub(crate) fn note_sent(self) {
        // SAFETY: a valid context, of which no reference is held.
        unsafe {
            (*self.get().context_priv).lastsent = libc::time(ptr::null_mut());
            otr_sys::otrl_context_update_recent_child(self.ptr(), 1);
        }
    }

    /// Gives the context another name and returns the old one. Its place in
    /// libotr's list is the caller's business.
    pub(crate) fn rename(self, new: &Peer) -> Option<Peer> {
        let old = self.peer();
        // SAFETY: the name is libotr's own, made by malloc as strdup's is.
        unsafe {
            let copy = libc::strdup(new.as_c().as_ptr());
            if !copy.is_null() {
                libc::free((*self.ptr()).username.cast());
                (*self.ptr()).username = copy;
            }
        }
        old
    }

    /// Whether this context comes after all of a peer's in libotr's list.
    pub(crate) fn sorts_after(self, peer: &Peer) -> bool {
        // SAFETY: libotr keeps a C string there as long as the context lives.
        let name = unsafe { CStr::from_ptr(self.get().username) };
        name.to_bytes() > peer.as_bytes()
    }

    /// Makes it plaintext, and forgets it with all its children and (a master)
    /// its fingerprints. `otrl_context_forget` leaks each private part and leaves
    /// the master's `recent_*` pointing at a child that is gone: both are seen to
    /// here.
    pub(crate) fn forget(self) {
        let whole_run = if self.is_master() { self.run() } else { vec![self] };
        let master = self.get().m_context;
        let mut parts = Vec::with_capacity(whole_run.len());
        for context in whole_run {
            // SAFETY: valid contexts, of which no reference is held; the master
            // of a child is valid too.
            unsafe {
                otr_sys::otrl_context_force_plaintext(context.ptr());
                for recent in [
                    &raw mut (*master).recent_child,
                    &raw mut (*master).recent_rcvd_child,
                    &raw mut (*master).recent_sent_child,
                ] {
                    if *recent == context.ptr() {
                        *recent = master;
                    }
                }
            }
            parts.push(context.get().context_priv);
        }
        // SAFETY: all of the run is plaintext, so libotr forgets it; nobody uses
        // these contexts any more.
        let kept = unsafe { otr_sys::otrl_context_forget(self.ptr()) };
        if kept == 0 {
            for part in parts {
                // SAFETY: libotr made each with malloc, emptied it above and has
                // now lost the only pointer to it.
                unsafe { libc::free(part.cast()) };
            }
        }
    }
}

/// One fingerprint in libotr's memory. Valid until it is forgotten.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct FingerprintRef(NonNull<otr_sys::Fingerprint>);

impl FingerprintRef {
    fn from_ptr(print: *mut otr_sys::Fingerprint) -> Option<FingerprintRef> {
        NonNull::new(print).map(FingerprintRef)
    }

    pub(crate) fn ptr(self) -> *mut otr_sys::Fingerprint {
        self.0.as_ptr()
    }

    fn get<'a>(self) -> &'a otr_sys::Fingerprint {
        // SAFETY: valid until forgotten, and nobody keeps one beyond that.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn fingerprint(self) -> Fingerprint {
        let bytes = self.get().fingerprint.cast::<[u8; 20]>();
        // SAFETY: every entry but the list's root, which is never a `FingerprintRef`, has
        // 20 bytes there.
        Fingerprint::from_bytes(unsafe { *bytes })
    }

    pub(crate) fn trust(self) -> Trust {
        let trust = self.get().trust;
        if trust.is_null() {
            return Trust::None;
        }
        // SAFETY: a C string, if it is anything.
        Trust::from_field(unsafe { CStr::from_ptr(trust) }.to_bytes())
    }

    pub(crate) fn set_trust(self, trust: &Trust) {
        let Ok(word) = std::ffi::CString::new(trust.as_field()) else { return };
        // SAFETY: a valid entry and a C string, which libotr copies.
        unsafe { otr_sys::otrl_context_set_trust(self.ptr(), word.as_ptr()) };
    }

    /// Takes it off its list. No context may be using it.
    pub(crate) fn forget(self) {
        // SAFETY: a valid entry that is no list's root; 0 keeps the context.
        unsafe { otr_sys::otrl_context_forget_fingerprint(self.ptr(), 0) };
    }
}
