// The ZNC side of otrd: hook -> one line to the daemon; its reply -> effects, in order.
// It decides nothing, holds no key, and never waits: what a hook hands over is held until the
// reply comes. While otrd does not answer, nothing private leaves (Lost in connection.cpp, ShouldBlock in guard.cpp).
//
// What is said to otrd: json, protocol, requests; connection sends it and takes the replies; socket_path:
// which otrd; advice: what to do where it cannot be reached; registry: what is remembered over restarts.
// Messages: messages holds them and performs effects; outgoing is what ZNC has still to send; znc_core
// does what ZNC would do with a message that passes; wrap, irc_text, utf8: their text.
// What must not leave: guard, by closed and required (to whom) and target (whom a line means); senders:
// who says what arrives; network_info: who we are there.
// What the user sees: listen (clients with a script), mark and mark_command (those without), web and
// buttons (a page for browsers), autoload (whether ZNC loads the module again).

#include "otr.h"
#if __has_include("version.h")
#include "version.h"  // make writes it, from Cargo.toml
#else
// znc-buildmod in a checkout where make was not run. No release says this of itself: otrd compares it
// with no version, and otrctl doctor warns.
static const char* const kVersion = "unknown";
#endif

class COtrTimer : public CTimer {
  public:
    explicit COtrTimer(COtr* pOtr) : CTimer(pOtr, 1, 0, "otrd", "Looks after the link to otrd") {}
    void RunJob() override { static_cast<COtr*>(GetModule())->Tick(); }
};

// One source: znc-buildmod otr.cpp builds it, also without make, which names its version. With
// CXXFLAGS=-fno-gnu-unique, reloadmod loads a new build without a restart of ZNC.
#include "json.cpp"
#include "protocol.cpp"
#include "requests.cpp"
#include "otr_socket.cpp"
#include "connection.cpp"
#include "registry.cpp"
#include "socket_path.cpp"
#include "advice.cpp"
#include "autoload.cpp"
#include "messages.cpp"
#include "znc_core.cpp"
#include "outgoing.cpp"
#include "closed.cpp"
#include "guard.cpp"
#include "senders.cpp"
#include "required.cpp"
#include "target.cpp"
#include "wrap.cpp"
#include "network_info.cpp"
#include "listen.cpp"
#include "mark.cpp"
#include "mark_command.cpp"
#include "web.cpp"
#include "buttons.cpp"

// `sOwn` are words that the user typed, or that another module made, which come back as they are.
void COtr::Say(const CString& sText, Style style, const CString& sOwn, bool bTyped) {
    RememberSaid(sText, style);
    vector<std::string> vLines = wrap::Lines(Clean(sText));
    vLines.back() += Clean(sOwn);
    for (const std::string& sLine : vLines) Print(sLine, style, bTyped && !sOwn.empty());
}

void COtr::Print(CString sLine, Style style, bool bOwn) {
    // clang-format off
    static const char* const kColours[] = {"", "\x03" "03", "\x03" "07", "\x03" "04"};
    // clang-format on
    if (style != Style::Plain) sLine = kColours[static_cast<int>(style)] + sLine + "\x0f";
    PutOrKeep(sLine, bOwn);
}

// To whoever is here, or comes next. What the user typed is dropped last: somebody else may make the rest.
void COtr::PutOrKeep(const CString& sLine, bool bOwn) {
    if (GetNetwork()->IsUserAttached()) {
        PutModule(sLine);
        return;
    }
    m_Backlog.push_back({sLine, bOwn});
    if (m_Backlog.size() <= kMaxBacklog) return;
    const auto it =
        std::find_if(m_Backlog.begin(), m_Backlog.end(), [](const Unread& line) { return !line.own; });
    m_Backlog.erase(it == m_Backlog.end() ? m_Backlog.begin() : it);
    m_uDropped++;
}

// The module goes, and nobody has read these: ZNC keeps them for who comes next. Where it ends itself, their
// number is all that may be on disk.
void COtr::LeaveUnread(bool bZncEnds) {
    if (m_Backlog.empty()) return;
    if (bZncEnds) {
        const auto isOwn = [](const Unread& line) { return line.own; };
        const uint64_t uOwn = std::count_if(m_Backlog.begin(), m_Backlog.end(), isOwn);
        // Of the end before this one nobody may have read, either.
        const CString sBefore = GetNV("unread");
        Store("unread", CString(m_Backlog.size() + m_uDropped + sBefore.Token(0).ToULongLong()) + " " +
                            CString(uOwn + sBefore.Token(1).ToULongLong()));
        return;
    }
    const CString sFrom = _NAMEDFMT(":" + GetModNick() + "!" + GetModName() + "@znc.in");
    const auto keep = [&](const CString& sLine) {
        GetNetwork()->AddNoticeBuffer(CMessage(sFrom + " PRIVMSG {target} :{text}"), sLine);
    };
    if (m_uDropped) keep(Dropped());
    for (const Unread& line : m_Backlog) keep(line.text);
}

// What is on disk of it stays until somebody is there to read it.
void COtr::SayLost() {
    const CString sUnread = GetNV("unread");
    if (sUnread.empty() || !GetNetwork()->IsUserAttached()) return;
    DelNV("unread");
    CString sText = "ZNC ended before you read " + sUnread.Token(0) + " lines of mine";
    if (sUnread.Token(1).ToULongLong())
        sText += ", of which " + sUnread.Token(1) + " gave back what you had typed: it was not sent";
    Say(sText + ".", Style::Bad);
}

CString COtr::Dropped() const { return CString(m_uDropped) + " older lines were dropped."; }

void COtr::Refuse(const CString& sTo, const CString& sWhy, const CString& sText) {
    Say("[" + sTo + "] Not sent (" + sWhy + "): ", Style::Bad, sText);
}

void COtr::Replay() {
    SayLost();
    if (m_uDropped) PutModule(Dropped());
    for (const Unread& line : m_Backlog) PutModule(line.text);
    m_uDropped = 0;
    m_Backlog.clear();
}

template <>
void TModInfo<COtr>(CModInfo& Info) {
    Info.SetHasArgs(true);
    Info.SetArgsHelpText("socket=/PATH of otrd, where it is not the usual one");
}

NETWORKMODULEDEFS(COtr, "Off-the-Record encryption of private messages, done by otrd")
