// The link to otrd: connecting, asking, and what becomes of requests when it is lost.
#include "otr.h"

std::set<COtr*> COtr::s_All;
long COtr::s_iShutdown = -kWhoEvery;

// While ZNC reads its configuration, the users in it are not there yet.
bool COtr::IsUserKnown() const { return CZNC::Get().FindUser(GetUser()->GetUsername()) == GetUser(); }

bool COtr::OnLoad(const CString& sArgs, CString& sMessage) {
    const bool bDamaged = RegistryIsDamaged();
    VCString vsArgs;
    sArgs.Split(" ", vsArgs, false);
    for (CString& sArg : vsArgs) {
        if (!sArg.TrimPrefix("socket=") || (!sArg.empty() && sArg[0] != '/')) {
            sMessage = "Unknown argument: load otr with socket=/PATH or with nothing";
            return false;
        }
        // ZNC would connect anywhere, for anybody. What znc.conf says, an admin may have written.
        const VCString vsUsual = DefaultSockets();
        const bool bUsual = std::find(vsUsual.begin(), vsUsual.end(), sArg) != vsUsual.end();
        if (!sArg.empty() && !bUsual && IsUserKnown() && !GetUser()->IsAdmin()) {
            sMessage = "Only an admin of ZNC may load otr with another socket than the usual ones";
            return false;
        }
        SetNV("socket", sArg, false);
        DelNV("used", false);
    }
    m_iGone = Now();
    s_All.insert(this);
    PrepareTag();
    LoadMark();
    Recall(bDamaged);
    InheritAuthorizations();
    SayLost();
    if (IsUserKnown()) KeepLoaded();
    AddTimer(new COtrTimer(this));
    if (GetNetwork()->IsIRCConnected()) {
        AskWho();  // else 001 makes ZNC ask
    }
    Connect();
    if (m_pSock)
        m_iGrace = Now() + kReconnectGrace;  // otrd is there: what is typed waits until it has answered
    return true;
}

// This network under another name: ZNC loads the module there before it takes this one out, and has
// sent its clients away by then.
COtr* COtr::Heir() const {
    const CString sIdentity = GetNV("identity");
    for (COtr* pOther : s_All)
        if (pOther != this && pOther->GetUser() == GetUser() && pOther->GetNV("identity") == sIdentity)
            return pOther;
    return nullptr;
}

// What nobody has been told, and whom ZNC's copy of the registry may not have yet.
void COtr::Inherit(const COtr& Former) {
    for (const std::string& name : Former.m_Closed.Names()) CloseOne(name);
    for (const std::string& name : Former.m_Closed.Asked()) m_Closed.Pend(name);
    if (Former.m_Closed.Everybody()) m_Closed.CloseEverybody();
    for (const Unread& line : Former.m_Backlog) PutOrKeep(line.text, line.own);
    m_uDropped += Former.m_uDropped;
}

COtr::~COtr() {
    s_All.erase(this);
    COtr* pHeir = Heir();
    StoreClosed(true);
    TellUnloaded();
    const bool bZncEnds = ZncEnds();
    if (!pHeir && !bZncEnds) SayUnguarded();
    m_bTold = m_bEnding = true;
    if (bZncEnds)
        ReturnUnsent();
    else {
        LeaveQueued();
        LeaveAuthorizations();
    }
    const bool bUp = m_bUp, bReads = pHeir || GetNetwork()->IsUserAttached();
    if (bUp) {
        m_sUnsent += wire::Bye("unloaded", "module unloaded", m_uReceived, bReads);
        Flush();
    }
    Lost("the module is being unloaded");
    // otrd sees to OTR lines, and to the texts that wait with it where nobody reads them here.
    if (bUp && !bReads) m_Kept.clear();
    GiveBack("the module is being unloaded");
    for (std::deque<Held>* pQueue : {&m_Queue, &m_Waiting})
        for (Held& held : *pQueue)
            if (!bUp && held.what == Held::What::In && !held.done) PassIn(held);
    COtrSock::RetireAllOf(this);
    if (pHeir)
        pHeir->Inherit(*this);
    else
        LeaveUnread(bZncEnds);
    // Whoever gets this user's name later is another person, and must not find what was theirs. A user
    // whose configuration ZNC could not load is deleted, too, but before ZNC runs.
    if (m_bRuns && GetUser()->IsBeingDeleted()) ClearNV();
}

