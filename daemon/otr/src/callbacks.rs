//! What libotr calls: each callback pushes an event, and asks nothing back.
//!
//! None of them can panic; if one did, `extern "C"` would end the process, for
//! unwinding through libotr is no option.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ushort, c_void};

use otr_sys::{ConnContext, OtrlMessageAppOps};

use crate::context::{Context, NOTHING};
use crate::error::explain;
use crate::event::{Event, Initiator, Smp, SmpOutcome};
use crate::pubkey_check;

/// What one call into libotr left behind.
pub(crate) struct Sink {
    /// Keys refused before the call.
    refused: usize,
    pub(crate) events: Vec<Event>,
    /// An empty message came and could be read.
    pub(crate) heartbeat: bool,
    /// Instances with which SMP must be broken off.
    pub(crate) abort_smp: Vec<u32>,
    /// How often libotr wants to be polled, if that has changed: seconds, or 0.
    pub(crate) timer: Option<c_uint>,
}

impl Sink {
    pub(crate) fn new() -> Sink {
        Sink {
            refused: pubkey_check::refused(),
            events: Vec::new(),
            heartbeat: false,
            abort_smp: Vec::new(),
            timer: None,
        }
    }

    /// To pass to libotr. Until libotr returns, nothing else may use the sink.
    pub(crate) fn as_opdata(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }
}

/// The callbacks. What is left out here, libotr does without:
/// `max_message_size`, for lines are cut in Rust; `resent_msg_prefix`, for
/// nothing is ever resent; `create_instag`, for the tag is there before.
pub(crate) static OPS: OtrlMessageAppOps = OtrlMessageAppOps {
    policy: Some(policy),
    create_privkey: Some(create_privkey),
    is_logged_in: Some(is_logged_in),
    inject_message: Some(inject_message),
    update_context_list: None,
    new_fingerprint: None,
    write_fingerprints: None,
    gone_secure: Some(gone_secure),
    gone_insecure: None,
    still_secure: Some(still_secure),
    max_message_size: None,
    account_name: None,
    account_name_free: None,
    received_symkey: None,
    otr_error_message: Some(otr_error_message),
    otr_error_message_free: None,
    resent_msg_prefix: None,
    resent_msg_prefix_free: None,
    handle_smp_event: Some(handle_smp_event),
    handle_msg_event: Some(handle_msg_event),
    create_instag: None,
    convert_msg: None,
    convert_free: None,
    timer_control: Some(timer_control),
};

/// The sink that a call into libotr was given.
///
/// # Safety
/// `opdata` came from [`Sink::as_opdata`], and the call is not over.
unsafe fn sink<'a>(opdata: *mut c_void) -> &'a mut Sink {
    // SAFETY: the caller's promise; callbacks do not nest, so this is the only
    // reference.
    unsafe { &mut *opdata.cast::<Sink>() }
}

/// The same with the context that libotr speaks of.
///
/// # Safety
/// As for [`sink`]; the context is null or in libotr's list, from which nothing is taken before
/// the callback returns.
unsafe fn sink_and_context<'a>(
    opdata: *mut c_void,
    context: *mut ConnContext,
) -> (&'a mut Sink, Option<Context<'a>>) {
    // SAFETY: the caller's promise.
    unsafe { (sink(opdata), Context::from_ptr(context)) }
}

/// Both versions, and nothing that libotr does by itself: no tags, no answer to
/// an error, no message kept until the conversation is private.
unsafe extern "C" fn policy(_: *mut c_void, _: *mut ConnContext) -> c_uint {
    otr_sys::OTRL_POLICY_ALLOW_V2 | otr_sys::OTRL_POLICY_ALLOW_V3
}

unsafe extern "C" fn create_privkey(opdata: *mut c_void, _: *const c_char, _: *const c_char) {
    // SAFETY: libotr hands back what it was given.
    let sink = unsafe { sink(opdata) };
    sink.events.push(Event::KeyNeeded);
}

/// Exactly 1, or a peer is never told that we have ended the conversation.
unsafe extern "C" fn is_logged_in(
    _: *mut c_void,
    _: *const c_char,
    _: *const c_char,
    _: *const c_char,
) -> c_int {
    1
}

unsafe extern "C" fn inject_message(
    opdata: *mut c_void,
    _: *const c_char,
    _: *const c_char,
    _: *const c_char,
    message: *const c_char,
) {
    // SAFETY: libotr hands back what it was given.
    let sink = unsafe { sink(opdata) };
    // SAFETY: libotr gives a C string or null.
    let line = unsafe { bytes(message) };
    if !line.is_empty() {
        sink.events.push(Event::Inject { line });
    }
}

unsafe extern "C" fn gone_secure(opdata: *mut c_void, context: *mut ConnContext) {
    // SAFETY: libotr hands back what it was given, with a context of its list.
    let (sink, Some(context)) = (unsafe { sink_and_context(opdata, context) }) else { return };
    if let Some(active) = context.active() {
        let fingerprint = active.fingerprint();
        sink.events.push(Event::Private {
            instance: context.instance(),
            fingerprint,
            version: context.version(),
        });
    }
}

unsafe extern "C" fn still_secure(opdata: *mut c_void, context: *mut ConnContext, _: c_int) {
    // SAFETY: libotr hands back what it was given, with a context of its list.
    let (sink, Some(context)) = (unsafe { sink_and_context(opdata, context) }) else { return };
    if let Some(active) = context.active() {
        sink.events.push(Event::Refreshed {
            instance: context.instance(),
            fingerprint: active.fingerprint(),
        });
    }
}

