//! libotr's contexts: reading them, and putting fields right.
//!
//! A [`Context`] borrows the user state whose list it is in. Its fields change while it is
//! borrowed, as a [`std::cell::Cell`]'s content does: no reference to one leaves this file.

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use otr_sys::{ConnContext, ConnContextPriv, NextExpectedSMP, OtrlSMState, time_t};

use crate::event::{Awaited, State};
use crate::fingerprint::Fingerprint;
use crate::handle::Handle;
use crate::message::{MessageType, Version};

/// The only protocol that there is here.
pub(crate) const PROTOCOL: &CStr = c"irc";

/// A step of SMP that libotr knows by name and never takes: with this, each that comes is an error.
pub(crate) const NOTHING: NextExpectedSMP = otr_sys::OTRL_SMP_EXPECT5;

/// Of a context with which nothing was sent yet.
const NEVER: time_t = 0;

/// One context of libotr's.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct Context<'a> {
    context: NonNull<ConnContext>,
    of: PhantomData<&'a ()>,
}

impl<'a> Context<'a> {
    /// # Safety
    /// The context is null, or is not freed for as long as `'a`.
    pub(crate) unsafe fn from_ptr(context: *mut ConnContext) -> Option<Context<'a>> {
        NonNull::new(context).map(|context| Context { context, of: PhantomData })
    }

    pub(crate) fn as_ptr(self) -> *mut ConnContext {
        self.context.as_ptr()
    }

    /// Its master, or itself.
    pub(crate) fn master_ptr(self) -> *mut ConnContext {
        self.read(|context| context.m_context)
    }

    /// The one behind it in libotr's list.
    pub(crate) fn next(self) -> Option<Context<'a>> {
        // SAFETY: null or in the same list.
        unsafe { Context::from_ptr(self.read(|context| context.next)) }
    }

    /// Its master and that one's children, in libotr's order.
    pub(crate) fn run(self) -> impl Iterator<Item = Context<'a>> {
        let master = self.master_ptr();
        // SAFETY: every context has a master in the same list.
        let first = unsafe { Context::from_ptr(master) };
        std::iter::successors(first, |context| context.next())
            .take_while(move |context| context.master_ptr() == master)
    }

    /// What `part` takes out of it cannot be a reference into it.
    fn read<T>(self, part: impl FnOnce(&ConnContext) -> T) -> T {
        // SAFETY: the context is valid while the user state is borrowed, all of it is
        // initialised, and `part` only reads it.
        part(unsafe { self.context.as_ref() })
    }

    fn read_private<T>(self, part: impl FnOnce(&ConnContextPriv) -> T) -> T {
        // SAFETY: every context has a private part, which lives as long as the context,
        // and `part` only reads it.
        part(unsafe { &*self.read(|context| context.context_priv) })
    }

    pub(crate) fn is_master(self) -> bool {
        self.master_ptr() == self.as_ptr()
    }

    pub(crate) fn peer(self) -> Option<Handle> {
        // SAFETY: libotr keeps a C string there as long as the context lives.
        Handle::of(unsafe { CStr::from_ptr(self.read(|context| context.username)) })
    }

    pub(crate) fn instance(self) -> u32 {
        self.read(|context| context.their_instance)
    }

    pub(crate) fn our_instance(self) -> u32 {
        self.read(|context| context.our_instance)
    }

    pub(crate) fn version(self) -> Version {
        if self.read(|context| context.protocol_version) == 2 { Version::V2 } else { Version::V3 }
    }

    pub(crate) fn set_version(self, version: Version) {
        let version = match version {
            Version::V2 => 2,
            Version::V3 => 3,
        };
        // SAFETY: the context is valid and no reference to it is held.
        unsafe { (*self.as_ptr()).protocol_version = version };
    }

    pub(crate) fn state(self) -> State {
        match self.read(|context| context.msgstate) {
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
        unsafe { (*self.as_ptr()).msgstate = state };
    }

    /// Whether a session's keys are there: what ENCRYPTED ought to mean.
    pub(crate) fn has_keys(self) -> bool {
        self.read_private(|private| private.their_keyid > 0)
            && self
                .read(|context| !context.active_fingerprint.is_null() && context.sessionid_len > 0)
    }

    /// Private, and with keys.
    pub(crate) fn is_private(self) -> bool {
        self.state() == State::Encrypted && self.has_keys()
    }

    /// A key exchange is under way.
    pub(crate) fn is_exchanging(self) -> bool {
        self.read(|context| context.auth.authstate) != otr_sys::OTRL_AUTHSTATE_NONE
    }

    /// We have sent a commitment and wait for the answer.
    pub(crate) fn awaits_key(self) -> bool {
        self.read(|context| context.auth.authstate) == otr_sys::OTRL_AUTHSTATE_AWAITING_DHKEY
    }

    /// The hash in the commitment that we have sent.
    pub(crate) fn commitment_hash(self) -> [u8; 32] {
        self.read(|context| context.auth.hashgx)
    }

    /// The message of the key exchange that we have sent last.
    pub(crate) fn last_exchange_message(self) -> Option<Vec<u8>> {
        let message = self.read(|context| context.auth.lastauthmsg);
        // SAFETY: a C string of the context's own, if it is anything.
        (!message.is_null()).then(|| unsafe { CStr::from_ptr(message) }.to_bytes().to_vec())
    }

    /// Ours counts no more; the next one overwrites it.
    pub(crate) fn forget_commitment(self) {
        // SAFETY: a valid context, of which no reference is held.
        unsafe { (*self.as_ptr()).auth.authstate = otr_sys::OTRL_AUTHSTATE_NONE };
    }

    /// What the exchange under way waits for, where the peer's next message completes it.
    pub(crate) fn awaited(self) -> Option<Awaited> {
        match self.read(|context| context.auth.authstate) {
            otr_sys::OTRL_AUTHSTATE_AWAITING_REVEALSIG => Some(Awaited::RevealedSignature),
            otr_sys::OTRL_AUTHSTATE_AWAITING_SIG => Some(Awaited::Signature),
            _ => None,
        }
    }

    /// In two places libotr writes new cipher and MAC handles over those of an
    /// earlier exchange, and leaks 10.7 kB: when a child takes part in another
    /// exchange of ours, and at each opening of a commitment that proves nothing.
    /// Where `kind` is about to do so, the old ones, of no use any more, are closed.
    pub(crate) fn close_stale_handles(self, kind: MessageType) {
        let stale = match kind {
            MessageType::DhKey => {
                self.awaits_key() || self.run().next().is_some_and(Context::awaits_key)
            }
            MessageType::RevealSig => self.awaited() == Some(Awaited::RevealedSignature),
            _ => false,
        };
        if !stale {
            return;
        }
        // SAFETY: a valid context, of which no reference is held; the handles are
        // its own or null, and are closed once.
        unsafe {
            let auth = &raw mut (*self.as_ptr()).auth;
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

    pub(crate) fn session_id(self) -> Vec<u8> {
        self.read(|context| {
            context.sessionid.get(..context.sessionid_len).unwrap_or_default().to_vec()
        })
    }

    /// The key of the session.
    pub(crate) fn active(self) -> Option<FingerprintRef<'a>> {
        // SAFETY: null or in the master's list.
        unsafe { FingerprintRef::from_ptr(self.read(|context| context.active_fingerprint)) }
    }

    fn read_smp<T>(self, part: impl FnOnce(&OtrlSMState) -> T) -> Option<T> {
        let state = NonNull::new(self.read(|context| context.smstate))?;
        // SAFETY: the context's own, which lives as long as the context, and `part` only
        // reads it.
        Some(part(unsafe { state.as_ref() }))
    }

    /// The step of SMP that libotr expects next.
    pub(crate) fn expected_smp(self) -> Option<NextExpectedSMP> {
        self.read_smp(|state| state.nextExpected)
    }

    pub(crate) fn expect_smp(self, step: NextExpectedSMP) {
        if let Some(state) = NonNull::new(self.read(|context| context.smstate)) {
            // SAFETY: the context's own, of which no reference is held.
            unsafe { (*state.as_ptr()).nextExpected = step };
        }
    }

    /// The run of SMP began with a question of the peer's.
    pub(crate) fn smp_brought_question(self) -> bool {
        self.read_smp(|state| state.received_question != 0).unwrap_or(true)
    }

    /// Whether the numbers of the first message are there, which answering uses.
    pub(crate) fn holds_first_message_of_smp(self) -> bool {
        let numbers =
            self.read_smp(|state| [state.g1, state.g2, state.g3, state.g3o, state.x2, state.x3]);
        numbers.is_some_and(|numbers| !numbers.iter().any(|number| number.is_null()))
    }

    /// As at the beginning.
    pub(crate) fn wipe_smp(self) {
        if let Some(state) = NonNull::new(self.read(|context| context.smstate)) {
            // SAFETY: the context's own, of which no reference is held; it is empty afterwards.
            unsafe { otr_sys::otrl_sm_state_free(state.as_ptr()) };
        }
    }

    /// The fingerprints that hang on the master.
    pub(crate) fn prints(self) -> impl Iterator<Item = FingerprintRef<'a>> {
        let root = |master: Context<'_>| master.read(|master| master.fingerprint_root.next);
        let first = self.run().next().map(root).unwrap_or(ptr::null_mut());
        // SAFETY: null or in the master's list.
        let first = unsafe { FingerprintRef::from_ptr(first) };
        std::iter::successors(first, |print| print.next())
    }

    /// libotr keeps the last message that was sent, and sends it again to
    /// whoever completes a key exchange after an error line. Never.
    pub(crate) fn drop_last_message(self) {
        let private = self.read(|context| context.context_priv);
        // SAFETY: the context's own private part; the message is libgcrypt's,
        // and is released once.
        unsafe {
            (*private).may_retransmit = 0;
            otr_sys::gcry_free((*private).lastmessage.cast());
            (*private).lastmessage = ptr::null_mut();
        }
    }

    /// What `otrl_message_sending` does after a data message: this instance is
    /// the one last written to.
    pub(crate) fn note_sent(self) {
        // SAFETY: a valid context, of which no reference is held.
        unsafe { otr_sys::otrl_context_update_recent_child(self.as_ptr(), 1) };
    }

    /// Whether libotr answers the next text with a heartbeat. By itself it compares the time of
    /// the last line sent with the wall clock, which may jump: so that is long ago, or to come.
    pub(crate) fn set_heartbeat_due(self, is_due: bool) {
        let last_sent = if is_due { NEVER } else { time_t::MAX };
        // SAFETY: a valid context, of which no reference is held.
        unsafe { (*(*self.as_ptr()).context_priv).lastsent = last_sent };
    }

    /// Whether libotr has sent anything since [`Context::set_heartbeat_due`], or since it made
    /// this context.
    pub(crate) fn has_sent(self) -> bool {
        !matches!(self.read_private(|private| private.lastsent), NEVER | time_t::MAX)
    }
}

/// One fingerprint in libotr's memory: the key of a session.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct FingerprintRef<'a> {
    print: NonNull<otr_sys::Fingerprint>,
    of: PhantomData<&'a ()>,
}

impl<'a> FingerprintRef<'a> {
    /// # Safety
    /// The entry is null, or no list's root and not freed for as long as `'a`.
    unsafe fn from_ptr(print: *mut otr_sys::Fingerprint) -> Option<FingerprintRef<'a>> {
        NonNull::new(print).map(|print| FingerprintRef { print, of: PhantomData })
    }

    pub(crate) fn as_ptr(self) -> *mut otr_sys::Fingerprint {
        self.print.as_ptr()
    }

    fn next(self) -> Option<FingerprintRef<'a>> {
        // SAFETY: a valid entry; the next is null or in the same list, and is not the root.
        unsafe { FingerprintRef::from_ptr((*self.as_ptr()).next) }
    }

    pub(crate) fn fingerprint(self) -> Fingerprint {
        // SAFETY: a valid entry, and every one but the root has 20 bytes there.
        Fingerprint::from_bytes(unsafe { *(*self.as_ptr()).fingerprint.cast::<[u8; 20]>() })
    }
}
