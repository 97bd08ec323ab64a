// A module of ZNC's that makes lines for clients out of parts, as modules may: ZNC writes each part as it is.
//
//     /msg *writes SOURCE COMMAND PARAMETER ... :TEXT
//
// A parenthesis stands for a blank in a part.

#include <znc/Client.h>
#include <znc/IRCNetwork.h>
#include <znc/Message.h>
#include <znc/Modules.h>

class Writes : public CModule {
  public:
    MODCONSTRUCTOR(Writes) {}

    void OnModCommand(const CString& sLine) override {
        CMessage Message(":" + sLine);
        const auto blanks = [](const CString& sPart) { return sPart.Replace_n("(", " "); };
        Message.SetNick(CNick(blanks(Message.GetNick().GetNickMask())));
        for (unsigned i = 0; i < Message.GetParams().size(); i++)
            Message.SetParam(i, blanks(Message.GetParam(i)));
        for (CClient* pClient : GetNetwork()->GetClients()) pClient->PutClient(Message);
    }
};

template <>
void TModInfo<Writes>(CModInfo& Info) {
    Info.AddType(CModInfo::NetworkModule);
}

NETWORKMODULEDEFS(Writes, "Writes lines to clients")