/// The words after `?OTR Error: ` that go to a peer whose message could not be
/// read, and nothing for other errors: those may come from anybody.
unsafe extern "C" fn otr_error_message(
    _: *mut c_void,
    _: *mut ConnContext,
    code: c_uint,
) -> *const c_char {
    if code == otr_sys::OTRL_ERRCODE_MSG_UNREADABLE {
        c"your encrypted message could not be read: start the private conversation anew and send it again".as_ptr()
    } else {
        std::ptr::null()
    }
}

unsafe extern "C" fn handle_smp_event(
    opdata: *mut c_void,
    event: c_uint,
    context: *mut ConnContext,
    percent: c_ushort,
    question: *mut c_char,
) {
    // SAFETY: libotr hands back what it was given, with a context of its list.
    let (sink, Some(context)) = (unsafe { sink_and_context(opdata, context) }) else { return };
    let event = match event {
        otr_sys::OTRL_SMPEVENT_ASK_FOR_SECRET => Smp::Asked { question: None },
        otr_sys::OTRL_SMPEVENT_ASK_FOR_ANSWER => {
            // SAFETY: libotr gives a C string or null.
            Smp::Asked { question: Some(unsafe { bytes(question) }) }
        }
        otr_sys::OTRL_SMPEVENT_IN_PROGRESS => Smp::Progress(u8::try_from(percent).unwrap_or(100)),
        otr_sys::OTRL_SMPEVENT_SUCCESS => Smp::Verified(smp_outcome(context)),
        otr_sys::OTRL_SMPEVENT_FAILURE => Smp::Failed(smp_outcome(context)),
        otr_sys::OTRL_SMPEVENT_ABORT => Smp::Aborted,
        otr_sys::OTRL_SMPEVENT_CHEATED => Smp::Cheated,
        otr_sys::OTRL_SMPEVENT_ERROR if ignores_smp(context) => Smp::SmpIgnored,
        otr_sys::OTRL_SMPEVENT_ERROR => Smp::Error,
        _ => return,
    };
    if matches!(event, Smp::Cheated | Smp::Error) {
        sink.abort_smp.push(context.instance());
    }
    let instance = context.instance();
    sink.events.push(Event::Smp { instance, event });
}

/// Whether [`crate::Otr::receive_ignoring_smp`] is at it.
fn ignores_smp(context: Context<'_>) -> bool {
    context.expected_smp() == Some(NOTHING)
}

/// Who asked. libotr moves its state on only after the callback: the initiator is
/// the one that was still waiting for the last of the four messages. Its own
/// `received_question` is left over from an earlier run if we asked.
fn smp_outcome(context: Context<'_>) -> SmpOutcome {
    if context.expected_smp() == Some(otr_sys::OTRL_SMP_EXPECT4) {
        SmpOutcome { initiator: Initiator::We, question: false }
    } else {
        SmpOutcome { initiator: Initiator::Peer, question: context.smp_brought_question() }
    }
}

unsafe extern "C" fn handle_msg_event(
    opdata: *mut c_void,
    event: c_uint,
    context: *mut ConnContext,
    message: *const c_char,
    error: otr_sys::gcry_error_t,
) {
    // SAFETY: libotr hands back what it was given, with a context of its list.
    let (sink, context) = unsafe { sink_and_context(opdata, context) };
    let instance = context.map_or(0, Context::instance);
    sink.events.push(match event {
        otr_sys::OTRL_MSGEVENT_SETUP_ERROR => {
            let refused = pubkey_check::refused() > sink.refused;
            let reason = if refused { BAD_KEY.to_owned() } else { explain(error) };
            Event::SetupFailed { reason }
        }
        otr_sys::OTRL_MSGEVENT_MSG_REFLECTED => Event::Reflected,
        otr_sys::OTRL_MSGEVENT_RCVDMSG_NOT_IN_PRIVATE => {
            Event::NotPrivate { instance, ignorable: false }
        }
        otr_sys::OTRL_MSGEVENT_RCVDMSG_UNREADABLE => Event::Unreadable { instance },
        otr_sys::OTRL_MSGEVENT_RCVDMSG_MALFORMED | otr_sys::OTRL_MSGEVENT_RCVDMSG_UNRECOGNIZED => {
            Event::Malformed
        }
        otr_sys::OTRL_MSGEVENT_RCVDMSG_FOR_OTHER_INSTANCE => Event::OtherInstance,
        otr_sys::OTRL_MSGEVENT_RCVDMSG_GENERAL_ERR => {
            // SAFETY: libotr gives a C string or null.
            Event::ErrorFromPeer { text: unsafe { bytes(message) } }
        }
        otr_sys::OTRL_MSGEVENT_RCVDMSG_UNENCRYPTED => {
            // SAFETY: libotr gives a C string or null.
            Event::Unencrypted { text: unsafe { bytes(message) } }
        }
        otr_sys::OTRL_MSGEVENT_LOG_HEARTBEAT_RCVD => {
            sink.heartbeat = true;
            return;
        }
        _ => return,
    });
}

/// Why a conversation was not set up when our check refused the peer's key.
const BAD_KEY: &str = "the peer's key is malformed and was refused";

unsafe extern "C" fn timer_control(opdata: *mut c_void, interval: c_uint) {
    // SAFETY: libotr hands back what it was given.
    unsafe { sink(opdata) }.timer = Some(interval);
}

/// A copy of a C string; empty for null.
///
/// # Safety
/// `text` is a C string or null.
pub(crate) unsafe fn bytes(text: *const c_char) -> Vec<u8> {
    if text.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
}
