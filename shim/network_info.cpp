// Who and where we are: our own mask, the network, the clients.
#include "otr.h"

wire::NetworkInfo COtr::NetworkInfo() const {
    wire::NetworkInfo now;
    now.connected = OnIRC();
    if (!m_sHost.empty()) now.mask = OwnNick() + "!" + m_sIdent + "@" + m_sHost;
    if (const unsigned uLength = ISupport("LINELEN", "512").ToUInt()) now.linelen = uLength;
    now.casemapping = ISupport("CASEMAPPING", "");  // not known before 005
    now.status_prefix = GetUser()->GetStatusPrefix();
    for (const char* szName : {"log", "savebuff"}) {
        const std::string name = szName;
        if (CZNC::Get().GetModules().FindModule(name)) now.loggers.push_back("global/" + name);
        if (GetUser()->GetModules().FindModule(name)) now.loggers.push_back("user/" + name);
        if (GetNetwork()->GetModules().FindModule(name)) now.loggers.push_back("network/" + name);
    }
    for (CClient* pClient : GetNetwork()->GetClients()) now.insecure_clients += !pClient->GetSSL();
    now.admin = GetUser()->IsAdmin();
    for (const CString& sPath : {GetNetwork()->GetNetworkPath(), GetUser()->GetUserPath()})
        now.old_data = now.old_data || CFile::Exists(sPath + "/moddata/otr/otr.key");
    return now;
}

void COtr::TellNetwork() {
    if (!m_bUp) return;
    m_bStale = false;
    m_bConnected = OnIRC();
    const std::string network = wire::Network(0, NetworkInfo());
    Held held(Held::What::Network);
    if (network != m_sNetwork && SendRequest(held)) m_sNetwork = network;
}

void COtr::OnIRCDisconnected() {
    m_sIdent.clear();
    m_sHost.clear();
    ReturnUnsent();
    ForgetAuthorizations();
    m_bAskedWho = false;
    m_bStale = true;  // ZNC still takes itself for connected here
}

// What a server says that it supports, so that clients read in it what ZNC does: they take names in small letters,
// a last word that is no text, codes of letters and what is taken back, and ZNC does not.
void COtr::NormalizeSupport(CMessage& Message) {
    VCString vsParams;
    for (const CString& sParam : Message.GetParams()) {
        if (vsParams.empty()) {
            vsParams.push_back(sParam);  // our nick
            continue;
        }
        if (HasBlank(sParam)) continue;  // the text behind them
        CString sKey = sParam.Token(0, false, "="), sValue = sParam.Token(1, true, "=");
        // Names of vendors and drafts stand as they are.
        if (sKey.find_first_of("/.") == CString::npos) sKey.MakeUpper();
        const bool bRanks = sKey == "STATUSMSG", bNames = bRanks || sKey == "CHANTYPES";
        if (sKey == "-STATUSMSG" || sKey == "-CHANTYPES") continue;
        if (bNames && sValue.find('\\') != CString::npos) continue;
        if (bRanks)
            sValue.erase(
                std::remove_if(sValue.begin(), sValue.end(), [](char c) { return !target::IsRank(c); }),
                sValue.end());
        vsParams.push_back(sParam.find('=') == CString::npos ? sKey : sKey + "=" + sValue);
    }
    vsParams.push_back("are supported by this server");
    Message.SetParams(vsParams);
}

CModule::EModRet COtr::OnNumericMessage(CNumericMessage& Message) {
    const auto isOwn = [&](unsigned u) { return Message.GetParam(u).Equals(OwnNick()); };
    switch (Message.GetCode()) {
        case 5:  // read by ZNC after this
            m_bStale = true;
            for (const CString& sToken : Message.GetParams())
                if (sToken.StartsWith("CASEMAPPING=")) ExpectLetters(sToken.substr(12));
            break;
        case 1: {  // "Welcome to the network nick!user@host", on some servers
            const CString sText = Message.GetParam(1);
            const CNick Nick(sText.substr(sText.rfind(' ') + 1));
            if (Nick.NickEquals(Message.GetParam(0))) Learn(Nick.GetIdent(), Nick.GetHost());
            break;
        }
        case 311:
            if (isOwn(1)) Learn(Message.GetParam(2), Message.GetParam(3));
            break;
        case 315:
            if (!m_bAskedWho || !isOwn(1)) break;
            m_bAskedWho = false;
            return HALT;
        case 352:
            if (isOwn(5)) Learn(Message.GetParam(2), Message.GetParam(3));
            if (m_bAskedWho && isOwn(5)) return HALT;
            break;
        case 396: {
            const CString sHost = Message.GetParam(1);
            const size_t uAt = sHost.find('@');
            if (uAt == CString::npos) {  // whatever became of the user name
                Learn(m_sIdent, sHost);
                AskWho();
            } else
                Learn(sHost.substr(0, uAt), sHost.substr(uAt + 1));
            break;
        }
    }
    return CONTINUE;
}