void COtr::Connect() {
    const int iFd = OpenSocket();
    m_iError = iFd < 0 ? errno : 0;
    if (iFd < 0) return Lost(strerror(m_iError));
    m_pSock = new COtrSock(this);
    m_LineBuffer = wire::LineBuffer();
    m_pSock->ConnectFD(iFd, iFd, "otrd", false, Csock::OUTBOUND);
    GetManager()->AddSock(m_pSock, "otrd");
    m_iAlive = Now();
    m_sWhy = "it has not answered yet";
    m_bRefused = false;
    m_uHello = m_uNextId++;
    m_sUnsent = wire::Hello(m_uHello, {GetUser()->GetUsername(),
                                       GetNetwork()->GetName(),
                                       kVersion,
                                       CZNC::GetVersion(),
                                       m_sInstance,
                                       m_uReceived,
                                       m_bGivenBack,
                                       GetNV("identity"),
                                       !GetNV("by_name").empty(),
                                       m_Closed.Salt(),
                                       m_Closed.Hashes(),
                                       m_Closed.Everybody(),
                                       !GetNV("required").empty(),
                                       {"state"}});
    Flush();
}

void COtr::Disconnect() {
    m_sUnsent.clear();
    if (m_pSock) {
        m_pSock->Orphan();
        m_pSock = nullptr;
    }
}

// What was decided before is answered next, from where we were; the rest is asked (again).
void COtr::Welcome(const wire::Incoming& in) {
    m_bUp = true;
    m_iUp = m_iAlive = Now();
    RememberSocket();
    ConfirmIdentity();
    std::deque<Held> queue, again;
    queue.swap(m_Queue);
    for (Held& held : queue) {
        if (in.last_processed && held.id <= *in.last_processed)
            m_Queue.push_back(std::move(held));
        else if (!held.done && (held.what == Held::What::In || in.last_processed || IsForLater(held)))
            again.push_back(std::move(held));
        else if (!held.done && held.what == Held::What::Out)
            Refuse(held.who, "otrd was restarted", held.text);
        else if (!held.done && held.IsCommand() && !IsOverview(held))
            Say("otrd was restarted before it answered: say that again.", Style::Bad);
    }
    const bool bRestarted = !in.last_processed && m_bWasUp;
    m_bHasState = in.has_state;
    m_bNoOverview = false;
    if (!in.last_processed) {
        m_uReceived = 0;
        GiveBackKept("otrd was restarted");
    }
    m_bWasUp = true;
    m_uAcked = m_uReceived;
    m_bGivenBack = false;
    const vector<std::string> vAsked = in.last_processed ? vector<std::string>() : m_Closed.Asked();
    m_Closed.LiftAll();
    for (const std::string& nick : in.pending) m_Closed.Pend(nick);
    for (const std::string& nick : in.protect) CloseOne(nick);
    if (in.everybody) m_Closed.CloseEverybody();
    SetRules(in.rules);
    for (const std::string& sName : vAsked)
        if (!Guarded(sName)) CloseForgotten(sName);
    const bool bWasTold = std::exchange(m_bTold, false);
    if (!in.last_processed) ForgetStates();
    if (bWasTold) TellListeners();
    TellNetwork();
    std::move(m_Waiting.begin(), m_Waiting.end(), std::back_inserter(again));
    m_Waiting.clear();
    for (Held& held : again) {
        if (held.what == Held::What::Network) continue;
        if (!held.moved.empty())
            Fail(held, held.moved);
        else if (!SendRequest(held))
            Fail(held, Trouble());
    }
    MovedIsAsked(m_uNextId - 1);
    if (bWasTold)
        Say("otrd is back.", Style::Good);
    else if (bRestarted)
        Say("otrd was restarted and is back.", Style::Good);
}

