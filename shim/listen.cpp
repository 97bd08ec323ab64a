// Clients that asked to be told how conversations stand: `listen`. They and no others get OTR lines,
// and a tag on what persons say that tells what protected it. Neither comes from the network, ever.
#include "otr.h"

static const char* const kTag = "znc.in/otr";
static const size_t kMaxStates = 4096;  // conversations that clients are told of when they begin to listen

// The tag goes through ZNC under a name that nobody else knows, and under its own only to a client
// that listens: whatever else has that name is not ours. It is kept, for ZNC keeps lines to be read
// later with their tags, also while the module is not loaded.
void COtr::PrepareTag() {
    if (!IsIdentity(GetNV("tag"))) SetNV("tag", NewIdentity(), false);
    m_sTag = CString(kTag) + "-" + GetNV("tag");
    m_sListens = m_sTag + "-listens";
}

// No line has this tag: it only says of a client that it listens.
bool COtr::Listens(const CClient* pClient) const { return pClient && pClient->IsTagEnabled(m_sListens); }

bool COtr::IsListen(const CString& sLine) { return sLine.Token(0).Equals("listen"); }

// For the client that said it, and by nobody else: otrd knows no clients.
void COtr::Listen(const CString& sLine) {
    CClient* pClient = GetClient();
    const CString sRest = sLine.Token(1, true).Trim_n();
    const bool bOff = sRest.Equals("off");
    if (!pClient || (!bOff && !sRest.empty()))
        return Say(pClient ? "Usage: listen [off]" : "Only a client can listen.", Style::Bad);
    if (!bOff && m_bUp && !m_bHasState)
        return Say("This otrd does not tell how conversations stand: update it.", Style::Bad);
    pClient->SetTagSupport(m_sListens, !bOff);
    if (!bOff) pClient->SetTagSupport(m_sTag, true);
    m_bListened = m_bListened || !bOff;
    if (bOff) return Say("This client is no longer told how conversations stand.");
    Say("This client is told how conversations stand, until it says listen off or leaves.");
    TellAll(*pClient);
}

void COtr::TellAll(CClient& Client) {
    TellLink(Client, m_bTold ? "down" : "up");
    for (const auto& it : m_States) Tell(Client, it.first, it.second);
}

// Where otrd is gone, nothing that was private goes on before it is back.
void COtr::Tell(CClient& Client, const CString& sPeer, const wire::PeerState& now) {
    const bool bLost = m_bTold && now.state != "clear";
    TellOne(Client, sPeer, bLost ? "interrupted" : now.state, bLost ? "none" : now.trust,
            bLost ? "" : now.fingerprint, now.policy);
}

void COtr::TellLink(CClient& Client, const CString& sState) { TellOne(Client, "*", sState, "none", "", "-"); }

void COtr::TellOne(CClient& Client, const CString& sPeer, const CString& sState, const CString& sTrust,
                   const CString& sFingerprint, const CString& sPolicy) {
    m_bTelling = true;
    Client.PutClient(":" + GetUser()->GetStatusPrefix() + GetModName() + "!" + GetModName() + "@znc.in OTR " +
                     sPeer + " " + sState + " " + sTrust + " " +
                     (sFingerprint.empty() ? CString("-") : sFingerprint) + " :" + sPolicy);
    m_bTelling = false;
}

template <class F>
void COtr::ToListeners(F tell) {
    if (!m_bListened) return;
    const vector<CClient*> vClients = GetNetwork()->GetClients();
    for (CClient* pClient : vClients)
        if (Listens(pClient)) tell(*pClient);
}

// otrd says how a conversation stands.
void COtr::Stands(const CString& sPeer, const wire::PeerState& now) {
    ToListeners([&](CClient& Client) { Tell(Client, sPeer, now); });
    KeepInOverview(sPeer, now);
    const bool bKnown = m_States.count(sPeer) != 0;
    if (now.state == "clear" && now.policy != "required")
        m_States.erase(sPeer);
    else if (bKnown || m_States.size() < kMaxStates)
        m_States[sPeer] = now;
}

// The link to otrd is lost for longer than a moment, or is back.
void COtr::TellListeners() {
    ToListeners([&](CClient& Client) { TellAll(Client); });
}

// Another worker tells everything anew. Of whom it says nothing, nothing is private; whom the guard
// holds closed stays so until it does.
void COtr::ForgetStates() {
    std::map<CString, wire::PeerState> states;
    states.swap(m_States);
    ForgetOverview();
    for (auto& it : states) {
        const bool bClosed = Guarded(it.first);
        wire::PeerState now;
        now.state = bClosed ? "interrupted" : "clear";
        now.trust = "none";
        now.policy = it.second.policy;
        if (bClosed) m_States[it.first] = now;
        ToListeners([&](CClient& Client) { Tell(Client, it.first, now); });
    }
}

// The module goes: what is typed goes out in clear to everybody.
void COtr::TellUnloaded() {
    ToListeners([&](CClient& Client) {
        TellLink(Client, "unloaded");
        for (const auto& it : m_States) TellOne(Client, it.first, "clear", "none", "", it.second.policy);
    });
    for (CClient* pClient : GetNetwork()->GetClients()) {
        pClient->SetTagSupport(m_sListens, false);
        pClient->SetTagSupport(m_sTag, false);
    }
}

