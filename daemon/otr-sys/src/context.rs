//! `userstate.h`, `context.h`, `context_priv.h`, `auth.h`, `dh.h`, `sm.h`,
//! `instag.h` and `privkey.h`.

use core::ffi::{c_char, c_int, c_uint, c_ushort, c_void};

use libc::FILE;

use crate::gcrypt::{byte, gcry_cipher_hd_t, gcry_error_t, gcry_md_hd_t, gcry_mpi_t, gcry_sexp_t};

// time_t: what build.rs was told by the target's headers. The crate libc's may be another one.
include!(concat!(env!("OUT_DIR"), "/time.rs"));

pub type otrl_instag_t = c_uint;
pub const OTRL_INSTAG_MASTER: otrl_instag_t = 0;
pub const OTRL_MIN_VALID_INSTAG: otrl_instag_t = 0x100;
pub const OTRL_PUBKEY_TYPE_DSA: c_ushort = 0;
pub const OTRL_EXTRAKEY_BYTES: usize = 32;

pub type OtrlMessageState = c_uint;
pub const OTRL_MSGSTATE_PLAINTEXT: OtrlMessageState = 0;
pub const OTRL_MSGSTATE_ENCRYPTED: OtrlMessageState = 1;
pub const OTRL_MSGSTATE_FINISHED: OtrlMessageState = 2;

pub type OtrlAuthState = c_uint;
pub const OTRL_AUTHSTATE_NONE: OtrlAuthState = 0;
pub const OTRL_AUTHSTATE_AWAITING_DHKEY: OtrlAuthState = 1;
pub const OTRL_AUTHSTATE_AWAITING_REVEALSIG: OtrlAuthState = 2;
pub const OTRL_AUTHSTATE_AWAITING_SIG: OtrlAuthState = 3;

pub type NextExpectedSMP = c_uint;
pub const OTRL_SMP_EXPECT1: NextExpectedSMP = 0;
pub const OTRL_SMP_EXPECT4: NextExpectedSMP = 3;
pub const OTRL_SMP_EXPECT5: NextExpectedSMP = 4;

#[repr(C)]
pub struct OtrlUserStateRec {
    pub context_root: *mut ConnContext,
    pub privkey_root: *mut OtrlPrivKey,
    pub instag_root: *mut OtrlInsTag,
    pub pending_root: *mut c_void,
    pub timer_running: c_int,
}
pub type OtrlUserState = *mut OtrlUserStateRec;

#[repr(C)]
pub struct OtrlPrivKey {
    pub next: *mut OtrlPrivKey,
    pub tous: *mut *mut OtrlPrivKey,
    pub accountname: *mut c_char,
    pub protocol: *mut c_char,
    pub pubkey_type: c_ushort,
    pub privkey: gcry_sexp_t,
    pub pubkey_data: *mut byte,
    pub pubkey_datalen: usize,
}

#[repr(C)]
pub struct OtrlInsTag {
    pub next: *mut OtrlInsTag,
    pub tous: *mut *mut OtrlInsTag,
    pub accountname: *mut c_char,
    pub protocol: *mut c_char,
    pub instag: otrl_instag_t,
}

#[repr(C)]
pub struct Fingerprint {
    pub next: *mut Fingerprint,
    pub tous: *mut *mut Fingerprint,
    pub fingerprint: *mut byte,
    pub context: *mut ConnContext,
    pub trust: *mut c_char,
}

#[repr(C)]
pub struct DH_keypair {
    pub groupid: c_uint,
    pub r#priv: gcry_mpi_t,
    pub r#pub: gcry_mpi_t,
}

#[repr(C)]
pub struct DH_sesskeys {
    pub sendctr: [byte; 16],
    pub rcvctr: [byte; 16],
    pub sendenc: gcry_cipher_hd_t,
    pub rcvenc: gcry_cipher_hd_t,
    pub sendmac: gcry_md_hd_t,
    pub sendmackey: [byte; 20],
    pub sendmacused: c_int,
    pub rcvmac: gcry_md_hd_t,
    pub rcvmackey: [byte; 20],
    pub rcvmacused: c_int,
    pub extrakey: [byte; OTRL_EXTRAKEY_BYTES],
}

#[repr(C)]
pub struct OtrlAuthInfo {
    pub authstate: OtrlAuthState,
    pub context: *mut ConnContext,
    pub our_dh: DH_keypair,
    pub our_keyid: c_uint,
    pub encgx: *mut byte,
    pub encgx_len: usize,
    pub r: [byte; 16],
    pub hashgx: [byte; 32],
    pub their_pub: gcry_mpi_t,
    pub their_keyid: c_uint,
    pub enc_c: gcry_cipher_hd_t,
    pub enc_cp: gcry_cipher_hd_t,
    pub mac_m1: gcry_md_hd_t,
    pub mac_m1p: gcry_md_hd_t,
    pub mac_m2: gcry_md_hd_t,
    pub mac_m2p: gcry_md_hd_t,
    pub their_fingerprint: [byte; 20],
    pub initiated: c_int,
    pub protocol_version: c_uint,
    pub secure_session_id: [byte; 20],
    pub secure_session_id_len: usize,
    pub session_id_half: c_uint,
    pub lastauthmsg: *mut c_char,
    pub commit_sent_time: time_t,
}

#[repr(C)]
pub struct OtrlSMState {
    pub secret: gcry_mpi_t,
    pub x2: gcry_mpi_t,
    pub x3: gcry_mpi_t,
    pub g1: gcry_mpi_t,
    pub g2: gcry_mpi_t,
    pub g3: gcry_mpi_t,
    pub g3o: gcry_mpi_t,
    pub p: gcry_mpi_t,
    pub q: gcry_mpi_t,
    pub pab: gcry_mpi_t,
    pub qab: gcry_mpi_t,
    pub nextExpected: NextExpectedSMP,
    pub received_question: c_int,
    pub sm_prog_state: c_int,
}

