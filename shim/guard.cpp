// The guard: no line in clear to whom otrd protects, and who that is now.
#include "otr.h"

// Whether a line must not go to IRC: it carries words to a guarded peer that no `send` ordered.
bool COtr::Stop(const CString& sLine) {
    if (!GuardsAnything()) return false;
    if (m_bSends && sLine == m_sSent) {
        m_bSends = false;
        return false;
    }
    if (!HasEnd(sLine)) return StopOne(sLine);
    VCString vsPieces;  // some servers end a line at a lone CR
    sLine.Replace_n("\r", "\n").Replace_n(CString(1, '\0'), "\n").Split("\n", vsPieces, false);
    return std::any_of(vsPieces.begin(), vsPieces.end(),
                       [&](const CString& sPiece) { return StopOne(sPiece); });
}

bool COtr::StopOne(const CString& sLine) {
    const CMessage Message(sLine);
    const CString sCommand = Message.GetCommand().AsUpper();
    const bool bTags = sCommand == "TAGMSG";
    if (!bTags && sCommand != "PRIVMSG" && sCommand != "NOTICE" && sCommand != "CPRIVMSG" &&
        sCommand != "CNOTICE")
        return false;
    KeepOrder();
    if (TakeOrder(Order(Message))) return false;
    VCString vsTargets;
    Message.GetParam(0).Split(",", vsTargets, false);
    for (const CString& sTarget : vsTargets)
        if (Guarded(sTarget) || MayBeGuarded(sTarget)) {
            if (!bTags) Say("[" + sTarget + "] Stopped, it was not encrypted: " + sLine, Style::Bad);
            return true;
        }
    return false;
}

// Whether this line was ordered; it is from now on no more.
bool COtr::TakeOrder(const CString& sOrder) {
    const auto it = m_Ordered.find(sOrder);
    if (it == m_Ordered.end()) return false;
    if (--it->second == 0) m_Ordered.erase(it);
    return true;
}

// The line of `send` did not go as it is and at once: ZNC sends it later, or a module changed it.
void COtr::KeepOrder() {
    if (m_bSends) m_Ordered[Order(CMessage(m_sSent))]++;
    m_bSends = false;
}

void COtr::ForgetOrders() {
    m_bSends = false;
    m_Ordered.clear();
}

// A line of `send` as the guard knows it again.
CString COtr::Order(const CMessage& Message) const {
    const CString sTarget = Fold(Message.GetParam(0));
    return Message.GetCommand().AsUpper() + " " + sTarget + " :" + Message.GetParam(1);
}

bool COtr::Guarded(const CString& sTarget) const {
    if (m_vGuarded.empty()) return false;
    const CString sPeer = Fold(Peer(sTarget));
    return !sPeer.empty() && std::any_of(m_vGuarded.begin(), m_vGuarded.end(),
                                         [&](const CString& s) { return Fold(s) == sPeer; });
}

// Whether this may be another spelling of a guarded nick. What otrd lets pass is ordered.
bool COtr::MayBeGuarded(const CString& sTarget) const {
    const auto isMore = [](const CString& s) {
        return std::any_of(s.begin(), s.end(), [](unsigned char c) { return c >= 0x80; });
    };
    return !m_vGuarded.empty() && KnowsMoreLetters() && !Peer(sTarget).empty() &&
           (isMore(sTarget) || std::any_of(m_vGuarded.begin(), m_vGuarded.end(), isMore));
}

void COtr::Protect(const CString& sPeer, bool bOn) {
    const CString sFolded = Fold(sPeer);
    m_vGuarded.erase(std::remove_if(m_vGuarded.begin(), m_vGuarded.end(),
                                    [&](const CString& s) { return Fold(s) == sFolded; }),
                     m_vGuarded.end());
    if (bOn) m_vGuarded.push_back(sPeer);
    SetNV("guard", CString(" ").Join(m_vGuarded.begin(), m_vGuarded.end()));
}

void COtr::OnNickMessage(CNickMessage& Message, const vector<CChan*>&) {
    const CString sOld = Message.GetOldNick(), sNew = Message.GetNewNick();
    if (sNew.Equals(OwnNick())) return Learn(Message.GetNick().GetIdent(), Message.GetNick().GetHost());
    Held held(Held::What::Nick, sOld, sNew);
    Rename(m_Queue, sOld, sNew);
    Rename(m_Waiting, sOld, sNew);
    if (!Same(sOld, sNew)) PeerMoved(sOld, sOld + " is now known as " + sNew);
    if (!wire::ValidNick(held.who) || !wire::ValidNick(held.text)) return MovedIsAsked(m_uNextId - 1);
    const bool bGuarded = Guarded(sOld);
    if (bGuarded) Protect(sNew, true);  // no gap until otrd says so
    const bool bMay = bGuarded || m_Queue.size() <= kMaxHeld / 2;
    if (!bMay || (!Ask(held) && !Keep(held))) MovedIsAsked(m_uNextId - 1);
}

void COtr::Rename(std::deque<Held>& queue, const CString& sOld, const CString& sNew) {
    for (Held& held : queue)
        if (held.what == Held::What::In && held.message.GetNick().NickEquals(sOld))
            held.message.GetNick().SetNick(sNew);
}

void COtr::OnQuitMessage(CQuitMessage& Message, const vector<CChan*>&) {
    Held held(Held::What::Quit, Message.GetNick().GetNick());
    PeerMoved(held.who, held.who + " has left IRC");
    // A netsplit must not fill the queue.
    const bool bMay = wire::ValidNick(held.who) &&
                      (m_Queue.size() <= kMaxHeld / 2 || Guarded(held.who));
    if (!bMay || (!Ask(held) && !Keep(held))) MovedIsAsked(m_uNextId - 1);
}

void COtr::OnJoinMessage(CJoinMessage& Message) {
    const CNick& Nick = Message.GetNick();
    if (Nick.NickEquals(OwnNick())) return Learn(Nick.GetIdent(), Nick.GetHost());
    Held held(Held::What::Join, Nick.GetNick());
    if (Guarded(held.who)) Ask(held);
}