// Asks the server how it shows us to others, no more than once a minute.
void COtr::AskWho() {
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    m_bWantsWho = !OnIRC() || !pIRC->IsAuthed() || Now() - m_iWho < kWhoEvery;
    if (m_bWantsWho) return;
    m_iWho = Now();
    m_bAskedWho = true;
    PutIRC("WHO " + OwnNick());
}

void COtr::Learn(const CString& sIdent, const CString& sHost) {
    if (sIdent.empty() || sHost.empty()) return;
    m_sIdent = sIdent;
    m_sHost = sHost;
    m_bStale = true;
}

CString COtr::OwnNick() const {
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    return pIRC && pIRC->IsAuthed() ? pIRC->GetNick() : GetNetwork()->GetIRCNick().GetNick();
}

// What ZNC takes for ours in what the server says: before the server has welcomed us, the one that it asks for.
CString COtr::NickInZnc() const {
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    return pIRC ? pIRC->GetNick() : OwnNick();
}

CString COtr::ISupport(const CString& sKey, const CString& sDefault) const {
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    return pIRC ? pIRC->GetISupport(sKey, sDefault) : sDefault;
}

// By a rule that is not known here, any letters may be the same.
void COtr::ExpectLetters(const CString& sMapping) {
    for (const char* szKnown : {"", "ascii", "rfc1459", "rfc1459-strict", "strict-rfc1459"})
        if (sMapping.Equals(szKnown)) return;
    m_Closed.ExpectMoreLetters();
}

// Nicks whose letters only otrd can compare: it has all of Unicode, and we do not.
static bool HasMoreLetters(const CString& sMapping) {
    return sMapping.Equals("rfc7613") || sMapping.Equals("precis");
}

CString COtr::Fold(const CString& sNick) const {
    const CString sMapping = ISupport("CASEMAPPING", "rfc1459");
    const bool bStrict = sMapping.Equals("rfc1459-strict") || sMapping.Equals("strict-rfc1459");
    const bool bLetters = sMapping.Equals("ascii") || HasMoreLetters(sMapping);
    const CString sUpper = bLetters ? "" : bStrict ? "[]\\" : "[]\\^";
    CString sFolded = sNick.AsLower();
    for (char& c : sFolded) {
        const size_t u = sUpper.find(c);
        if (u != CString::npos) c = "{}|~"[u];
    }
    return sFolded;
}

bool COtr::Same(const CString& sNick, const CString& sOther) const {
    return sNick == sOther || Fold(sNick) == Fold(sOther);
}

// The person that a target is: a nick and nothing else, that is no channel, not ours and none of
// ZNC's; empty for all others. Before 005, IsChan() calls everything a channel.
CString COtr::Peer(const CString& sTarget) const {
    const bool bChannel = !sTarget.empty() && ISupport("CHANTYPES", "#&+!").find(sTarget[0]) != CString::npos;
    const bool bOther = bChannel || !target::IsBare(sTarget) || !wire::ValidNick(sTarget) ||
                        sTarget.StartsWith(GetUser()->GetStatusPrefix()) || sTarget.Equals(OwnNick());
    return bOther ? CString() : sTarget;
}

uint64_t COtr::Number(CClient* pClient) {
    if (!pClient) return 0;
    uint64_t& uNumber = m_Clients[pClient];
    if (!uNumber) uNumber = m_uNextClient++;
    return uNumber;
}

CClient* COtr::Client(uint64_t uNumber) const {
    for (CClient* pClient : GetNetwork()->GetClients()) {
        const auto it = m_Clients.find(pClient);
        if (it != m_Clients.end() && it->second == uNumber) return pClient;
    }
    return nullptr;
}
