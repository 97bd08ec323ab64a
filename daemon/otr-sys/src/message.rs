//! `message.h`, `proto.h` and `tlv.h`.

use core::ffi::{c_char, c_int, c_uint, c_ushort, c_void};

use crate::context::{ConnContext, OtrlUserState, add_app_data_fn, otrl_instag_t};
use crate::gcrypt::{byte, gcry_error_t};

pub type OtrlPolicy = c_uint;
pub const OTRL_POLICY_ALLOW_V2: OtrlPolicy = 0x02;
pub const OTRL_POLICY_ALLOW_V3: OtrlPolicy = 0x04;

pub type OtrlSMPEvent = c_uint;
pub const OTRL_SMPEVENT_ERROR: OtrlSMPEvent = 1;
pub const OTRL_SMPEVENT_ABORT: OtrlSMPEvent = 2;
pub const OTRL_SMPEVENT_CHEATED: OtrlSMPEvent = 3;
pub const OTRL_SMPEVENT_ASK_FOR_ANSWER: OtrlSMPEvent = 4;
pub const OTRL_SMPEVENT_ASK_FOR_SECRET: OtrlSMPEvent = 5;
pub const OTRL_SMPEVENT_IN_PROGRESS: OtrlSMPEvent = 6;
pub const OTRL_SMPEVENT_SUCCESS: OtrlSMPEvent = 7;
pub const OTRL_SMPEVENT_FAILURE: OtrlSMPEvent = 8;

pub type OtrlMessageEvent = c_uint;
pub const OTRL_MSGEVENT_ENCRYPTION_ERROR: OtrlMessageEvent = 2;
pub const OTRL_MSGEVENT_CONNECTION_ENDED: OtrlMessageEvent = 3;
pub const OTRL_MSGEVENT_SETUP_ERROR: OtrlMessageEvent = 4;
pub const OTRL_MSGEVENT_MSG_REFLECTED: OtrlMessageEvent = 5;
pub const OTRL_MSGEVENT_MSG_RESENT: OtrlMessageEvent = 6;
pub const OTRL_MSGEVENT_RCVDMSG_NOT_IN_PRIVATE: OtrlMessageEvent = 7;
pub const OTRL_MSGEVENT_RCVDMSG_UNREADABLE: OtrlMessageEvent = 8;
pub const OTRL_MSGEVENT_RCVDMSG_MALFORMED: OtrlMessageEvent = 9;
pub const OTRL_MSGEVENT_LOG_HEARTBEAT_RCVD: OtrlMessageEvent = 10;
pub const OTRL_MSGEVENT_LOG_HEARTBEAT_SENT: OtrlMessageEvent = 11;
pub const OTRL_MSGEVENT_RCVDMSG_GENERAL_ERR: OtrlMessageEvent = 12;
pub const OTRL_MSGEVENT_RCVDMSG_UNENCRYPTED: OtrlMessageEvent = 13;
pub const OTRL_MSGEVENT_RCVDMSG_UNRECOGNIZED: OtrlMessageEvent = 14;
pub const OTRL_MSGEVENT_RCVDMSG_FOR_OTHER_INSTANCE: OtrlMessageEvent = 15;

pub type OtrlErrorCode = c_uint;
pub const OTRL_ERRCODE_ENCRYPTION_ERROR: OtrlErrorCode = 1;
pub const OTRL_ERRCODE_MSG_NOT_IN_PRIVATE: OtrlErrorCode = 2;
pub const OTRL_ERRCODE_MSG_UNREADABLE: OtrlErrorCode = 3;
pub const OTRL_ERRCODE_MSG_MALFORMED: OtrlErrorCode = 4;

#[repr(C)]
pub struct OtrlTLV {
    pub r#type: c_ushort,
    pub len: c_ushort,
    pub data: *mut byte,
    pub next: *mut OtrlTLV,
}

