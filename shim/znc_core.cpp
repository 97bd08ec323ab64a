// What ZNC's core does with a message that no module stopped: ours were held back from it.
#include "otr.h"

// As CModules does, but only the network modules that come after this one.
template <class M>
bool COtr::LaterModules(EModRet (CModule::*pHook)(M&), CMessage& Message, CClient* pClient) {
    CModules& Modules = GetNetwork()->GetModules();
    const vector<CModule*> vModules(Modules.begin(), Modules.end());
    bool bHaltCore = false;
    Message.SetClient(pClient);
    auto it = std::find(vModules.begin(), vModules.end(), this);
    for (it += it != vModules.end(); it != vModules.end(); ++it) {
        CModule* pModule = *it;
        if (std::find(Modules.begin(), Modules.end(), pModule) == Modules.end()) continue;
        CClient* pOld = pModule->GetClient();
        pModule->SetClient(pClient);
        EModRet eRet = CONTINUE;
        try {
            eRet = (pModule->*pHook)(Message.As<M>());
            pModule->SetClient(pOld);
        } catch (const EModException& e) {
            if (e == UNLOAD) Modules.UnloadModule(pModule->GetModName());
        }
        bHaltCore = bHaltCore || eRet == HALT || eRet == HALTCORE;
        if (eRet == HALT || eRet == HALTMODS) break;
    }
    return bHaltCore;
}

// Client.cpp: what core does with an outgoing message once no module stopped it. Without a connection to IRC
// core drops it, with a word; here it comes back.
void COtr::PassOut(Held& held) {
    CMessage& Message = *held.message;
    CClient* pClient = Client(held.client);
    const auto ask = [&](auto pHook) { return LaterModules(pHook, Message, pClient); };
    bool bHalt = false;
    switch (held.kind) {
        case Kind::Text: bHalt = ask(&CModule::OnUserTextMessage); break;
        case Kind::Action: bHalt = ask(&CModule::OnUserActionMessage); break;
        case Kind::Notice: bHalt = ask(&CModule::OnUserNoticeMessage); break;
        case Kind::Ctcp: bHalt = ask(&CModule::OnUserCTCPMessage); break;
        case Kind::CtcpReply: bHalt = ask(&CModule::OnUserCTCPReplyMessage); break;
    }
    if (bHalt) return;
    // A copy without what does not go to servers costs less than to parse the line.
    CMessage Line = Message;
    Line.SetClient(nullptr);
    Line.SetNick(CNick());
#if VERSION_MAJOR > 1 || VERSION_MINOR >= 10
    CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    const bool bTags = pIRC && pIRC->IsCapAccepted("message-tags");
#else
    const bool bTags = false;
#endif
    if (!bTags) Line.SetTags(MCString());
    const CString sLine = Line.ToString();
    // otrd knows the policy better than the rules for other modules say it.
    const CString sKey = Requires(Message.GetParam(0)) ? kInClear + GuardKey(CMessage(sLine)) : "";
    if (!sKey.empty()) m_AuthorizedLines[sKey]++;
    m_sWhyNot = kNoIRC;
    const Sent sent = Put(Line, sLine, held.who);
    if (sent == Sent::No && !OnIRC())
        ForgetAuthorizations();
    else if (sent == Sent::No && !sKey.empty())
        TakeAuthorization(sKey);
    // Nobody typed what clients answer by themselves.
    if (held.kind == Kind::CtcpReply) {
        if (sent == Sent::Blocked) SayBlocked(held.who, sLine);
        return;
    }
    Leaving text;
    text.who = held.who;
    text.text = held.text;
    text.kind = held.kind;
    text.message = std::move(held.message);
    text.client = held.client;
    text.security = kClear;
    Carry(sent, std::move(text), m_sWhyNot);
}

// IRCSock.cpp: the same for an incoming one.
void COtr::PassIn(Held& held) {
    CMessage& Message = *held.message;
    bool bHalt = false;
    const auto ask = [&](auto pHook) { return LaterModules(pHook, Message, nullptr); };
    if (!m_bEnding) switch (held.kind) {
            case Kind::Text: bHalt = ask(&CModule::OnPrivTextMessage); break;
            case Kind::Action: bHalt = ask(&CModule::OnPrivActionMessage); break;
            case Kind::Notice: bHalt = ask(&CModule::OnPrivNoticeMessage); break;
            case Kind::Ctcp: bHalt = ask(&CModule::OnPrivCTCPMessage) || AnswerCTCP(Message); break;
            case Kind::CtcpReply: bHalt = ask(&CModule::OnCTCPReplyMessage); break;
        }
    if (!bHalt) Show(Message, held.kind, kClear);
}