void COtr::AddTag(CMessage& Message, const std::string& security) const {
    if (!security.empty()) Message.SetTag(m_sTag, security);
}

// Whether any client could take this for our tag.
static bool IsTag(CString sName) {
    sName.erase(std::remove_if(sName.begin(), sName.end(), IsBlank), sName.end());
    return sName.TrimPrefix_n("+").Equals(kTag);
}

static bool HasTag(const MCString& Tags) {
    return std::any_of(Tags.begin(), Tags.end(), [](const auto& tag) { return IsTag(tag.first); });
}

static void RemoveTag(MCString& Tags) {
    for (auto it = Tags.begin(); it != Tags.end();) it = IsTag(it->first) ? Tags.erase(it) : std::next(it);
}

// The command as any client could read it: some read TAB and the like as blanks.
static CString CommandOf(const CMessage& Message) {
    const CString& sCommand = Message.GetCommand();
    const CNick& Nick = Message.GetNick();
    if (!sCommand.empty() && !HasBlank(sCommand) && !HasBlank(Nick.GetNick()) && !HasBlank(Nick.GetIdent()) &&
        !HasBlank(Nick.GetHost()))
        return sCommand;
    CString sLine = Message.ToString(CMessage::ExcludeTags);
    std::replace_if(sLine.begin(), sLine.end(), IsBlank, ' ');
    return sLine.Token(sLine.Trim_n().StartsWith(":") ? 1 : 0);
}

// Whether clients read a line otherwise than ZNC did. Behind a leading blank, ZNC takes the source for the
// command, or finds none, and writes a line of which clients see the source: neither ZNC nor the modules would
// have looked at who speaks.
static bool IsDistorted(const CString& sCommand) {
    const auto it = std::find_if_not(sCommand.begin(), sCommand.end(), IsBlank);
    return it == sCommand.end() || *it == ':' || *it == '@';
}

// Whether a name holds a blank, behind which clients would read the words of whoever chose it as a line of its
// own: ZNC writes names as they are. The last parameter alone is text.
static bool HasLineInside(const CMessage& Message) {
    const CNick& Nick = Message.GetNick();
    const VCString& vsParams = Message.GetParams();
    const auto holds = [](const CString& sName) { return sName.find(' ') != CString::npos || HasEnd(sName); };
    return Nick.GetNick().StartsWith(":") || holds(Nick.GetNick()) || holds(Nick.GetIdent()) ||
           holds(Nick.GetHost()) ||
           (!vsParams.empty() && std::any_of(vsParams.begin(), vsParams.end() - 1, holds));
}

// Stops a line of the server's that only we may say or that is not what it seems, and takes our tags out of
// all others.
bool COtr::BlockForged(CMessage& Message) const {
    const CString sCommand = CommandOf(Message);
    if (IsDistorted(Message.GetCommand()) || IsDistorted(sCommand)) return true;
    // ZNC takes one colon more off a source than clients do.
    if (Message.GetNick().GetNick().StartsWith(":")) return true;
    if (sCommand.size() == 3 && sCommand.Equals("OTR")) return true;
    // Some clients may read another command than ZNC does. A number may be a colour in somebody's host.
    if (sCommand != Message.GetCommand()) {
        const CMessage::Type type = CMessage(sCommand).GetType();
        if (type != CMessage::Type::Unknown && type != CMessage::Type::Numeric) return true;
    }
    if (Message.GetTags().empty()) return false;
    // ZNC hands it on as it is.
    const bool bTime = HasBlank(Message.GetTag("time"));
    if (!bTime && !HasTag(Message.GetTags()) && Message.GetTags().count(m_sTag) == 0) return false;
    MCString Tags = Message.GetTags();
    if (bTime) Tags.erase("time");
    RemoveTag(Tags);
    Tags.erase(m_sTag);
    Message.SetTags(Tags);
    return false;
}

// Every line to a client passes here, whoever wrote it.
CModule::EModRet COtr::OnSendToClientMessage(CMessage& Message) try {
    if (IsDistorted(Message.GetCommand()) || HasLineInside(Message)) return HALT;
    if (Message.GetCommand().size() == 3 && Message.GetCommand().Equals("OTR") && !m_bTelling) return HALT;
    const CString sSecurity = Message.GetTag(m_sTag);
    AddMark(Message, sSecurity);
    const MCString& Tags = Message.GetTags();
    if (Tags.empty()) return CONTINUE;
    if (Tags.count(m_sTag) == 0 && !HasTag(Tags)) return CONTINUE;
    MCString clean = Tags;
    RemoveTag(clean);
    clean.erase(m_sTag);
    if (!sSecurity.empty() && Listens(Message.GetClient())) clean[kTag] = sSecurity;
    Message.SetTags(clean);
    return CONTINUE;
} catch (const std::exception&) {
    return HALT;  // what would be said of it comes here, too
}
