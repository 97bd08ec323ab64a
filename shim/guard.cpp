// The guard: no line in clear to whom otrd protects, and who that is now. closed: who, by name.
// target: what names a server may read in a line.
#include "otr.h"

// The guarded target of a line that must not go to IRC: it carries words, and otrd did not say `send`.
std::optional<CString> COtr::Blocked(const CString& sLine) {
    if (!GuardsAnything()) return std::nullopt;
    if (m_bSends && sLine == m_sSent) {
        m_bSends = false;
        if (m_bSendsOtr) return std::nullopt;
        // otrd may not have heard yet who has become closed.
        const target::Words words = target::Read(sLine);
        const auto it = FindGuarded(words, false);
        return it == words.targets.end() ? std::nullopt : std::optional<CString>(*it);
    }
    if (!HasEnd(sLine)) return BlockedOne(sLine);
    // Some servers end a line at a lone CR or NUL, some take these for blanks, some for nothing.
    CString sLines = sLine, sBlanks = sLine;
    std::replace_if(sLines.begin(), sLines.end(), Ends, '\n');
    std::replace_if(sBlanks.begin(), sBlanks.end(), Ends, ' ');
    VCString vsReadings;
    sLines.Split("\n", vsReadings, false);
    vsReadings.push_back(sBlanks);
    vsReadings.push_back(Clean(sLine));
    for (const CString& sReading : vsReadings)
        if (std::optional<CString> sTarget = BlockedOne(sReading)) return sTarget;
    return std::nullopt;
}

std::optional<CString> COtr::BlockedOne(const CString& sLine) {
    const target::Words words = target::Read(sLine);
    if (words.targets.empty()) return std::nullopt;
    KeepAuthorization();
    const CString sKey = GuardKey(CMessage(sLine));
    if (TakeAuthorization(sKey)) return std::nullopt;
    const bool bInClear = TakeAuthorization(kInClear + sKey);
    const auto it = FindGuarded(words, !bInClear);
    if (it == words.targets.end()) return std::nullopt;
    return CString(*it);
}

// The first target of a line to which nothing may go in clear.
vector<std::string>::const_iterator COtr::FindGuarded(const target::Words& words, bool bRules) const {
    const CString sRanks = ISupport("STATUSMSG", "");
    const auto holds = [&](const std::string& sName) { return Guarded(sName); };
    return std::find_if(words.targets.begin(), words.targets.end(), [&](const std::string& sTarget) {
        if (words.known) return LevelOf(sTarget) != guard::Level::Open || (bRules && Requires(sTarget));
        // Of a command that nobody here knows, most parameters are no people: those count who are closed
        // by name, and no doubt.
        const auto vNames = target::Names(sTarget, sRanks);
        return std::any_of(vNames.begin(), vNames.end(), holds);
    });
}

// Whether otrd said `send` for this line; that counts once.
bool COtr::TakeAuthorization(const CString& sKey) {
    const auto it = m_AuthorizedLines.find(sKey);
    if (it == m_AuthorizedLines.end()) return TakeInherited(sKey);
    if (--it->second == 0) m_AuthorizedLines.erase(it);
    return true;
}

// For a line that will not leave.
void COtr::ForgetAuthorization(const CString& sKey) {
    if (!TakeAuthorization(sKey)) TakeAuthorization(kInClear + sKey);
}

bool COtr::TakeInherited(const CString& sKey) {
    if (m_Inherited.empty()) return false;
    const auto it = m_Inherited.find(HashOfLine(sKey));
    if (it == m_Inherited.end()) return false;
    m_Inherited.erase(it);
    return true;
}

// The lines of other modules: each was caused by somebody, perhaps by a stranger to whom one answers.
void COtr::SayBlocked(const CString& sTarget, const CString& sLine) {
    // Typing notices, by the dozen.
    if (target::Read(sLine).command == "TAGMSG" && CMessage(sLine).GetParams().size() < 2) return;
    if (m_iBlocked + kBlockedPause < Now()) m_uBlocked = 0;
    m_iBlocked = Now();
    if (++m_uBlocked <= kMaxBlockedSaid) SayOneBlocked(sTarget, sLine, false);
    if (m_uBlocked == kMaxBlockedSaid) Say("More lines are stopped without a word, until there are fewer.");
}

