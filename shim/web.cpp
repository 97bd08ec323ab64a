// A page for browsers, /mods/network/NAME/otr/, in ZNC's skins: what otrd told last. Nothing here waits
// for otrd; a page that is read asks it for news, and the next one shows them. The templates are in web/.
#include <znc/FileUtils.h>
#include <znc/HTTPSock.h>

#include "otr.h"
#include "utf8.h"

static const size_t kMaxEntries = 20000;  // of the account, that are kept
static const size_t kMaxPages = 128;      // of otrd's replies, in which an account comes
static const size_t kRows = 100;          // people in a page, fingerprints of one, rules
static const size_t kQuiet = 4;           // light modules around a QR code
static const long kSilent = 2;            // seconds without an answer, after which the page says so

namespace {

// What is not seen, moves what is seen, or ends a line.
bool IsHidden(uint32_t c) {
    static const std::pair<uint32_t, uint32_t> kHidden[] = {
        {0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},          {0x61c, 0x61c},   {0x180e, 0x180e},
        {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},      {0xd800, 0xdfff}, {0xfeff, 0xfeff},
        {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}, {0x110000, UINT32_MAX}};
    return std::any_of(std::begin(kHidden), std::end(kHidden),
                       [&](const auto& range) { return c >= range.first && c <= range.second; });
}

// Words of others for a page: UTF-8, and every character of it is seen. ZNC's templates escape HTML.
CString Visible(const CString& sText) {
    static const uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // by bytes
    CString sOut;
    for (size_t i = 0; i < sText.size();) {
        const utf8::Letter letter = utf8::At(sText, i);
        const bool bFits = letter.code < utf8::kByte && letter.code >= kLeast[letter.size];
        if (bFits && !IsHidden(letter.code))
            sOut += sText.substr(i, letter.size);
        else
            sOut += "\xef\xbf\xbd";
        i += bFits ? letter.size : 1;
    }
    return sOut;
}

// A name for a form, which comes back as it is, whatever bytes it has.
CString Hex(const CString& sBytes) {
    CString sHex;
    for (const char c : sBytes)
        for (const int shift : {4, 0})
            sHex += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15];
    return sHex;
}

// To be read out.
CString Groups(const CString& sFingerprint) {
    CString sOut;
    for (size_t i = 0; i < sFingerprint.size(); i += 8) sOut += (i ? " " : "") + sFingerprint.substr(i, 8);
    return sOut;
}

bool IsNick(const CString& sField) { return sField == "peer" || sField == "pattern"; }

// For people: the method, and whom it is about.
CString Described(const wire::TypedMethod& typed) {
    CString sOut = typed.method;
    for (const auto& [name, text] : typed.texts)
        if (IsNick(name)) sOut += " " + Visible(Quoted(text));
    return sOut;
}

// A QR code as the path of an SVG picture: each run of dark modules is a bar.
CString QrPath(const vector<std::string>& rows) {
    CString sPath;
    for (size_t y = 0; y < rows.size(); y++)
        for (size_t x = rows[y].find('1'); x != std::string::npos; x = rows[y].find('1', x)) {
            const size_t uEnd = std::min(rows[y].find('0', x), rows[y].size());
            const CString sLength(uEnd - x);
            sPath += "M" + CString(x + kQuiet) + " " + CString(y + kQuiet) + "h" + sLength + "v1h-" +
                     sLength + "z";
            x = uEnd;
        }
    return sPath;
}

CString StateWord(const CString& sState) {
    if (sState == "clear") return "not encrypted";
    if (sState == "asking") return "being asked";
    if (sState == "finished") return "ended by them";
    return sState;
}

CString TrustWord(const CString& sTrust) {
    if (sTrust == "manual") return "verified: fingerprint compared";
    if (sTrust == "secret") return "verified: authenticated";
    if (sTrust == "changed") return "another key than the known one";
    return "not verified";
}

const char* ClassOf(Style style) {
    static const char* const kClasses[] = {"plain", "good", "warn", "bad"};
    return kClasses[static_cast<int>(style)];
}

template <class T>
void Move(vector<T>& to, vector<T>& from) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
}

// The page that follows.
void Append(wire::Account& all, wire::Account page) {
    Move(all.peers, page.peers);
    Move(all.fingerprints, page.fingerprints);
    Move(all.policies, page.policies);
    Move(all.ignore, page.ignore);
    Move(all.enable, page.enable);
    all.next = page.next;
}

}  // namespace

// Where the templates are not installed, there is no page and nothing else is missing.
bool COtr::HasPage() const { return CFile::Exists(GetModDataDir() + "/tmpl/index.tmpl"); }

