//! The declarations against the installed headers: a small C program prints
//! every size, offset and constant, and they must be ours.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::mem::{offset_of, size_of};
use std::process::Command;

use otr_sys as sys;

/// What to compare: a name, the C expression, our value.
#[derive(Default)]
struct Sheet(Vec<(String, String, u64)>);

impl Sheet {
    fn add(&mut self, name: String, c: String, ours: u64) {
        self.0.push((name, c, ours));
    }
}

macro_rules! structure {
    ($sheet:ident, $c:literal, $rust:ty, [$($field:ident $(= $c_field:literal)?),* $(,)?]) => {
        $sheet.add(format!("sizeof {}", $c), format!("sizeof({})", $c), size_of::<$rust>() as u64);
        $(
            let field = structure!(@name $field $(, $c_field)?);
            $sheet.add(
                format!("{}.{field}", $c),
                format!("offsetof({}, {field})", $c),
                offset_of!($rust, $field) as u64,
            );
        )*
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident, $c_field:literal) => { $c_field };
}

macro_rules! constants {
    ($sheet:ident, [$($name:ident),* $(,)?]) => {
        $(
            let name = stringify!($name);
            $sheet.add(name.to_owned(), name.to_owned(), u64::try_from(sys::$name).unwrap());
        )*
    };
}

