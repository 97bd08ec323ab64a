// Text of the user's on its way to IRC: it is sent once, or comes back. ZNC's flood protection holds
// lines back, and drops them without a word when the connection ends; a nick may belong to somebody
// else by the time its line leaves.
#include "otr.h"

static const char* const kEnded = "the connection to IRC ended before it was sent";

// Bytes that the socket to IRC has been given so far.
static uint64_t Given(CIRCSock& Sock) {
    return Sock.GetBytesWritten() + Sock.GetInternalWriteBuffer().size();
}

// Whether lines can leave: a connection that was told to quit takes them and drops them.
bool COtr::OnIRC() const {
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    return pIRC && !pIRC->IsClosed() && GetNetwork()->IsIRCConnected();
}

// Lines that wait take memory of ZNC's: a worker could fill it, or a server that reads nothing.
bool COtr::IsCrowded(CIRCSock& Sock) const {
    if (m_Leaving.size() >= kMaxLeaving || Sock.GetInternalWriteBuffer().size() > kMaxToIRC) return true;
    size_t uBytes = 0;
    for (const Leaving& line : m_Leaving) uBytes += line.key.size() + line.text.size();
    return uBytes > kMaxToIRC;
}

// Hands a line to ZNC.
COtr::Sent COtr::Put(const CMessage& Message, const CString& sLine, const CString& sTo) {
    // Before the server has welcomed us it takes no text, and ZNC would send it all the same.
    if (!OnIRC()) return Sent::No;
    CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    if (IsCrowded(*pIRC)) {
        m_sWhyNot = "too much waits for the connection to IRC: try again later";
        return Sent::No;
    }
    const uint64_t uBefore = Given(*pIRC);
    m_sPutting = sLine;
    m_bPutBlocked = false;
    if (!PutIRC(Message)) {
        m_sPutting.clear();
        return Sent::No;
    }
    // Another module may have changed it on its way.
    const bool bLeft = m_sPutting.empty() || Given(*pIRC) != uBefore;
    m_sPutting.clear();
    if (m_bPutBlocked) return Sent::Blocked;
    if (bLeft) return Sent::Yes;
    Leaving line;
    line.key = GuardKey(CMessage(sLine));
    line.folded = Fold(sTo);
    m_Leaving.push_back(std::move(line));
    return Sent::Later;
}

// A text of the user's ends with the line that was put last.
void COtr::Carry(Sent sent, Leaving text, const CString& sWhyNot) {
    text.carries = true;
    switch (sent) {
        case Sent::Yes:
            // The echo follows the lines that it is of, and the connection may have ended in between.
            if (CIRCSock* pIRC = GetNetwork()->GetIRCSock())
                Left(text, Given(*pIRC));
            else
                Refuse(text.who, kEnded, text.text);
            break;
        case Sent::Later:
            if (m_Leaving.empty()) {
                Left(text, 0);
                break;
            }
            text.key = m_Leaving.back().key;
            text.folded = m_Leaving.back().folded;
            m_Leaving.back() = std::move(text);
            break;
        case Sent::No: Refuse(text.who, sWhyNot, text.text); break;
        case Sent::Blocked: Refuse(text.who, kMayReach, text.text); break;
    }
}

// Every line passes here as it leaves, whoever wrote it and on whatever way.
CModule::EModRet COtr::OnSendToIRC(CString& sLine) try {
    if (!m_sPutting.empty() && sLine == m_sPutting) {
        m_sPutting.clear();
        m_bPutBlocked = Blocked(sLine).has_value();
        return m_bPutBlocked ? HALT : CONTINUE;
    }
    std::optional<Leaving> ours = TakeLeaving(sLine);
    if (ours && !ours->moved.empty()) {
        ForgetAuthorization(ours->key);
        if (ours->carries) Refuse(ours->who, ours->moved, ours->text);
        return HALT;
    }
    const std::optional<CString> sGuarded = Blocked(sLine);
    if (!sGuarded) {
        if (ours) Left(*ours, Given(*GetNetwork()->GetIRCSock()) + sLine.size() + 2);
        return CONTINUE;
    }
    // Whoever it is for was not guarded when it was typed.
    if (ours && ours->carries)
        Refuse(ours->who, kMayReach, ours->text);
    else
        SayBlocked(*sGuarded, sLine);
    return HALT;
} catch (const std::exception& e) {
    Say(CString("A line to IRC was stopped, the otr module failed: ") + e.what(), Style::Bad);
    return HALT;
}

bool COtr::HasOtherModules() const {
    return !CZNC::Get().GetModules().empty() || !GetUser()->GetModules().empty();
}

// Whether ZNC is about to end, and the connection to IRC with it: by a signal, by restart, by shutdown. It
// says so to nobody, and takes out the modules of all first, those of networks last.
bool COtr::ZncEnds() const {
    return CZNC::Get().GetConfigState() == CZNC::ECONFIG_NEED_QUIT || std::current_exception() ||
           Now() - s_iShutdown <= 2 || (m_bOtherModules && !HasOtherModules());
}

// The module is unloaded, and ZNC still sends what it holds back, encrypted or in clear. The next instance, if
// ZNC loads one, stops the lines that must not reach their target any more.
void COtr::LeaveQueued() {
    for (Leaving& line : m_Leaving) {
        const bool bGuarded = Guarded(line.folded);
        const bool bEncrypted = m_AuthorizedLines.count(line.key) != 0;
        if (!bGuarded || (bEncrypted && line.moved.empty())) {
            Left(line, 0);
            continue;
        }
        ForgetAuthorization(line.key);
        const CString sWhy = line.moved.empty() ? CString("this conversation is private") : line.moved;
        if (line.carries)
            Refuse(line.who, sWhy + "; unless the otr module is loaded again, ZNC sends it all the same",
                   line.text);
    }
}