bool COtr::AnswerCTCP(const CCTCPMessage& Message) {
    const CString sQuery = Message.GetText().Token(0).AsUpper();
    const MCString& Replies = GetUser()->GetCTCPReplies();
    const auto it = Replies.find(sQuery);
    CString sReply;
    if (it != Replies.end()) {
        sReply = ExpandString(it->second);
        if (sReply.empty()) return true;
    } else if (!GetNetwork()->IsUserAttached()) {
        if (sQuery == "VERSION") sReply = CZNC::GetTag(false);
        if (sQuery == "PING") sReply = Message.GetText().Token(1, true);
    }
    if (sReply.empty()) return false;
    if (m_iLastCTCP + 5 < Now()) m_uCTCPs = 0;
    m_iLastCTCP = Now();
    if (m_uCTCPs++ < 5)
        PutIRC("NOTICE " + Message.GetNick().GetNick() + " :\001" + sQuery + " " + sReply + "\001");
    return true;
}

void COtr::Show(CMessage& Message, Kind kind, const std::string& security) {
    const bool bOnline = GetNetwork()->IsUserOnline();
    const CString sNick = Message.GetNick().GetNick();
    const bool bKeep = !bOnline || !GetUser()->AutoClearQueryBuffer();
    if (bKeep || m_bListened || !m_sMark.empty()) AddTag(Message, security);
    LetTagsPass();
    if (bKeep && (kind == Kind::Text || kind == Kind::Action)) Buffer(Message, kind, sNick, "{target}");
    if (kind == Kind::Notice && !bOnline) Buffer(Message, kind, "", "{target}");
    GetNetwork()->PutUser(Message);
}

bool COtr::KeepsOwn(Kind kind) const {
    return kind != Kind::Notice && (!GetUser()->AutoClearQueryBuffer() || !GetNetwork()->IsUserOnline());
}

bool COtr::HearsOwn(CClient* pClient, CClient* pOrigin) {
    return pClient->HasEchoMessage() || (pClient != pOrigin && pClient->HasSelfMessage());
}

// Whether what the user said goes to anybody here: to the buffer, or to a client.
bool COtr::Echoes(Kind kind, CClient* pOrigin) const {
    if (kind == Kind::Ctcp || kind == Kind::CtcpReply) return false;
    const vector<CClient*>& vClients = GetNetwork()->GetClients();
    return KeepsOwn(kind) || std::any_of(vClients.begin(), vClients.end(),
                                         [&](CClient* pClient) { return HearsOwn(pClient, pOrigin); });
}

void COtr::Echo(CMessage Message, Kind kind, CClient* pOrigin, const std::string& security) {
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    CString sMask = GetNetwork()->GetIRCNick().GetNickMask();
    if (pIRC && pIRC->IsAuthed())
        sMask = pIRC->GetNickMask();
    else if (pOrigin)
        sMask = pOrigin->GetNickMask();
    Message.SetNick(CNick(sMask));
    if (KeepsOwn(kind) || m_bListened) AddTag(Message, security);
    if (KeepsOwn(kind)) Buffer(Message, kind, Message.GetParam(0), _NAMEDFMT(Message.GetParam(0)));
    for (CClient* pClient : GetNetwork()->GetClients())
        if (HearsOwn(pClient, pOrigin)) pClient->PutClient(Message);
}

// Into the query of that name; without one into the notices for the next login.
void COtr::Buffer(CMessage Message, Kind kind, const CString& sQuery, const CString& sTarget) {
    const CString sText = Text(Message, kind);
    Message.SetClient(nullptr);
    Message.SetNick(CNick(_NAMEDFMT(Message.GetNick().GetNickMask())));
    Message.SetParam(0, sTarget);
    SetText(Message, kind, "{text}");
    if (sQuery.empty())
        GetNetwork()->AddNoticeBuffer(Message, sText);
    else if (CQuery* pQuery = GetNetwork()->AddQuery(sQuery))
        pQuery->AddBuffer(Message, sText);
}