bool COtr::OnWebRequest(CWebSock& WebSock, const CString& sPage, CTemplate& Page) try {
    if (sPage != "index" || !HasPage()) return false;
    WebSock.AddHeader("Cache-Control", "no-store");
    WebSock.AddHeader("Referrer-Policy", "same-origin");
    // The skins have styles of their own in their pages.
    WebSock.AddHeader("Content-Security-Policy",
                      "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; "
                      "style-src 'self' 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
                      "base-uri 'none'");
    if (WebSock.IsPost()) {  // ZNC has looked for its token against forgery
        Pressed(WebSock);
        const unsigned long uFrom = WebSock.GetParam("from").ToULong();
        WebSock.Redirect(GetWebPath() + (uFrom ? "?from=" + CString(uFrom) : ""));
        return true;
    }
    AskOverview(0);
    ShowPage(Page, WebSock.GetParam("from", false).ToULong());
    return true;
} catch (const std::exception& e) {
    Say(CString("The page failed: ") + e.what(), Style::Bad);
    return false;
}

bool COtr::IsOverview(const Held& held) {
    return held.what == Held::What::Typed && held.call && held.call->overview;
}

std::string COtr::TypedLine(const Held& held) {
    if (!held.call) return "";
    return held.call->overview ? wire::State(held.id, held.call->from)
                               : wire::Typed(held.id, held.call->typed);
}

bool COtr::IsAsking() const {
    return std::any_of(m_Queue.begin(), m_Queue.end(), IsOverview) ||
           std::any_of(m_Waiting.begin(), m_Waiting.end(), IsOverview);
}

// Asks for a page of the account. Its first one is asked for once at a time.
void COtr::AskOverview(uint64_t uFrom) {
    if (!m_bUp || m_bNoOverview || (!uFrom && IsAsking())) return;
    Held held(Held::What::Typed);
    held.call = std::make_shared<Call>();
    held.call->overview = true;
    held.call->from = uFrom;
    SendRequest(held);  // otherwise the next reader does
}

void COtr::TakeOverview(const Held& head, wire::Account page) {
    if (!head.call) return;
    if (!head.call->from || !m_Pages) {
        m_Pages = std::make_shared<wire::Account>(std::move(page));
        m_uPages = 0;
    } else
        Append(*m_Pages, std::move(page));
    const wire::Account& all = *m_Pages;
    const size_t uEntries = all.peers.size() + all.fingerprints.size() + all.policies.size() +
                            all.ignore.size() + all.enable.size();
    const uint64_t uNext = all.next.value_or(0);
    if (uNext > head.call->from && uEntries < kMaxEntries && ++m_uPages < kMaxPages)
        return AskOverview(uNext);
    m_Overview = std::exchange(m_Pages, nullptr);
    m_uOverview = static_cast<uint64_t>(time(nullptr));
}

void COtr::OverviewFailed() { m_Pages.reset(); }

void COtr::ForgetOverview() {
    m_Overview.reset();
    m_Pages.reset();
}

// What otrd told of a conversation since.
void COtr::KeepInOverview(const CString& sPeer, const wire::PeerState& now) {
    for (const auto& told : {m_Overview, m_Pages}) {
        if (!told) continue;
        for (wire::Account::Peer& peer : told->peers)
            if (sPeer == peer.nick) peer.standing = now;
        for (wire::Account::Fingerprint& known : told->fingerprints) {
            if (sPeer != known.nick) continue;
            known.in_use = known.fingerprint == now.fingerprint;
            if (known.in_use && now.trust != "changed") known.trust = now.trust;
        }
    }
}

void COtr::RememberSaid(const CString& sText, Style style) {
    m_Said.push_back({static_cast<uint64_t>(time(nullptr)), sText, style});
    if (m_Said.size() > kMaxSaid) m_Said.pop_front();
}

CString COtr::Time(uint64_t uTime) const {
    return CUtils::FormatTime(static_cast<time_t>(uTime), "%Y-%m-%d %H:%M:%S", GetUser()->GetTimezone());
}