#[repr(C)]
pub struct ConnContextPriv {
    pub fragment: *mut c_char,
    pub fragment_len: usize,
    pub fragment_n: c_ushort,
    pub fragment_k: c_ushort,
    pub their_keyid: c_uint,
    pub their_y: gcry_mpi_t,
    pub their_old_y: gcry_mpi_t,
    pub our_keyid: c_uint,
    pub our_dh_key: DH_keypair,
    pub our_old_dh_key: DH_keypair,
    pub sesskeys: [[DH_sesskeys; 2]; 2],
    pub numsavedkeys: c_uint,
    pub saved_mac_keys: *mut byte,
    pub generation: c_uint,
    pub lastsent: time_t,
    pub lastrecv: time_t,
    pub lastmessage: *mut c_char,
    pub may_retransmit: c_int,
}

#[repr(C)]
pub struct ConnContext {
    pub next: *mut ConnContext,
    pub tous: *mut *mut ConnContext,
    pub context_priv: *mut ConnContextPriv,
    pub username: *mut c_char,
    pub accountname: *mut c_char,
    pub protocol: *mut c_char,
    pub m_context: *mut ConnContext,
    pub recent_rcvd_child: *mut ConnContext,
    pub recent_sent_child: *mut ConnContext,
    pub recent_child: *mut ConnContext,
    pub our_instance: otrl_instag_t,
    pub their_instance: otrl_instag_t,
    pub msgstate: OtrlMessageState,
    pub auth: OtrlAuthInfo,
    pub fingerprint_root: Fingerprint,
    pub active_fingerprint: *mut Fingerprint,
    pub sessionid: [byte; 20],
    pub sessionid_len: usize,
    pub sessionid_half: c_uint,
    pub protocol_version: c_uint,
    pub otr_offer: c_uint,
    pub app_data: *mut c_void,
    pub app_data_free: Option<unsafe extern "C" fn(*mut c_void)>,
    pub smstate: *mut OtrlSMState,
}

pub type add_app_data_fn =
    Option<unsafe extern "C" fn(data: *mut c_void, context: *mut ConnContext)>;

unsafe extern "C" {
    pub fn otrl_init(ver_major: c_uint, ver_minor: c_uint, ver_sub: c_uint) -> gcry_error_t;
    pub fn otrl_version() -> *const c_char;

    pub fn otrl_userstate_create() -> OtrlUserState;
    pub fn otrl_userstate_free(us: OtrlUserState);

    pub fn otrl_context_find(
        us: OtrlUserState,
        user: *const c_char,
        accountname: *const c_char,
        protocol: *const c_char,
        their_instance: otrl_instag_t,
        add_if_missing: c_int,
        addedp: *mut c_int,
        add_app_data: add_app_data_fn,
        data: *mut c_void,
    ) -> *mut ConnContext;
    pub fn otrl_context_update_recent_child(context: *mut ConnContext, sent_msg: c_uint);
    pub fn otrl_context_force_plaintext(context: *mut ConnContext);
    pub fn otrl_context_forget_fingerprint(fprint: *mut Fingerprint, and_maybe_context: c_int);
    pub fn otrl_context_forget(context: *mut ConnContext) -> c_int;

    pub fn otrl_sm_state_free(smst: *mut OtrlSMState);

    pub fn otrl_instag_find(
        us: OtrlUserState,
        accountname: *const c_char,
        protocol: *const c_char,
    ) -> *mut OtrlInsTag;
    pub fn otrl_instag_get_new() -> otrl_instag_t;
    pub fn otrl_instag_read_FILEp(us: OtrlUserState, instf: *mut FILE) -> gcry_error_t;
    pub fn otrl_instag_forget_all(us: OtrlUserState);

    pub fn otrl_privkey_find(
        us: OtrlUserState,
        accountname: *const c_char,
        protocol: *const c_char,
    ) -> *mut OtrlPrivKey;
    pub fn otrl_privkey_forget_all(us: OtrlUserState);
    pub fn otrl_privkey_fingerprint_raw(
        us: OtrlUserState,
        hash: *mut byte,
        accountname: *const c_char,
        protocol: *const c_char,
    ) -> *mut byte;
    pub fn otrl_privkey_read_FILEp(us: OtrlUserState, privf: *mut FILE) -> gcry_error_t;
    pub fn otrl_privkey_read_fingerprints_FILEp(
        us: OtrlUserState,
        storef: *mut FILE,
        add_app_data: add_app_data_fn,
        data: *mut c_void,
    ) -> gcry_error_t;
    pub fn otrl_privkey_generate_start(
        us: OtrlUserState,
        accountname: *const c_char,
        protocol: *const c_char,
        newkeyp: *mut *mut c_void,
    ) -> gcry_error_t;
    pub fn otrl_privkey_generate_calculate(newkey: *mut c_void) -> gcry_error_t;
    pub fn otrl_privkey_generate_finish_FILEp(
        us: OtrlUserState,
        newkey: *mut c_void,
        privf: *mut FILE,
    ) -> gcry_error_t;
    pub fn otrl_privkey_generate_cancelled(us: OtrlUserState, newkey: *mut c_void);
    pub fn otrl_privkey_verify(
        sigbuf: *const byte,
        siglen: usize,
        pubkey_type: c_ushort,
        pubs: gcry_sexp_t,
        data: *const byte,
        len: usize,
    ) -> gcry_error_t;
}