/// The 24 callbacks. Only those that the wrapper sets have a signature; the
/// others stay `None`, which libotr allows, and are declared as bare pointers.
#[repr(C)]
pub struct OtrlMessageAppOps {
    pub policy: Option<unsafe extern "C" fn(*mut c_void, *mut ConnContext) -> OtrlPolicy>,
    pub create_privkey: Option<unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char)>,
    pub is_logged_in: Option<
        unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char, *const c_char) -> c_int,
    >,
    pub inject_message: Option<
        unsafe extern "C" fn(
            *mut c_void,
            *const c_char,
            *const c_char,
            *const c_char,
            *const c_char,
        ),
    >,
    pub update_context_list: Option<unsafe extern "C" fn(*mut c_void)>,
    pub new_fingerprint: unset_fn,
    pub write_fingerprints: Option<unsafe extern "C" fn(*mut c_void)>,
    pub gone_secure: Option<unsafe extern "C" fn(*mut c_void, *mut ConnContext)>,
    pub gone_insecure: unset_fn,
    pub still_secure: Option<unsafe extern "C" fn(*mut c_void, *mut ConnContext, c_int)>,
    pub max_message_size: unset_fn,
    pub account_name: unset_fn,
    pub account_name_free: unset_fn,
    pub received_symkey: unset_fn,
    pub otr_error_message:
        Option<unsafe extern "C" fn(*mut c_void, *mut ConnContext, OtrlErrorCode) -> *const c_char>,
    pub otr_error_message_free: unset_fn,
    pub resent_msg_prefix: unset_fn,
    pub resent_msg_prefix_free: unset_fn,
    pub handle_smp_event: Option<
        unsafe extern "C" fn(*mut c_void, OtrlSMPEvent, *mut ConnContext, c_ushort, *mut c_char),
    >,
    pub handle_msg_event: Option<
        unsafe extern "C" fn(
            *mut c_void,
            OtrlMessageEvent,
            *mut ConnContext,
            *const c_char,
            gcry_error_t,
        ),
    >,
    pub create_instag: unset_fn,
    pub convert_msg: unset_fn,
    pub convert_free: unset_fn,
    pub timer_control: Option<unsafe extern "C" fn(*mut c_void, c_uint)>,
}

/// A callback that stays unset.
pub type unset_fn = Option<unsafe extern "C" fn()>;

unsafe extern "C" {
    pub fn otrl_message_free(message: *mut c_char);
    pub fn otrl_tlv_free(tlv: *mut OtrlTLV);
    pub fn otrl_message_receiving(
        us: OtrlUserState,
        ops: *const OtrlMessageAppOps,
        opdata: *mut c_void,
        accountname: *const c_char,
        protocol: *const c_char,
        sender: *const c_char,
        message: *const c_char,
        newmessagep: *mut *mut c_char,
        tlvsp: *mut *mut OtrlTLV,
        contextp: *mut *mut ConnContext,
        add_appdata: add_app_data_fn,
        data: *mut c_void,
    ) -> c_int;
    pub fn otrl_message_disconnect_all_instances(
        us: OtrlUserState,
        ops: *const OtrlMessageAppOps,
        opdata: *mut c_void,
        accountname: *const c_char,
        protocol: *const c_char,
        username: *const c_char,
    );
    pub fn otrl_message_initiate_smp(
        us: OtrlUserState,
        ops: *const OtrlMessageAppOps,
        opdata: *mut c_void,
        context: *mut ConnContext,
        secret: *const byte,
        secretlen: usize,
    );
    pub fn otrl_message_initiate_smp_q(
        us: OtrlUserState,
        ops: *const OtrlMessageAppOps,
        opdata: *mut c_void,
        context: *mut ConnContext,
        question: *const c_char,
        secret: *const byte,
        secretlen: usize,
    );
    pub fn otrl_message_respond_smp(
        us: OtrlUserState,
        ops: *const OtrlMessageAppOps,
        opdata: *mut c_void,
        context: *mut ConnContext,
        secret: *const byte,
        secretlen: usize,
    );
    pub fn otrl_message_abort_smp(
        us: OtrlUserState,
        ops: *const OtrlMessageAppOps,
        opdata: *mut c_void,
        context: *mut ConnContext,
    );
    pub fn otrl_message_poll(us: OtrlUserState, ops: *const OtrlMessageAppOps, opdata: *mut c_void);

    /// `proto.h`. Used in place of `otrl_message_sending`, which would put the
    /// stock query in place of a text that contains `?OTR?`.
    pub fn otrl_proto_create_data(
        encmessagep: *mut *mut c_char,
        context: *mut ConnContext,
        msg: *const c_char,
        tlvs: *const OtrlTLV,
        flags: byte,
        extrakey: *mut byte,
    ) -> gcry_error_t;

    // Only for the tests, which build attacks out of libotr's own parts.
    pub fn otrl_message_sending(
        us: OtrlUserState,
        ops: *const OtrlMessageAppOps,
        opdata: *mut c_void,
        accountname: *const c_char,
        protocol: *const c_char,
        recipient: *const c_char,
        instag: otrl_instag_t,
        original_msg: *const c_char,
        tlvs: *mut OtrlTLV,
        messagep: *mut *mut c_char,
        fragPolicy: c_int,
        contextp: *mut *mut ConnContext,
        add_appdata: add_app_data_fn,
        data: *mut c_void,
    ) -> gcry_error_t;
}