// The user asked for a private conversation with them, and no rule requires one. Another otrd, or one that has
// lost its files, knows nothing of it and opens nobody.
void COtr::CloseForgotten(const std::string& sName) {
    if (Requires(sName)) return;
    CloseOne(sName);
    Say("[" + Quoted(sName) +
            "] A private conversation was asked for, and otrd does not know of it any more: nothing goes "
            "out in clear until you say finish " +
            Quoted(sName) + ".",
        Style::Bad);
}

// otrd ends the connection. It has read nothing that it did not answer: whoever comes next is asked.
void COtr::SaidBye(const wire::Incoming& in) {
    if (in.bye != wire::ByeReason::None) {
        std::move(m_Waiting.begin(), m_Waiting.end(), std::back_inserter(m_Queue));
        m_Waiting.clear();
        for (Held& held : m_Queue) {
            if (held.done || held.what == Held::What::Network) continue;
            if (!held.moved.empty()) {
                Fail(held, held.moved);
                continue;
            }
            held.since = Now();
            m_Waiting.push_back(std::move(held));
        }
        m_Queue.clear();
    }
    m_bTakenOver = !in.reconnect;
    Lost("otrd said goodbye: " + Clean(in.why));
    if (m_bTakenOver) GiveBack(Trouble());
}

// The user wants it here again, whoever has it now.
void COtr::TakeBack() {
    m_bTakenOver = false;
    m_iBackoff = 1;
    m_iGrace = Now() + kReconnectGrace;
    Connect();
}

// The link is gone, or as good as gone: nothing goes out. What is under way is in doubt: the next
// hello tells whether it was decided.
void COtr::Lost(const CString& sWhy, bool bRefused) {
    const bool bTried = m_pSock && !m_bUp;
    Disconnect();
    const bool bUp = m_bUp, bSettled = bUp && Now() - m_iUp >= kSettled;
    if (bUp) m_iLost = m_iGone = Now();
    if (bUp && !m_bTakenOver) m_iGrace = Now() + kReconnectGrace;
    if (bTried && !m_bEnding && TryNextSocket()) return;
    m_bUp = false;
    m_sWhy = sWhy;
    m_bRefused = bRefused;
    m_sNetwork.clear();
    if (bSettled) m_iBackoff = 1;
    m_iNext = Now() + (InGrace() && m_iBackoff <= kQuickBackoff ? 0 : m_iBackoff);
    if (bUp || !InGrace()) m_iBackoff = std::min(kMaxBackoff, m_iBackoff * 2);
    if (!InGrace()) SayTrouble();
}

// Once for each time that otrd is away.
void COtr::SayTrouble() {
    if (m_bTold) return;
    m_bTold = true;
    TellListeners();
    const CString sUntil = m_bTakenOver ? " Until then," : " Until it is back,";
    Say(Trouble() + sUntil + " private messages are not sent, arriving ones not checked.", Style::Bad);
}

// One of us is wrong about what was said: nothing is in doubt any more.
void COtr::Broken(const CString& sWhy) {
    Lost(sWhy);
    GiveBack(Trouble());
}

// The link did not come back in time: what was typed comes back, what arrived is shown. OTR lines
// are of use to the next otrd only.
void COtr::GiveBack(const CString& sWhy) {
    SayTrouble();
    m_iGrace = 0;
    const bool bSaid = std::exchange(m_bGivenBack, true);
    if (m_pSock && !m_bUp &&
        !bSaid) {  // a hello is on its way that does not say so yet: there has to be another
        Disconnect();
        m_iNext = Now();
    }
    for (Held& held : m_Queue)
        if (!IsForLater(held)) GiveUp(held, sWhy);
    GiveBackKept(sWhy);
    m_Moved.clear();  // the worker drops what it would have sent
    m_uAllMoved = 0;
    std::deque<Held> waiting;
    waiting.swap(m_Waiting);
    for (Held& held : waiting) {
        if (IsForLater(held))
            m_Waiting.push_back(std::move(held));
        else
            Fail(held, sWhy);
    }
}

void COtr::EndGrace() {
    m_iGrace = 0;
    const bool bHolds = !m_Queue.empty() || !m_Kept.empty();
    const bool bKeeps =
        std::any_of(m_Waiting.begin(), m_Waiting.end(), [&](const Held& held) { return !IsForLater(held); });
    if (bHolds || bKeeps) GiveBack(Trouble());
    if (!m_pSock) SayTrouble();
}

