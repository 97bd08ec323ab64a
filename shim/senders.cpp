// Who speaks, looked at on every line of the server before anything else sees it.
#include "otr.h"

// ZNC's own names: no server may use one, it would appear in that module's window, or in one that looks the
// same. Letters as a prefix are in nicks of people, too.
bool COtr::IsModuleName(const CString& sNick) const {
    const CString& sPrefix = GetUser()->GetStatusPrefix();
    if (sPrefix.empty()) return false;
    // Where a nick may begin with it, or all do, only whole names are.
    const bool bOfNicks = isalnum(static_cast<unsigned char>(sPrefix[0])) || strchr("[]\\`_^{|}", sPrefix[0]);
    if (!bOfNicks && !mark::Begins("", sPrefix)) return mark::Begins(sNick, sPrefix);
    CString sName = sNick;  // as clients show it
    sName.erase(std::remove_if(sName.begin(), sName.end(), IsBlank), sName.end());
    return IsModule(sName);
}

// A nick that may be ours: ZNC writes it into each line to the user, those of *otr among them.
static bool IsOwnName(const CString& sName) {
    return wire::ValidNick(sName) && sName.find('@') == CString::npos && !strchr("*$#&", sName[0]);
}

// A module of ZNC's by its whole name: masks, and `*` alone, begin as one.
bool COtr::IsModule(const CString& sName) const {
    const CString& sPrefix = GetUser()->GetStatusPrefix();
    if (sPrefix.empty() || sName.compare(0, sPrefix.size(), sPrefix) != 0) return false;
    const CString sModule = CString(sName.substr(sPrefix.size())).AsLower();
    return sModule == "status" || CZNC::Get().GetModules().FindModule(sModule) ||
           GetUser()->GetModules().FindModule(sModule) || GetNetwork()->GetModules().FindModule(sModule);
}

// Clients show what a server says of somebody, an error or that they are away, in the window of that name.
void COtr::RenameModules(CMessage& Message) const {
    const VCString& vsParams = Message.GetParams();
    for (unsigned u = 0; u + 1 < vsParams.size(); u++)
        if (IsModule(vsParams[u])) Message.SetParam(u, kOfNetwork + vsParams[u]);
}

// The user names that a server tells of somebody who has said nothing.
void COtr::LearnUsersOf(const CMessage& Message, const std::string& sSpeaker) {
    const CString& sCommand = Message.GetCommand();
    const auto learn = [this](const CString& sNick, const CString& sUser) {
        if (wire::ValidNick(sNick)) LearnUser(sNick, sUser);
    };
    if (sCommand.Equals("CHGHOST")) learn(sSpeaker, Message.GetParam(0));
    if (sCommand == "311") learn(Message.GetParam(1), Message.GetParam(2));  // WHOIS
    if (sCommand == "352") learn(Message.GetParam(5), Message.GetParam(2));  // WHO
    // USERHOST's nick*=+user@host, and NAMES with userhost-in-names.
    const bool bUserhost = sCommand == "302";
    if (!bUserhost && sCommand != "353") return;
    VCString vsNames;
    Message.GetParam(bUserhost ? 1 : 3).Split(" ", vsNames, false);
    for (const CString& sEach : vsNames) {
        const size_t uEnd = sEach.find(bUserhost ? '=' : '!');
        if (uEnd == CString::npos) continue;
        CString sNick = sEach.Left(uEnd), sUser = sEach.substr(uEnd + 1);
        if (bUserhost) {
            sNick.TrimSuffix("*");
            sUser.erase(0, 1);  // whether they are away
        }
        sNick.TrimLeft("~&@%+!");
        learn(sNick, sUser.Token(0, false, "@"));
    }
}

CModule::EModRet COtr::OnRawMessage(CMessage& Message) try {
    if (BlockForged(Message)) return HALT;
    CNick& Nick = Message.GetNick();
    const CString sCommand = Message.GetCommand().AsUpper();
    if (IsModuleName(Nick.GetNick())) Nick.SetNick(kOfNetwork + Nick.GetNick());
    const CString sName = Message.GetParam(0);
    if (sCommand == "NICK") {
        m_bOwnNick = Nick.NickEquals(NickInZnc());  // ZNC takes it over before it tells us
        if (!m_bOwnNick && IsModuleName(sName)) Message.SetParam(0, kOfNetwork + sName);
    }
    const bool bOurs = Nick.NickEquals(NickInZnc()) || Nick.NickEquals(OwnNick());
    if ((sCommand == "001" || (sCommand == "NICK" && bOurs)) && (!IsOwnName(sName) || IsModuleName(sName))) {
        Say("The server calls you " + Quoted(sName) + ", which is no nick: this was ignored.", Style::Bad);
        return HALT;
    }
    if (sCommand == "CHGHOST") {
        if (HasBlank(sName) || HasBlank(Message.GetParam(1))) return HALT;
        if (Nick.NickEquals(OwnNick())) Learn(sName, Message.GetParam(1));
    }
    if (sCommand == "005") NormalizeSupport(Message);
    RenameModules(Message);
    if (!m_Closed.Any() && !m_Required.Any()) return CONTINUE;
    const std::string sSpeaker(target::Speaker(Nick.GetNick()));
    LearnUsersOf(Message, sSpeaker);
    const bool bWords = sCommand == "PRIVMSG" || sCommand == "NOTICE";
    if (!bWords || IsOurChannel(sName)) {
        LearnUser(sSpeaker, Nick.GetIdent());
        return CONTINUE;
    }
    if (!bOurs) CloseByAddress(sSpeaker, Nick);
    LearnSpeaker(sSpeaker, Nick);
    // What we said ourselves, as the server has it, was not encrypted either.
    const guard::Level level =
        std::max(m_Closed.OfSpeaker(sSpeaker), bOurs ? LevelOf(sName) : guard::Level::Open);
    if (level == guard::Level::Closed && !IsForOtrd(Message)) {
        MarkClear(Message);
        AddTag(Message, kClear);
    }
    return CONTINUE;
} catch (const std::exception& e) {
    Say(CString("A line of the server's was stopped, the otr module failed: ") + e.what(), Style::Bad);
    return HALT;
}

