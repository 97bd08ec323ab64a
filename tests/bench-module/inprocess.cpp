// For tests/bench only: libotr called inside of ZNC's hooks, as modules without a daemon do it.
// It does the least that an encrypted conversation takes, so that it costs the least.

#include <znc/Client.h>
#include <znc/IRCNetwork.h>
#include <znc/Modules.h>
#include <znc/User.h>

extern "C" {
#include <libotr/proto.h>
#include <libotr/message.h>
#include <libotr/privkey.h>
}

class CInProcess : public CModule {
  public:
    MODCONSTRUCTOR(CInProcess) {}
    ~CInProcess() override { otrl_userstate_free(m_pState); }

    bool OnLoad(const CString&, CString&) override {
        OTRL_INIT;
        m_Ops.policy = [](void*, ConnContext*) -> OtrlPolicy {
            return OTRL_POLICY_ALLOW_V2 | OTRL_POLICY_ALLOW_V3;
        };
        m_Ops.is_logged_in = [](void*, const char*, const char*, const char*) { return 1; };
        m_Ops.inject_message = [](void* pThis, const char*, const char*, const char* szTo,
                                  const char* szLine) {
            static_cast<CInProcess*>(pThis)->PutIRC("PRIVMSG " + CString(szTo) + " :" + szLine);
        };
        // Of key exchanges; the texts of a measurement fit into a line.
        m_Ops.max_message_size = [](void*, ConnContext*) { return 400; };
        m_Ops.still_secure = [](void* pThis, ConnContext*, int) {
            static_cast<CInProcess*>(pThis)->PutModule("private");
        };
        m_Ops.gone_secure = [](void* pThis, ConnContext*) {
            static_cast<CInProcess*>(pThis)->PutModule("private");
        };
        m_pState = otrl_userstate_create();
        const CString sTags = GetSavePath() + "/otr.instag";
        otrl_instag_generate(m_pState, sTags.c_str(), "bench", "irc");
        const CString sKey = GetSavePath() + "/otr.key";
        if (otrl_privkey_read(m_pState, sKey.c_str())) Generate();
        return true;
    }

    void OnModCommand(const CString& sLine) override {
        if (sLine == "genkey") {
            Generate();
            PutModule("generated");
        } else if (sLine.StartsWith("start "))
            PutIRC("PRIVMSG " + sLine.Token(1) + " :?OTRv23?");
        else
            PutModule("ready");
    }

    EModRet OnUserMsg(CString& sTarget, CString& sText) override {
        if (GetNetwork()->IsChan(sTarget)) return CONTINUE;
        char* szNew = nullptr;
        const gcry_error_t iError =
            otrl_message_sending(m_pState, &m_Ops, this, "bench", "irc", sTarget.c_str(),
                                 OTRL_INSTAG_BEST, sText.c_str(), nullptr, &szNew,
                                 OTRL_FRAGMENT_SEND_SKIP, nullptr, nullptr, nullptr);
        if (szNew) PutIRC("PRIVMSG " + sTarget + " :" + szNew);
        const bool bDone = iError || szNew;
        otrl_message_free(szNew);
        return bDone ? HALT : CONTINUE;
    }

    EModRet OnPrivMsg(CNick& Nick, CString& sText) override {
        char* szNew = nullptr;
        OtrlTLV* pTLVs = nullptr;
        const int iInternal = otrl_message_receiving(
            m_pState, &m_Ops, this, "bench", "irc", Nick.GetNick().c_str(), sText.c_str(), &szNew,
            &pTLVs, nullptr, nullptr, nullptr);
        if (szNew) sText = szNew;
        otrl_message_free(szNew);
        otrl_tlv_free(pTLVs);
        return iInternal ? HALT : CONTINUE;
    }

  private:
    void Generate() {
        const CString sKey = GetSavePath() + "/otr.key";
        otrl_privkey_generate(m_pState, sKey.c_str(), "bench", "irc");
    }

    OtrlUserState m_pState = nullptr;
    OtrlMessageAppOps m_Ops{};
};

NETWORKMODULEDEFS(CInProcess, "For tests/bench: libotr inside of ZNC")
