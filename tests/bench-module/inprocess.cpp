// For tests/bench only: libotr called inside of ZNC's hooks, as modules without a daemon do it.

#include <znc/Client.h>
#include <znc/IRCNetwork.h>
#include <znc/Modules.h>
#include <znc/User.h>

#include <memory>

#include "talk.h"

class CInProcess : public CModule {
  public:
    MODCONSTRUCTOR(CInProcess) {}

    bool OnLoad(const CString&, CString&) override {
        m_pTalk = std::make_unique<Talk>(
            GetSavePath(),
            [this](const char* szTo, const char* szLine) {
                PutIRC("PRIVMSG " + CString(szTo) + " :" + szLine);
            },
            [this] { PutModule("private"); });
        return true;
    }

    void OnModCommand(const CString& sLine) override {
        if (sLine == "genkey") {
            m_pTalk->MakeKey();
            PutModule("generated");
        } else if (sLine.StartsWith("start "))
            PutIRC("PRIVMSG " + sLine.Token(1) + " :?OTRv23?");
        else
            PutModule("ready");
    }

    EModRet OnUserMsg(CString& sTarget, CString& sText) override {
        if (GetNetwork()->IsChan(sTarget)) return CONTINUE;
        return m_pTalk->Out(sTarget.c_str(), sText.c_str()) ? HALT : CONTINUE;
    }

    EModRet OnPrivMsg(CNick& Nick, CString& sText) override {
        return m_pTalk->In(Nick.GetNick().c_str(), sText) ? CONTINUE : HALT;
    }

  private:
    std::unique_ptr<Talk> m_pTalk;
};

NETWORKMODULEDEFS(CInProcess, "For tests/bench: libotr inside of ZNC")