void COtr::ShowPage(CTemplate& Page, size_t uFrom) {
    Page["Title"] = "OTR: " + GetNetwork()->GetName();
    Page["Style"] = GetWebFilesPath() + "otr.css";
    Page["Script"] = GetWebFilesPath() + "otr.js";
    const long iSince = Now() - m_iAlive;
    const bool bSilent = m_bUp && !m_Queue.empty() && iSince > kSilent;
    if (!m_bUp)
        Page["Trouble"] = Visible(Trouble());
    else if (bSilent)
        Page["Trouble"] = "otrd has not answered for " + CString(iSince) + " seconds.";
    else if (m_bNoOverview)
        Page["Trouble"] = "This otrd does not tell a page what it needs: update it.";
    else {
        Page["Connected"] = "1";
        Page["Answered"] = CString(iSince);
    }
    bool bAsked = false;
    for (const std::deque<Held>* pQueue : {&m_Queue, &m_Waiting})
        for (const Held& held : *pQueue) {
            if (held.what != Held::What::Typed || held.done || !held.call) continue;
            bAsked = true;
            if (IsOverview(held)) continue;
            Page.AddRow("Asked")["What"] = Described(held.call->typed);
        }
    // A browser without scripts looks again.
    if (bAsked && !bSilent && m_bUp) Page["Again"] = "1";
    for (auto it = m_Said.rbegin(); it != m_Said.rend(); ++it) {
        CTemplate& Row = Page.AddRow("Said");
        Row["Time"] = Time(it->time);
        Row["Text"] = Visible(it->text);
        Row["Class"] = ClassOf(it->style);
    }
    Page["Module"] = kVersion;
    Page["Znc"] = CZNC::GetVersion();
    Page["Mark"] = Visible(m_sMark);
    m_Wrong.shown = m_Wrong.text.empty();
    ShowForm(Page, "Start", {"start"});
    ShowForm(Page, "FinishAll", {"finish-all"});
    ShowForm(Page, "Genkey", {"genkey", "genkey-overwrite"});
    ShowForm(Page, "Mark", {"mark"});
    ShowPeers(Page, uFrom);
    if (m_Overview) {
        Page["Known"] = "1";
        Page["From"] = Time(m_uOverview);
        Page["Daemon"] = Visible(m_Overview->daemon);
        Page["Libotr"] = Visible(m_Overview->libotr);
        Page["Libgcrypt"] = Visible(m_Overview->libgcrypt);
        ShowKey(Page);
        ShowRules(Page);
    }
    // Its field is not on this page.
    if (!m_Wrong.shown) Page["Wrong"] = Visible(m_Wrong.text);
}

// Whether a form's answer is on its way, and what was wrong with it.
void COtr::ShowForm(CTemplate& Row, const CString& sForm, const SCString& ssButtons, const CString& sPlace) {
    for (const std::deque<Held>* pQueue : {&m_Queue, &m_Waiting})
        for (const Held& held : *pQueue)
            if (held.call && !held.done && held.call->place == sPlace && ssButtons.count(held.call->button))
                Row["Asked" + sForm] = "1";
    if (m_Wrong.text.empty() || m_Wrong.place != sPlace || !ssButtons.count(m_Wrong.button)) return;
    Row["Wrong" + sForm] = Visible(m_Wrong.text);
    Row["Field" + sForm] = m_Wrong.field;
    Row["Words" + sForm] = Visible(m_Wrong.words);
    m_Wrong.shown = true;
}

void COtr::ShowKey(CTemplate& Page) const {
    Page["Key"] = Visible(m_Overview->key);
    Page["Fingerprint"] = Visible(Groups(m_Overview->fingerprint));
    if (m_Overview->made) Page["Made"] = Time(*m_Overview->made);
    if (m_Overview->seconds) Page["Seconds"] = CString(*m_Overview->seconds);
    if (m_Overview->qr.empty()) return;
    Page["QrSize"] = CString(m_Overview->qr.size() + 2 * kQuiet);
    Page["Qr"] = QrPath(m_Overview->qr);
}

// Those whom anything is about, then the others, both by nick. Of the nicks that otrd has not told in
// `state`, `untold` holds what it said of them since.
vector<const wire::Account::Peer*> COtr::Everybody(std::map<CString, wire::Account::Peer>& untold) const {
    std::map<CString, const wire::Account::Peer*> all;
    if (m_Overview)
        for (const auto& peer : m_Overview->peers) all[peer.nick] = &peer;
    for (const auto& [sNick, standing] : m_States) {
        if (all.count(sNick)) continue;
        wire::Account::Peer& peer = untold[sNick];
        peer.nick = sNick;
        peer.standing = standing;
        all[sNick] = &peer;
    }
    vector<const wire::Account::Peer*> peers;
    peers.reserve(all.size());
    for (const auto& it : all) peers.push_back(it.second);
    std::stable_partition(peers.begin(), peers.end(),
                          [](const wire::Account::Peer* peer) { return peer->standing.state != "clear"; });
    return peers;
}