void COtr::GiveUp(Held& held, const CString& sWhy) {
    if (held.done) return;
    Fail(held, sWhy);
    held.done = true;
    held.text.clear();
    held.call.reset();
    held.message.reset();
}

void COtr::GiveBackKept(const CString& sWhy) {
    for (const auto& it : m_Kept) Refuse(it.second.who, sWhy, it.second.text);
    m_Kept.clear();
}

void COtr::GiveBackKept(const vector<uint64_t>& ids, const CString& sWhy) {
    for (const uint64_t uId : ids) {
        const auto it = m_Kept.find(uId);
        if (it == m_Kept.end()) continue;
        Refuse(it->second.who, sWhy, it->second.text);
        m_Kept.erase(it);
    }
}

// Lets otrd forget what we have taken.
void COtr::Acknowledge() {
    if (!m_bUp || m_uAcked == m_uReceived) return;
    m_uAcked = m_uReceived;
    m_sUnsent += wire::Ack(m_uReceived);
}

CString COtr::Trouble() const {
    const CString sWhy = m_bUp ? CString("too much is waiting") : m_sWhy;
    if (m_bTakenOver)
        return "Another ZNC, or another otr module, has taken this account over. Say something to " +
               GetUser()->GetStatusPrefix() + GetModName() + " to have it here again.";
    if (m_bRefused)
        return "otrd does not take this module (" + CString(kVersion) + "): " + sWhy + " (" + m_sPath + ").";
    const int iError = m_bUp ? 0 : m_iError;
    const bool bMayRun = iError != 0 && iError != ENOENT && iError != ECONNREFUSED;
    return CString(bMayRun ? "otrd cannot be reached: " : "otrd is not running or not answering: ") + sWhy +
           " (" + m_sPath + "). " + Advice(iError);
}

// Sends a request and queues it. False: behave as with the daemon gone; `held` is untouched.
bool COtr::SendRequest(Held& held) {
    if (!m_pSock || !m_bUp) return false;
    // The surroundings are looked at when they may have changed, not for each message.
    const bool bStale = m_bStale || m_bConnected != OnIRC();
    if (bStale && held.what != Held::What::Network) TellNetwork();
    if (held.what == Held::What::Out && m_Closed.IsForgotten(held.who)) CloseForgotten(held.who);
    held.id = m_uNextId++;
    if (held.what == Held::What::Nick || held.what == Held::What::Quit) MovedIsAsked(held.id);
    const std::string line = Line(held);
    if (m_Queue.size() >= kMaxHeld || line.size() > wire::kMaxLine ||
        m_pSock->GetInternalWriteBuffer().size() + m_sUnsent.size() + line.size() > kMaxUnsent)
        return false;
    const bool bIdle = m_Queue.empty();
    if (bIdle) m_iAlive = Now();
    m_Queue.push_back(std::move(held));
    // While an answer is awaited, requests gather: one write for many, and the answer sends them.
    m_sUnsent += line;
    if (bIdle || m_sUnsent.size() >= kGather) Flush();
    return true;
}

void COtr::Flush() {
    if (m_pSock && !m_sUnsent.empty()) m_pSock->Write(m_sUnsent.data(), m_sUnsent.size());
    m_sUnsent.clear();
}

// Keeps for the next otrd what only it can make sense of, and for a moment everything.
bool COtr::Defer(Held& held) {
    size_t uBytes = held.text.size();
    for (const Held& other : m_Waiting) uBytes += other.text.size();
    const bool bFull = m_Waiting.size() >= kMaxWaiting || uBytes > kMaxWaitingBytes;
    const bool bGrace = InGrace();
    if (bFull && bGrace) GiveBack(Trouble());
    if (bFull || (!bGrace && !IsForLater(held))) return false;
    held.since = Now();
    m_Waiting.push_back(std::move(held));
    return true;
}

// OTR lines, and who a guarded peer is now.
bool COtr::IsForLater(const Held& held) const {
    return (held.what == Held::What::In && IsOtr(held.text)) ||
           (held.what == Held::What::Nick && Guarded(held.who));
}