void COtr::SayOneBlocked(const CString& sTarget, const CString& sLine, bool bTyped) {
    Say("[" + Quoted(sTarget) + "] Stopped, it was not encrypted: ", Style::Bad, sLine, bTyped);
}

// The line of `send` did not go as it is and at once: ZNC sends it later, or a module changed it.
void COtr::KeepAuthorization() {
    if (m_bSends) {
        const CMessage Message(m_sSent);
        m_AuthorizedLines[(IsOtr(Message.GetParam(1)) ? "" : kInClear) + GuardKey(Message)]++;
    }
    m_bSends = false;
}

void COtr::ForgetAuthorizations() {
    m_bSends = false;
    m_AuthorizedLines.clear();
    m_Inherited.clear();
}

// A line of `send` as the guard knows it again.
CString COtr::GuardKey(const CMessage& Message) const {
    const CString sTarget = Fold(Message.GetParam(0));
    return Message.GetCommand().AsUpper() + " " + sTarget + " :" + Message.GetParam(1);
}

guard::Level COtr::LevelOf(const CString& sTarget) const {
    return m_Closed.Any() ? m_Closed.Of(sTarget, ISupport("STATUSMSG", "")) : guard::Level::Open;
}

bool COtr::Guarded(const CString& sNick) const { return m_Closed.Holds(sNick) != guard::Level::Open; }

bool COtr::Requires(const CString& sTarget) const {
    return m_Required.Any() && m_Required.Of(sTarget, ISupport("STATUSMSG", ""));
}

// That there are any is remembered: a module that is loaded anew lets nothing out before it hears
// which.
void COtr::SetRules(const vector<wire::Rule>& rules) {
    const bool bAny = m_Required.Any();
    m_Required.Set(rules);
    if (m_Required.Any()) LearnFromChannels();
    if (bAny != m_Required.Any()) Store("required", m_Required.Any() ? "1" : "");
}

// ZNC serves nobody meanwhile: where there are many people or many rules, not every user name is learned.
void COtr::LearnFromChannels() {
    const auto end = std::chrono::steady_clock::now() + kMaxLearning;
    for (CChan* pChan : GetNetwork()->GetChans())
        for (const auto& [sNick, Nick] : pChan->GetNicks()) {
            if (Nick.GetIdent().empty()) continue;
            if (std::chrono::steady_clock::now() > end) return m_Required.ExpectMoreUsers();
            m_Required.Learn(sNick, Nick.GetIdent());
        }
}

// `bWord`: it may come from the user's word.
void COtr::Protect(const Effect& effect, bool bWord) {
    const CString sPeer = Clean(effect.who);
    if (effect.on)
        effect.pending ? m_Closed.Pend(sPeer) : CloseOne(sPeer);
    else if (effect.by_user && bWord)
        m_Closed.Open(sPeer);
    else
        m_Closed.Lift(sPeer);
}

void COtr::CloseOne(const std::string& sName) {
    const bool bEverybody = m_Closed.Everybody();
    m_Closed.Close(sName);
    if (!bEverybody && m_Closed.Everybody())
        Say("Too many nicks are closed to keep them apart: nothing goes out in clear to anybody until you say finish and the nick, or finish --all.",
            Style::Bad);
}

// The module goes, and with it the guard.
void COtr::SayUnguarded() {
    CString sNames;
    size_t uLeft = m_Closed.Unnamed();
    for (const std::string& name : m_Closed.Names()) {
        if (sNames.size() > 256) {
            uLeft++;
            continue;
        }
        sNames += (sNames.empty() ? "" : ", ") + Quoted(name);
    }
    if (uLeft) sNames += (sNames.empty() ? "" : " and ") + CString(uLeft) + " more";
    if (m_Closed.Everybody()) sNames = "anybody";
    if (!sNames.empty())
        Say("The otr module is unloaded: until it is loaded again, nothing keeps what you type from going out in clear to " +
                sNames + ".",
            Style::Bad);
}