// Somebody with another nick writes from where one who is closed does: a client that takes them for the same
// person writes to that nick in the window of the private conversation.
void COtr::CloseByAddress(const std::string& sName, const CNick& Nick) {
    if (Nick.GetHost().empty() || m_Closed.Holds(sName) != guard::Level::Open) return;
    if (!m_Closed.IsMet(Nick.GetIdent() + "@" + Nick.GetHost())) return;
    CloseOne(sName);
    StoreAtOnce();
    Say("[" + Quoted(sName) +
            "] They write from the address of somebody with whom a conversation is private, and some clients take "
            "them for one: nothing goes out to them in clear until you say finish " +
            Quoted(sName) + ".",
        Style::Bad);
}

void COtr::LearnSpeaker(const std::string& sName, const CNick& Nick) {
    LearnUser(sName, Nick.GetIdent());
    if (!Nick.GetHost().empty()) m_Closed.Met(sName, Nick.GetIdent() + "@" + Nick.GetHost());
}

// Clear words that stand beside encrypted ones, as otrd knows it or the guard alone.
bool COtr::IsUnexpected(const Effect& effect) const {
    return effect.security == kClear &&
           (effect.unexpected || m_Closed.OfSpeaker(wire::NickOf(effect.who)) == guard::Level::Closed);
}

void COtr::LearnUser(const std::string& sName, const CString& sUser) {
    if (sUser.empty()) return;
    const auto uBefore = m_Closed.Changes();
    m_Closed.Learn(sName, sUser);
    m_Required.Learn(sName, sUser);
    if (m_Closed.Changes() != uBefore && m_Closed.Holds(sName) == guard::Level::Closed) StoreAtOnce();
}

// What a person says to us, as otrd reads it. The rest is shown as ZNC shows it.
bool COtr::IsForOtrd(const CMessage& Message) const {
    const CNick& Nick = Message.GetNick();
    const CString sMask = Nick.GetNickMask();
    // A server has no `!`; what comes back from ourselves is no peer's.
    return sMask.find('!') != CString::npos && wire::ValidMask(sMask) && !Nick.NickEquals(NickInZnc()) &&
           Message.GetParam(0).Equals(NickInZnc());
}

// A channel that we are in, or those of a rank in it, to every client: by RFC 2811 and by what the server
// says now. What a client takes for no channel it shows as said to the user.
bool COtr::IsOurChannel(const CString& sTarget) const {
    // As our own nick is, the most frequent one. `+&room` may be a channel all the same.
    if (target::IsBare(sTarget) && !target::IsRank(sTarget.front())) return false;
    const CString sRanks = ISupport("STATUSMSG", ""), sTypes = ISupport("CHANTYPES", "#&");
    const auto isRank = [&](char c) { return target::IsRank(c) && sRanks.find(c) != CString::npos; };
    const auto it = std::find_if_not(sTarget.begin(), sTarget.end(), isRank);
    const CString sName = sTarget.substr(static_cast<size_t>(it - sTarget.begin()));
    return !sName.empty() && sTypes.find(sName[0]) != CString::npos && !target::MayBePerson(sName) &&
           GetNetwork()->FindChan(sName);
}

// As otrd does it: clients answer CTCP by themselves, in clear, so it is shown as text.
void COtr::MarkClear(CMessage& Message) {
    CString sText = Message.GetParam(1);
    static const CString sAction = "\001ACTION ";
    if (sText.compare(0, sAction.size(), sAction) == 0)
        sText.insert(sAction.size(), kNotEncrypted);
    else if (!sText.empty() && sText[0] == 1)
        sText = CString(kNotEncrypted) + "CTCP " + sText.Replace_n("\001", "");
    else
        sText = kNotEncrypted + sText;
    Message.SetParam(1, sText);
}

// otrd takes somebody for one with whom nothing was private, and the guard knows better.
void COtr::MarkIfClosed(Held& held) const {
    const CString sShown = held.message->GetNick().GetNick();  // may be a newer nick
    if (std::max(m_Closed.OfSpeaker(wire::NickOf(held.who)), m_Closed.OfSpeaker(sShown)) !=
        guard::Level::Closed)
        return;
    MarkClear(*held.message);
    if (held.kind == Kind::Ctcp) held.kind = Kind::Text;
    if (held.kind == Kind::CtcpReply) held.kind = Kind::Notice;
}