// Where otrd is gone, nothing that was private goes on before it is back. So many at once that ZNC does
// not wait for a page, however many there are.
void COtr::ShowPeers(CTemplate& Page, size_t uFrom) {
    std::map<CString, wire::Account::Peer> untold;
    vector<const wire::Account::Peer*> peers = Everybody(untold);
    const size_t uAll = peers.size();
    if (uFrom >= uAll) uFrom = 0;
    Page["PageFrom"] = CString(uFrom);  // a button leads back to this page
    const size_t uEnd = std::min(uAll, uFrom + kRows);
    peers = {peers.begin() + uFrom, peers.begin() + uEnd};
    if (uAll > kRows) {
        Page["PageAll"] = CString(uAll);
        Page["PageFirst"] = CString(uFrom + 1);
        Page["PageLast"] = CString(uEnd);
        if (uFrom) Page["PageBefore"] = "from=" + CString(uFrom - std::min(uFrom, kRows));
        if (uEnd < uAll) Page["PageAfter"] = "from=" + CString(uEnd);
    }
    std::map<std::string, vector<const wire::Account::Fingerprint*>> prints;
    for (const wire::Account::Peer* pPeer : peers) prints[pPeer->nick];
    if (m_Overview)
        for (const auto& print : m_Overview->fingerprints) {
            const auto it = prints.find(print.nick);
            if (it != prints.end() && it->second.size() < kRows) it->second.push_back(&print);
        }
    for (const wire::Account::Peer* pPeer : peers) {
        const wire::Account::Peer& peer = *pPeer;
        const CString sNick = peer.nick;
        const wire::PeerState& now = peer.standing;
        const bool bLost = m_bTold && now.state != "clear";
        const CString sState = bLost ? "interrupted" : now.state;
        const bool bPrivate = sState == "private";
        CTemplate& Row = Page.AddRow("Peers");
        Row["Nick"] = Visible(sNick);
        Row["Who"] = Hex(sNick);
        Row["State"] = sState;
        Row["StateWord"] = StateWord(sState);
        if (!now.fingerprint.empty() && !bLost) {
            Row["InUse"] = "1";
            Row["Trust"] = now.trust;
            Row["TrustWord"] = TrustWord(now.trust);
        }
        if (bPrivate) Row["Private"] = "1";
        if (bPrivate && peer.otr) Row["Otr"] = CString(*peer.otr);
        ShowForm(Row, "Do", {"start", "refresh", "finish", "abort"}, Hex(sNick));
        ShowForm(Row, "Auth", {"authenticate"}, Hex(sNick));
        if (sState != "clear") Row["Open"] = "1";
        if (now.waiting) Row["Waiting"] = CString(now.waiting);
        Row["Policy"] = now.policy;
        Row["Rule"] = Visible(peer.rule);
        if (peer.since && bPrivate) Row["Since"] = Time(*peer.since);
        if (now.smp != "none" && !now.smp.empty() && !bLost) Row["Smp"] = now.smp;
        if (!now.question.empty()) Row["Asks"] = "1";  // ZNC takes a question such as "no" for a false value
        Row["Question"] = Visible(now.question);
        for (const wire::Account::Fingerprint* pPrint : prints[peer.nick]) {
            const wire::Account::Fingerprint& print = *pPrint;
            CTemplate& Print = Row.AddRow("Prints");
            Print["Who"] = Hex(sNick);
            Print["Print"] = print.fingerprint;
            Print["Groups"] = Groups(print.fingerprint);
            Print["PrintWord"] = TrustWord(print.trust);
            ShowForm(Print, "Print", {"trust", "distrust", "forget"}, Hex(sNick) + print.fingerprint);
            if (print.trust != "none") Print["PrintTrusted"] = "1";
            if (print.in_use) Print["UsedNow"] = "1";
            if (print.first_used) Print["First"] = Time(*print.first_used);
            if (print.last_used) Print["Last"] = Time(*print.last_used);
        }
    }
}

void COtr::ShowRules(CTemplate& Page) {
    Page["DefaultPolicy"] = Visible(m_Overview->default_policy);
    Page["KnownPolicy"] = Visible(m_Overview->known_policy);
    Page["KnownRule"] = Hex("known");
    ShowForm(Page, "Policy", {"policy"});
    ShowForm(Page, "Known", {"policy"}, Hex("known"));
    size_t uRows = 0;
    for (const auto& [sPattern, sPolicy] : m_Overview->policies) {
        if (++uRows > kRows) break;
        CTemplate& Row = Page.AddRow("Policies");
        Row["Pattern"] = Visible(sPattern);
        Row["Rule"] = Hex(sPattern);
        Row["Policy"] = Visible(sPolicy);
        ShowForm(Row, "Policy", {"policy"}, Hex(sPattern));
    }
    const auto list = [&](const CString& sList, const CString& sButton, const vector<std::string>& patterns) {
        ShowForm(Page, sList, {sButton});
        for (const std::string& sPattern : patterns) {
            if (++uRows > kRows) break;
            CTemplate& Row = Page.AddRow(sList);
            Row["Pattern"] = Visible(sPattern);
            Row["Rule"] = Hex(sPattern);
            ShowForm(Row, sList, {sButton + "-remove"}, Hex(sPattern));
        }
    };
    list("Ignore", "ignore", m_Overview->ignore);
    list("Enable", "enable", m_Overview->enable);
    if (uRows > kRows) Page["MoreRules"] = "1";
}
