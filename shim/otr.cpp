// The ZNC side of otrd: hook -> one line to the daemon; its reply -> effects, in order.
// It decides nothing, holds no key, and never waits: what a hook hands over is held until the
// reply comes. While otrd does not answer, nothing private leaves (see Lost in link.cpp, Stop in guard.cpp).
//
// line: what is said, as bytes. json: its strings and members. link: requests and their replies.
// messages: what is held, and effects. leaving: what is on its way to IRC. core: what ZNC does with a
// message that passes. guard: what does not leave. closed, required: to whom. target: whom a line means.
// speakers: who says what arrives. surroundings: who we are. places: which otrd. advice: what to do where
// it cannot be reached. saved: ZNC's configuration. wrap: sentences in lines. irc_text, utf8: text.
// listen: clients that are told how conversations stand. mark: the sign in front of what was decrypted;
// sign: what that is. web: a page for browsers; buttons: what is done there.

#include "otr.h"

static const char* const kVersion = "0.1.0";

class COtrTimer : public CTimer {
  public:
    explicit COtrTimer(COtr* pOtr) : CTimer(pOtr, 1, 0, "otrd", "Looks after the link to otrd") {}
    void RunJob() override { static_cast<COtr*>(GetModule())->Tick(); }
};

// One source: znc-buildmod otr.cpp builds it. With CXXFLAGS=-fno-gnu-unique, reloadmod loads a new
// build without a restart of ZNC.
#include "json.cpp"
#include "line.cpp"
#include "requests.cpp"
#include "link.cpp"
#include "places.cpp"
#include "advice.cpp"
#include "saved.cpp"
#include "messages.cpp"
#include "core.cpp"
#include "leaving.cpp"
#include "closed.cpp"
#include "guard.cpp"
#include "speakers.cpp"
#include "required.cpp"
#include "target.cpp"
#include "wrap.cpp"
#include "surroundings.cpp"
#include "listen.cpp"
#include "sign.cpp"
#include "mark.cpp"
#include "web.cpp"
#include "buttons.cpp"

// `sOwn` are words that the user typed, which come back as they are.
void COtr::Say(const CString& sText, Style style, const CString& sOwn) {
    RememberSaid(sText, style);
    vector<std::string> vLines = wrap::Lines(Clean(sText));
    vLines.back() += Clean(sOwn);
    for (const std::string& sLine : vLines) Print(sLine, style);
}

void COtr::Print(CString sLine, Style style) {
    static const char* const kColours[] = {"", "\x03" "03", "\x03" "07", "\x03" "04"};
    if (style != Style::Plain) sLine = kColours[static_cast<int>(style)] + sLine + "\x0f";
    PutOrKeep(sLine);
}

// To whoever is here, or comes next.
void COtr::PutOrKeep(const CString& sLine) {
    if (GetNetwork()->IsUserAttached()) {
        PutModule(sLine);
        return;
    }
    m_Backlog.push_back(sLine);
    if (m_Backlog.size() <= kMaxBacklog) return;
    m_Backlog.pop_front();
    m_uDropped++;
}

void COtr::Refuse(const CString& sTo, const CString& sWhy, const CString& sText) {
    Say("[" + sTo + "] Not sent (" + sWhy + "): ", Style::Bad, sText);
}

void COtr::Replay() {
    if (m_uDropped) PutModule(CString(m_uDropped) + " older lines were dropped.");
    for (const CString& sLine : m_Backlog) PutModule(sLine);
    m_uDropped = 0;
    m_Backlog.clear();
}

template <>
void TModInfo<COtr>(CModInfo& Info) {
    Info.SetHasArgs(true);
    Info.SetArgsHelpText("socket=/PATH of otrd, where it is not the usual one");
}

NETWORKMODULEDEFS(COtr, "Off-the-Record encryption of private messages, done by otrd")