std::string COtr::Line(const Held& held) const {
    switch (held.what) {
        case Held::What::Network: return wire::Network(held.id, NetworkInfo());
        case Held::What::Out:
            return wire::Out(held.id, held.who, held.kind, held.text, held.client,
                             LevelOf(held.who) == guard::Level::Closed);
        case Held::What::In: return wire::In(held.id, held.who, held.kind, held.text);
        case Held::What::Command: return wire::Command(held.id, held.text);
        case Held::What::Typed: return TypedLine(held);
        case Held::What::Nick: return wire::Nick(held.id, held.who, held.text);
        case Held::What::Quit: return wire::Quit(held.id, held.who);
        case Held::What::Join: return wire::Join(held.id, held.who);
    }
    return "";
}

void COtr::Tick() try {
    m_bRuns = true;
    m_bOtherModules = HasOtherModules();
    KeepLoaded();
    if (!m_pSock && !m_bTakenOver && Now() >= m_iNext)
        Connect();
    else if (m_pSock && (!m_bUp || !m_Queue.empty()) && Now() - m_iAlive > kMaxSilence) {
        Lost("no answer for " + CString(kMaxSilence) + " s");
        SayTrouble();  // the user has waited long enough
    }
    if (m_iGrace && !m_bUp && !InGrace()) EndGrace();
    ForgetWritten();
    if (m_bWantsWho || (m_sHost.empty() && Now() > m_iWhoLater && OnIRC())) AskWho();
    TellNetwork();
    StoreClosed(false);
    Acknowledge();
    Flush();
    if (!m_bUp && Now() - m_iLost > kMaxWait)
        for (Held& held : m_Queue) GiveUp(held, Trouble());
    while (!m_Waiting.empty() && Now() - m_Waiting.front().since > kMaxWait) {
        Held held = std::move(m_Waiting.front());
        m_Waiting.pop_front();
        Fail(held, Trouble());
    }
    if (GetNetwork()->IsUserAttached()) Replay();
} catch (const std::exception& e) {
    Say(CString("The otr module failed: ") + e.what(), Style::Bad);
}

void COtr::OnLine(const std::string& line) try {
    using What = wire::Incoming::What;
    const wire::Incoming in = wire::Parse(line);
    const bool bFailed = in.what == What::Failed;
    if (in.what == What::Bye) return SaidBye(in);
    if (in.what == What::Unknown) return;
    if (!m_bUp) {
        if (in.what == What::Welcome && in.id == m_uHello) return Welcome(in);
        if (bFailed && in.code == wire::kIdentityInUse) return TakeNewIdentity();
        return Lost(bFailed ? Clean(in.why) : CString("otrd sent something that is no answer"), bFailed);
    }
    // Taken, whatever comes of it: nothing is done twice.
    if (++m_uReceived - m_uAcked >= kMaxUnacked) Acknowledge();
    if (in.what == What::Effects) {
        Perform(in.effects, nullptr);
        if (in.why.empty()) return;
        GiveBackKept(in.decided, Clean(in.why));
        return Say(Clean(in.why) + ": update it.", Style::Bad);
    }
    if (m_Queue.empty() || in.id != m_Queue.front().id ||
        (in.what != What::Reply && in.what != What::State && !bFailed))
        return Broken(bFailed ? Clean(in.why) : CString("otrd sent something that is no answer"));
    Held head = std::move(m_Queue.front());
    m_Queue.pop_front();
    m_iAlive = Now();
    ForgetMoved(head.id);
    m_bNoOverview = m_bNoOverview || (bFailed && IsOverview(head));
    if (in.account && IsOverview(head)) return TakeOverview(head, std::move(*in.account));
    if (in.account && !head.done) return Fail(head, "otrd sent something that is no answer");
    CameOf(head, in);
    if (!bFailed) return Perform(in.effects, &head);
    Perform(in.effects, nullptr);
    GiveBackKept(in.decided, Clean(in.why));
    if (!head.done) Fail(head, Clean(in.why));
} catch (const std::exception& e) {
    Broken(CString("the otr module failed: ") + e.what());
}