// The line of ours that ZNC held back, if this is one.
std::optional<Leaving> COtr::TakeLeaving(const CString& sLine) {
    CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    if (m_Leaving.empty() || !pIRC) return std::nullopt;
    const CString sKey = GuardKey(CMessage(sLine));
    const auto it = std::find_if(m_Leaving.begin(), m_Leaving.end(),
                                 [&](const Leaving& line) { return line.key == sKey; });
    if (it == m_Leaving.end()) return std::nullopt;
    // ZNC sends in order: what was put before has gone, changed by another module.
    for (auto uBefore = it - m_Leaving.begin(); uBefore > 0; uBefore--) {
        Left(m_Leaving.front(), Given(*pIRC));
        m_Leaving.pop_front();
    }
    Leaving line = std::move(m_Leaving.front());
    m_Leaving.pop_front();
    return line;
}

// A text was given to the socket, up to the byte `uEnd`.
void COtr::Left(Leaving& line, uint64_t uEnd) {
    if (!line.carries) return;
    CClient* pOrigin = Client(line.client);
    if (Echoes(line.kind, pOrigin)) Echo(*line.message, line.kind, pOrigin, line.security);
    ForgetWritten();
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    if (pIRC && pIRC->GetBytesWritten() < uEnd)
        m_Unwritten.push_back({uEnd, std::move(line.who), std::move(line.text)});
}

void COtr::ForgetWritten() {
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    while (pIRC && !m_Unwritten.empty() && m_Unwritten.front().end <= pIRC->GetBytesWritten())
        m_Unwritten.pop_front();
}

// The connection to IRC has ended: what it did not take comes back, and what otrd decides of lines
// that were typed before is not for the next one, where a nick may be somebody else's.
void COtr::ReturnUnsent() {
    ForgetWritten();
    for (const Unwritten& text : m_Unwritten) Refuse(text.who, kEnded, text.text);
    for (const Leaving& line : m_Leaving)
        if (line.carries) Refuse(line.who, line.moved.empty() ? CString(kEnded) : line.moved, line.text);
    m_Unwritten.clear();
    m_Leaving.clear();
    for (Held& held : m_Queue)
        if (held.what == Held::What::Out && held.moved.empty()) held.moved = kEnded;
    RefuseWaiting([](const Held&) { return true; }, kEnded);
}

// Lines that were typed for an otrd that is not back yet.
template <class F>
void COtr::RefuseWaiting(F fits, const CString& sWhy) {
    std::deque<Held> waiting;
    waiting.swap(m_Waiting);
    for (Held& held : waiting) {
        if (held.what == Held::What::Out && fits(held))
            Fail(held, sWhy);
        else
            m_Waiting.push_back(std::move(held));
    }
}

// A nick is not its owner's any more. What was typed for them before, and what otrd decided before
// it heard of that, comes back: the nick may be somebody else's by now.
void COtr::PeerMoved(const CString& sNick, const CString& sWhy) {
    const CString sFolded = Fold(sNick);
    const auto isTheirs = [&](const Held& held) { return held.folded == sFolded; };
    for (Held& held : m_Queue)
        if (held.what == Held::What::Out && isTheirs(held) && held.moved.empty()) held.moved = sWhy;
    const auto reaches = [&](const CString& sTo) {
        if (sTo == sFolded || target::IsBare(sTo)) return sTo == sFolded;
        const auto vNames = target::Names(sTo);  // nick@server and the like
        return std::find(vNames.begin(), vNames.end(), target::Fold(sNick)) != vNames.end();
    };
    for (Leaving& line : m_Leaving)
        if (line.moved.empty() && reaches(line.folded)) line.moved = sWhy;
    if (!m_Waiting.empty()) RefuseWaiting(isTheirs, sWhy);
    if (m_Moved.size() >= kMaxMoved) {
        m_uAllMoved = m_uNextId;
        m_Moved.pop_front();
    }
    m_Moved.push_back({sFolded, sWhy, kNotAsked});
}

// otrd was told of it by this request, or could not be told.
void COtr::MovedIsAsked(uint64_t uId) {
    for (Moved& moved : m_Moved)
        if (moved.id == kNotAsked) moved.id = uId;
}

// otrd has decided everything up to this request.
void COtr::ForgetMoved(uint64_t uId) {
    while (!m_Moved.empty() && m_Moved.front().id <= uId) m_Moved.pop_front();
    if (uId >= m_uAllMoved) m_uAllMoved = 0;
}

// Why a line that otrd has decided to send must not go to this nick; empty where it may.
CString COtr::WhyNotTo(const CString& sNick, const Held* pHead) const {
    const bool bOut = pHead && pHead->what == Held::What::Out && !pHead->moved.empty();
    if (bOut && Same(sNick, pHead->who)) return pHead->moved;
    if (m_uAllMoved) return "many people have changed nick or left meanwhile";
    if (m_Moved.empty()) return "";
    const CString sFolded = Fold(sNick);
    for (const Moved& moved : m_Moved)
        if (moved.folded == sFolded) return moved.why;
    return "";
}
