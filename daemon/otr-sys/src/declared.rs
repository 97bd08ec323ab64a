// The list of all declarations of libotr's and libgcrypt's. `build.rs` and `check.rs` include it, each with a
// macro `declarations!` of its own: the one asks the target's headers for every size, offset and value, the
// other compares the answers. Of a structure, the name in C stands before the name in Rust.
declarations! {
    structures {
        "struct context" ConnContext {
            next, tous, context_priv, username, accountname, protocol, m_context,
            recent_rcvd_child, recent_sent_child, recent_child, our_instance, their_instance,
            msgstate, auth, fingerprint_root, active_fingerprint, sessionid, sessionid_len,
            sessionid_half, protocol_version, otr_offer, app_data, app_data_free, smstate,
        }
        "ConnContextPriv" ConnContextPriv {
            fragment, fragment_len, fragment_n, fragment_k, their_keyid, their_y, their_old_y,
            our_keyid, our_dh_key, our_old_dh_key, sesskeys, numsavedkeys, saved_mac_keys,
            generation, lastsent, lastrecv, lastmessage, may_retransmit,
        }
        "OtrlMessageAppOps" OtrlMessageAppOps {
            policy, create_privkey, is_logged_in, inject_message, update_context_list,
            new_fingerprint, write_fingerprints, gone_secure, gone_insecure, still_secure,
            max_message_size, account_name, account_name_free, received_symkey, otr_error_message,
            otr_error_message_free, resent_msg_prefix, resent_msg_prefix_free, handle_smp_event,
            handle_msg_event, create_instag, convert_msg, convert_free, timer_control,
        }
        "struct s_OtrlUserState" OtrlUserStateRec {
            context_root, privkey_root, instag_root, pending_root, timer_running,
        }
        "OtrlPrivKey" OtrlPrivKey {
            next, tous, accountname, protocol, pubkey_type, privkey, pubkey_data, pubkey_datalen,
        }
        "OtrlInsTag" OtrlInsTag {
            next, tous, accountname, protocol, instag,
        }
        "Fingerprint" Fingerprint {
            next, tous, fingerprint, context, trust,
        }
        "OtrlTLV" OtrlTLV {
            r#type, len, data, next,
        }
        "OtrlAuthInfo" OtrlAuthInfo {
            authstate, context, our_dh, our_keyid, encgx, encgx_len, r, hashgx, their_pub,
            their_keyid, enc_c, enc_cp, mac_m1, mac_m1p, mac_m2, mac_m2p, their_fingerprint,
            initiated, protocol_version, secure_session_id, secure_session_id_len, session_id_half,
            lastauthmsg, commit_sent_time,
        }
        "OtrlSMState" OtrlSMState {
            secret, x2, x3, g1, g2, g3, g3o, p, q, pab, qab, nextExpected, received_question,
            sm_prog_state,
        }
        "DH_keypair" DH_keypair {
            groupid, r#priv, r#pub,
        }
        "DH_sesskeys" DH_sesskeys {
            sendctr, rcvctr, sendenc, rcvenc, sendmac, sendmackey, sendmacused, rcvmac, rcvmackey,
            rcvmacused, extrakey,
        }
    }
    types {
        gcry_error_t, gcry_mpi_t, gcry_sexp_t, otrl_instag_t, OtrlPolicy, OtrlMessageState,
        OtrlAuthState, NextExpectedSMP, OtrlSMPEvent, OtrlMessageEvent, OtrlErrorCode,
    }
    constants {
        OTRL_INSTAG_MASTER, OTRL_MIN_VALID_INSTAG, OTRL_PUBKEY_TYPE_DSA, OTRL_EXTRAKEY_BYTES,
        OTRL_MSGSTATE_PLAINTEXT, OTRL_MSGSTATE_ENCRYPTED, OTRL_MSGSTATE_FINISHED,
        OTRL_AUTHSTATE_NONE, OTRL_AUTHSTATE_AWAITING_DHKEY, OTRL_AUTHSTATE_AWAITING_REVEALSIG,
        OTRL_AUTHSTATE_AWAITING_SIG, OTRL_SMP_EXPECT1, OTRL_SMP_EXPECT4, OTRL_SMP_EXPECT5,
        OTRL_POLICY_ALLOW_V2, OTRL_POLICY_ALLOW_V3, OTRL_SMPEVENT_ERROR, OTRL_SMPEVENT_ABORT,
        OTRL_SMPEVENT_CHEATED, OTRL_SMPEVENT_ASK_FOR_ANSWER, OTRL_SMPEVENT_ASK_FOR_SECRET,
        OTRL_SMPEVENT_IN_PROGRESS, OTRL_SMPEVENT_SUCCESS, OTRL_SMPEVENT_FAILURE,
        OTRL_MSGEVENT_ENCRYPTION_ERROR, OTRL_MSGEVENT_CONNECTION_ENDED, OTRL_MSGEVENT_SETUP_ERROR,
        OTRL_MSGEVENT_MSG_REFLECTED, OTRL_MSGEVENT_MSG_RESENT,
        OTRL_MSGEVENT_RCVDMSG_NOT_IN_PRIVATE, OTRL_MSGEVENT_RCVDMSG_UNREADABLE,
        OTRL_MSGEVENT_RCVDMSG_MALFORMED, OTRL_MSGEVENT_LOG_HEARTBEAT_RCVD,
        OTRL_MSGEVENT_LOG_HEARTBEAT_SENT, OTRL_MSGEVENT_RCVDMSG_GENERAL_ERR,
        OTRL_MSGEVENT_RCVDMSG_UNENCRYPTED, OTRL_MSGEVENT_RCVDMSG_UNRECOGNIZED,
        OTRL_MSGEVENT_RCVDMSG_FOR_OTHER_INSTANCE, OTRL_ERRCODE_ENCRYPTION_ERROR,
        OTRL_ERRCODE_MSG_NOT_IN_PRIVATE, OTRL_ERRCODE_MSG_UNREADABLE, OTRL_ERRCODE_MSG_MALFORMED,
        GPG_ERR_NO_ERROR, GPG_ERR_BAD_PUBKEY, GPG_ERR_GENERAL, GPG_ERR_SOURCE_USER_1,
        GPG_ERR_SOURCE_SHIFT, GCRYMPI_FMT_USG, GCRYSEXP_FMT_ADVANCED, GCRYCTL_FIPS_MODE_P,
        GCRYCTL_INITIALIZATION_FINISHED, GCRY_STRONG_RANDOM, GCRY_VERY_STRONG_RANDOM,
    }
}