void COtr::OnNickMessage(CNickMessage& Message, const vector<CChan*>&) try {
    const CString sOld = Message.GetOldNick(), sNew = Message.GetNewNick();
    // Clients may take `bob@host` for bob.
    guard::Level level =
        std::max(m_Closed.Holds(sOld), m_Closed.Holds(std::string(target::Speaker(sOld))));
    // Under the new name nothing would tell that otrd does not know of them.
    if (m_Closed.IsForgotten(sOld)) level = guard::Level::Closed;
    // Nobody's words are shown as those of another person who had that nick before.
    const bool bTaken = !Same(sOld, sNew) && Guarded(sNew);
    // No gap until otrd says so, and whatever the new name looks like.
    for (const std::string& sPiece : target::Pieces(sNew)) {
        if (level == guard::Level::Closed) CloseOne(sPiece);
        if (level == guard::Level::Pending) m_Closed.Pend(sPiece);
    }
    if (m_bOwnNick) return Learn(Message.GetNick().GetIdent(), Message.GetNick().GetHost());
    LearnUser(sNew, Message.GetNick().GetIdent());
    m_Closed.Follow(sOld, sNew);
    if (level == guard::Level::Closed) StoreAtOnce();
    Held held(Held::What::Nick, sOld, sNew);
    // What is no nick stands in front of nobody's words: ZNC would write it into the line as it is.
    if (!bTaken && !Peer(sNew).empty()) {
        Rename(m_Queue, sOld, sNew);
        Rename(m_Waiting, sOld, sNew);
    }
    if (!Same(sOld, sNew)) PeerMoved(sOld, Quoted(sOld) + " is now known as " + Quoted(sNew));
    if (Peer(sOld).empty() || Peer(sNew).empty()) {
        if (level == guard::Level::Closed)
            Say("[" + Quoted(sOld) + "] The server calls them " + Quoted(sNew) +
                    " now, which is no nick: the private conversation stays with " + Quoted(sOld) +
                    ", and nothing goes out in clear to either.",
                Style::Bad);
        return MovedIsAsked(m_uNextId - 1);
    }
    const bool bMay = level != guard::Level::Open || m_Queue.size() <= kMaxHeld / 2;
    if (!bMay || (!SendRequest(held) && !Defer(held))) MovedIsAsked(m_uNextId - 1);
} catch (const std::exception& e) {
    Say(CString("The otr module failed: ") + e.what(), Style::Bad);
}

void COtr::Rename(std::deque<Held>& queue, const CString& sOld, const CString& sNew) {
    for (Held& held : queue)
        if (held.what == Held::What::In && held.message && held.message->GetNick().NickEquals(sOld))
            held.message->GetNick().SetNick(sNew);
}

void COtr::OnQuitMessage(CQuitMessage& Message, const vector<CChan*>&) try {
    Held held(Held::What::Quit, Message.GetNick().GetNick());
    PeerMoved(held.who, Quoted(held.who) + " has left IRC");
    // A netsplit must not fill the queue.
    const bool bMay = wire::ValidNick(held.who) && (m_Queue.size() <= kMaxHeld / 2 || Guarded(held.who));
    if (!bMay || (!SendRequest(held) && !Defer(held))) MovedIsAsked(m_uNextId - 1);
} catch (const std::exception& e) {
    Say(CString("The otr module failed: ") + e.what(), Style::Bad);
}

void COtr::OnJoinMessage(CJoinMessage& Message) try {
    const CNick& Nick = Message.GetNick();
    if (Nick.NickEquals(OwnNick())) return Learn(Nick.GetIdent(), Nick.GetHost());
    Held held(Held::What::Join, Nick.GetNick());
    if (Guarded(held.who)) SendRequest(held);
} catch (const std::exception& e) {
    Say(CString("The otr module failed: ") + e.what(), Style::Bad);
}