#[test]
fn every_declaration_is_the_headers() {
    let mut sheet = Sheet::default();
    structures(&mut sheet);
    structures_within(&mut sheet);
    all_constants(&mut sheet);
    let theirs = ask_the_compiler(&sheet);
    let wrong: Vec<String> = sheet
        .0
        .iter()
        .filter(|(name, _, ours)| theirs.get(name) != Some(ours))
        .map(|(name, _, ours)| format!("{name}: ours {ours}, theirs {:?}", theirs.get(name)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(sheet.0.len() > 150);
}

fn structures(sheet: &mut Sheet) {
    structure!(
        sheet,
        "struct context",
        sys::ConnContext,
        [
            next,
            tous,
            context_priv,
            username,
            accountname,
            protocol,
            m_context,
            recent_rcvd_child,
            recent_sent_child,
            recent_child,
            our_instance,
            their_instance,
            msgstate,
            auth,
            fingerprint_root,
            active_fingerprint,
            sessionid,
            sessionid_len,
            sessionid_half,
            protocol_version,
            otr_offer,
            app_data,
            app_data_free,
            smstate,
        ]
    );
    structure!(
        sheet,
        "ConnContextPriv",
        sys::ConnContextPriv,
        [
            fragment,
            fragment_len,
            fragment_n,
            fragment_k,
            their_keyid,
            their_y,
            their_old_y,
            our_keyid,
            our_dh_key,
            our_old_dh_key,
            sesskeys,
            numsavedkeys,
            saved_mac_keys,
            generation,
            lastsent,
            lastrecv,
            lastmessage,
            may_retransmit,
        ]
    );
    structure!(
        sheet,
        "OtrlMessageAppOps",
        sys::OtrlMessageAppOps,
        [
            policy,
            create_privkey,
            is_logged_in,
            inject_message,
            update_context_list,
            new_fingerprint,
            write_fingerprints,
            gone_secure,
            gone_insecure,
            still_secure,
            max_message_size,
            account_name,
            account_name_free,
            received_symkey,
            otr_error_message,
            otr_error_message_free,
            resent_msg_prefix,
            resent_msg_prefix_free,
            handle_smp_event,
            handle_msg_event,
            create_instag,
            convert_msg,
            convert_free,
            timer_control,
        ]
    );
    structure!(
        sheet,
        "struct s_OtrlUserState",
        sys::OtrlUserStateRec,
        [context_root, privkey_root, instag_root, pending_root, timer_running,]
    );
    structure!(
        sheet,
        "OtrlPrivKey",
        sys::OtrlPrivKey,
        [next, tous, accountname, protocol, pubkey_type, privkey, pubkey_data, pubkey_datalen,]
    );
    structure!(sheet, "OtrlInsTag", sys::OtrlInsTag, [next, tous, accountname, protocol, instag]);
    structure!(sheet, "Fingerprint", sys::Fingerprint, [next, tous, fingerprint, context, trust]);
    structure!(sheet, "OtrlTLV", sys::OtrlTLV, [r#type = "type", len, data, next]);
}

fn structures_within(sheet: &mut Sheet) {
    structure!(
        sheet,
        "OtrlAuthInfo",
        sys::OtrlAuthInfo,
        [
            authstate,
            context,
            our_dh,
            our_keyid,
            encgx,
            encgx_len,
            r,
            hashgx,
            their_pub,
            their_keyid,
            enc_c,
            enc_cp,
            mac_m1,
            mac_m1p,
            mac_m2,
            mac_m2p,
            their_fingerprint,
            initiated,
            protocol_version,
            secure_session_id,
            secure_session_id_len,
            session_id_half,
            lastauthmsg,
            commit_sent_time,
        ]
    );
    structure!(
        sheet,
        "OtrlSMState",
        sys::OtrlSMState,
        [
            secret,
            x2,
            x3,
            g1,
            g2,
            g3,
            g3o,
            p,
            q,
            pab,
            qab,
            nextExpected,
            received_question,
            sm_prog_state,
        ]
    );
    structure!(sheet, "DH_keypair", sys::DH_keypair, [groupid, r#priv = "priv", r#pub = "pub",]);
    structure!(
        sheet,
        "DH_sesskeys",
        sys::DH_sesskeys,
        [
            sendctr,
            rcvctr,
            sendenc,
            rcvenc,
            sendmac,
            sendmackey,
            sendmacused,
            rcvmac,
            rcvmackey,
            rcvmacused,
            extrakey,
        ]
    );
    for (c, ours) in [
        ("gcry_error_t", size_of::<sys::gcry_error_t>()),
        ("gcry_mpi_t", size_of::<sys::gcry_mpi_t>()),
        ("gcry_sexp_t", size_of::<sys::gcry_sexp_t>()),
        ("otrl_instag_t", size_of::<sys::otrl_instag_t>()),
        ("OtrlPolicy", size_of::<sys::OtrlPolicy>()),
        ("OtrlMessageState", size_of::<sys::OtrlMessageState>()),
        ("OtrlAuthState", size_of::<sys::OtrlAuthState>()),
        ("NextExpectedSMP", size_of::<sys::NextExpectedSMP>()),
        ("OtrlSMPEvent", size_of::<sys::OtrlSMPEvent>()),
        ("OtrlMessageEvent", size_of::<sys::OtrlMessageEvent>()),
        ("OtrlErrorCode", size_of::<sys::OtrlErrorCode>()),
    ] {
        sheet.add(format!("sizeof {c}"), format!("sizeof({c})"), ours as u64);
    }
}

fn all_constants(sheet: &mut Sheet) {
    constants!(
        sheet,
        [
            OTRL_INSTAG_MASTER,
            OTRL_MIN_VALID_INSTAG,
            OTRL_PUBKEY_TYPE_DSA,
            OTRL_EXTRAKEY_BYTES,
            OTRL_MSGSTATE_PLAINTEXT,
            OTRL_MSGSTATE_ENCRYPTED,
            OTRL_MSGSTATE_FINISHED,
            OTRL_AUTHSTATE_NONE,
            OTRL_AUTHSTATE_AWAITING_DHKEY,
            OTRL_AUTHSTATE_AWAITING_REVEALSIG,
            OTRL_AUTHSTATE_AWAITING_SIG,
            OTRL_SMP_EXPECT1,
            OTRL_SMP_EXPECT4,
            OTRL_SMP_EXPECT5,
            OTRL_POLICY_ALLOW_V2,
            OTRL_POLICY_ALLOW_V3,
            OTRL_SMPEVENT_ERROR,
            OTRL_SMPEVENT_ABORT,
            OTRL_SMPEVENT_CHEATED,
            OTRL_SMPEVENT_ASK_FOR_ANSWER,
            OTRL_SMPEVENT_ASK_FOR_SECRET,
            OTRL_SMPEVENT_IN_PROGRESS,
            OTRL_SMPEVENT_SUCCESS,
            OTRL_SMPEVENT_FAILURE,
            OTRL_MSGEVENT_ENCRYPTION_ERROR,
            OTRL_MSGEVENT_CONNECTION_ENDED,
            OTRL_MSGEVENT_SETUP_ERROR,
            OTRL_MSGEVENT_MSG_REFLECTED,
            OTRL_MSGEVENT_MSG_RESENT,
            OTRL_MSGEVENT_RCVDMSG_NOT_IN_PRIVATE,
            OTRL_MSGEVENT_RCVDMSG_UNREADABLE,
            OTRL_MSGEVENT_RCVDMSG_MALFORMED,
            OTRL_MSGEVENT_LOG_HEARTBEAT_RCVD,
            OTRL_MSGEVENT_LOG_HEARTBEAT_SENT,
            OTRL_MSGEVENT_RCVDMSG_GENERAL_ERR,
            OTRL_MSGEVENT_RCVDMSG_UNENCRYPTED,
            OTRL_MSGEVENT_RCVDMSG_UNRECOGNIZED,
            OTRL_MSGEVENT_RCVDMSG_FOR_OTHER_INSTANCE,
            OTRL_ERRCODE_ENCRYPTION_ERROR,
            OTRL_ERRCODE_MSG_NOT_IN_PRIVATE,
            OTRL_ERRCODE_MSG_UNREADABLE,
            OTRL_ERRCODE_MSG_MALFORMED,
            GPG_ERR_NO_ERROR,
            GPG_ERR_BAD_PUBKEY,
            GPG_ERR_GENERAL,
            GPG_ERR_SOURCE_USER_1,
            GPG_ERR_SOURCE_SHIFT,
            GCRYMPI_FMT_USG,
            GCRYSEXP_FMT_ADVANCED,
            GCRYCTL_FIPS_MODE_P,
            GCRYCTL_INITIALIZATION_FINISHED,
            GCRY_STRONG_RANDOM,
            GCRY_VERY_STRONG_RANDOM,
        ]
    );
}

/// Compiles and runs the C program.
fn ask_the_compiler(sheet: &Sheet) -> BTreeMap<String, u64> {
    let mut program = String::from(
        "#include <stdio.h>\n#include <stddef.h>\n#include <libotr/proto.h>\n\
         #include <libotr/message.h>\n#include <libotr/privkey.h>\nint main(void) {\n",
    );
    for (name, c, _) in &sheet.0 {
        writeln!(program, "printf(\"%s\\t%llu\\n\", \"{name}\", (unsigned long long)({c}));")
            .unwrap();
    }
    program.push_str("return 0; }\n");

    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, binary) = (folder.join("headers.c"), folder.join("headers"));
    std::fs::write(&source, program).unwrap();
    let flags =
        Command::new("pkg-config").args(["--cflags", "libotr", "libgcrypt"]).output().unwrap();
    let flags = String::from_utf8(flags.stdout).unwrap();
    let compiled = Command::new("cc")
        .args(flags.split_whitespace())
        .arg("-o")
        .args([&binary, &source])
        .status()
        .expect("a C compiler");
    assert!(compiled.success());
    let output = Command::new(&binary).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let pair = |line: &str| {
        line.split_once('\t').map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
    };
    lines.lines().filter_map(pair).collect()
}
