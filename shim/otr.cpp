// The ZNC side of otrd: hook -> one line to the daemon; its reply -> effects, in order.
// It decides nothing, holds no key, and never waits: what a hook hands over is held until the
// reply comes. While otrd does not answer, nothing private leaves (see Lost and Stop).

#include <znc/Client.h>
#include <znc/IRCNetwork.h>
#include <znc/IRCSock.h>
#include <znc/Modules.h>
#include <znc/Query.h>
#include <znc/User.h>
#include <znc/znc.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>

#include "line.cpp"  // one file for znc-buildmod

using std::vector;
using wire::Effect;
using wire::Kind;
using wire::Style;

static const char* const kVersion = "0.1.0";
static const char* const kUnchecked = "[not checked by otrd] ";
static const size_t kMaxHeld = 2048, kMaxUnsent = 1 << 20;      // requests, bytes on their way
static const size_t kGather = 8192;                             // bytes that are worth a write
static const size_t kMaxWaiting = 64, kMaxWaitingBytes = 65536;  // for an otrd that is gone
static const long kMaxWait = 600, kMaxSilence = 30, kSettled = 10, kMaxBackoff = 60;  // seconds
static const size_t kMaxBacklog = 200;                           // lines of *otr nobody saw yet

// A request on its way, with the message that it holds back.
struct Held {
    enum class What { Hello, Network, Out, In, Command, Nick, Quit, Join };
    explicit Held(What w, std::string sWho = "", std::string sText = "")
        : what(w), who(std::move(sWho)), text(std::move(sText)) {}
    What what;
    std::string who, text;  // peer or mask; for Nick the old and the new one
    Kind kind = Kind::Text;
    CMessage message;
    uint64_t client = 0, id = 0;
    long since = 0;
};

class COtr;

class COtrSock : public CSocket {
  public:
    explicit COtrSock(COtr* pOtr);
    void Orphan() { m_pOtr = nullptr; }
    void ReadData(const char* data, size_t length) override;
    void Disconnected() override { Gone("the connection ended"); }
    void ConnectionRefused() override { Gone("the connection was refused"); }
    void Timeout() override { Gone("the connection timed out"); }
    void SockError(int, const CString& sWhat) override { Gone(sWhat); }
    // The socket manager still looks at sockets that a callback deleted: leave it a dead one.
    static void operator delete(void* p) { new (p) CZNCSock(); }

  private:
    void Gone(const CString& sWhy);
    COtr* m_pOtr;
    wire::Lines m_Lines;
};

class COtr : public CModule {
  public:
    MODCONSTRUCTOR(COtr) {}
    ~COtr() override;

    bool OnLoad(const CString& sArgs, CString& sMessage) override;
    void OnModCommand(const CString& sLine) override;
    void OnClientLogin() override {
        m_bStale = true;
        Replay();
    }
    void OnClientDisconnect() override {
        m_bStale = true;
        m_Clients.erase(GetClient());
    }
    EModRet OnStatusCommand(CString&) override {  // it may load or unload what writes messages down
        m_bStale = true;
        return CONTINUE;
    }
    void OnIRCConnected() override {
        m_bStale = true;
        TellNetwork();
    }
    void OnIRCDisconnected() override;

    EModRet OnUserTextMessage(CTextMessage& Message) override {
        return Outgoing(Message, Kind::Text, Message.GetText());
    }
    EModRet OnUserActionMessage(CActionMessage& Message) override {
        return Outgoing(Message, Kind::Action, Message.GetText());
    }
    EModRet OnUserNoticeMessage(CNoticeMessage& Message) override {
        return Outgoing(Message, Kind::Notice, Message.GetText());
    }
    EModRet OnUserCTCPMessage(CCTCPMessage& Message) override {
        return Outgoing(Message, Kind::Ctcp, Message.GetText());
    }
    EModRet OnUserCTCPReplyMessage(CCTCPMessage& Message) override {
        return Outgoing(Message, Kind::CtcpReply, Message.GetText());
    }
    EModRet OnPrivTextMessage(CTextMessage& Message) override {
        return Arriving(Message, Kind::Text, Message.GetText());
    }
    EModRet OnPrivActionMessage(CActionMessage& Message) override {
        return Arriving(Message, Kind::Action, Message.GetText());
    }
    EModRet OnPrivNoticeMessage(CNoticeMessage& Message) override {
        return Arriving(Message, Kind::Notice, Message.GetText());
    }
    EModRet OnPrivCTCPMessage(CCTCPMessage& Message) override {  // ZNC asks it about /me as well
        if (Message.GetType() == CMessage::Type::Action) return CONTINUE;
        return Arriving(Message, Kind::Ctcp, Message.GetText());
    }
    EModRet OnCTCPReplyMessage(CCTCPMessage& Message) override {
        return Arriving(Message, Kind::CtcpReply, Message.GetText());
    }
    void OnNickMessage(CNickMessage& Message, const vector<CChan*>& vChans) override;
    void OnQuitMessage(CQuitMessage& Message, const vector<CChan*>& vChans) override;
    void OnJoinMessage(CJoinMessage& Message) override;
    EModRet OnNumericMessage(CNumericMessage& Message) override;
    EModRet OnRawMessage(CMessage& Message) override;
    EModRet OnSendToIRCMessage(CMessage& Message) override {
        return Stop(Message.ToString(), false) ? HALT : CONTINUE;
    }
    EModRet OnSendToIRC(CString& sLine) override { return Stop(sLine, true) ? HALT : CONTINUE; }

    void OnLine(const std::string& line);
    void Flush();
    void Lost(const CString& sWhy, bool bRefused = false);
    void Tick();

  private:
    // The link.
    void Connect();
    void Disconnect();
    void Welcome(const vector<std::string>& protect);
    bool Ask(Held& held);
    bool Keep(Held& held);
    std::string Line(const Held& held) const;
    wire::Surroundings Surroundings() const;
    void TellNetwork();
    CString Trouble() const;

    // Messages held, and what becomes of them.
    EModRet Outgoing(CMessage& Message, Kind kind, const CString& sText);
    EModRet Arriving(CMessage& Message, Kind kind, const CString& sText);
    void Perform(const vector<Effect>& effects, Held* pHead);
    void Fail(Held& held, const CString& sWhy);
    void PassOut(Held& held);
    void PassIn(Held& held);
    template <class M>
    bool LaterModules(EModRet (CModule::*pHook)(M&), CMessage& Message, CClient* pClient);
    bool AnswerCTCP(const CCTCPMessage& Message);
    void Show(CMessage& Message, Kind kind);
    void Echo(CMessage Message, Kind kind, CClient* pOrigin);
    void Buffer(CMessage Message, Kind kind, const CString& sQuery, const CString& sTarget);

    // The guard.
    bool Stop(const CString& sLine, bool bSpend);
    bool StopOne(const CString& sLine, bool bSpend);
    bool Guarded(const CString& sTarget) const;
    CString Order(const CMessage& Message) const;
    void Protect(const CString& sPeer, bool bOn);
    void Rename(std::deque<Held>& queue, const CString& sOld, const CString& sNew);

    // *otr.
    void Say(const CString& sText, Style style = Style::Plain);
    void Refuse(const CString& sTo, const CString& sWhy, const CString& sText);
    void Replay();

    CString ISupport(const CString& sKey, const CString& sDefault) const;
    CString Fold(const CString& sNick) const;
    CString Peer(const CString& sTarget) const;
    CString OwnNick() const;
    void Learn(const CString& sIdent, const CString& sHost);
    uint64_t Number(CClient* pClient);
    CClient* Client(uint64_t uNumber) const;

    COtrSock* m_pSock = nullptr;
    bool m_bUp = false, m_bTold = false, m_bEnding = false, m_bAskedWho = false, m_bStale = true;
    bool m_bConnected = false;  // as otrd was told
    bool m_bRefused = false;    // otrd runs, and does not take us
    long m_iAlive = 0, m_iUp = 0, m_iNext = 0, m_iBackoff = 1, m_iLastCTCP = 0;
    unsigned m_uCTCPs = 0;
    uint64_t m_uNextId = 1, m_uNextClient = 1;
    std::deque<Held> m_Queue, m_Waiting;
    vector<CString> m_vGuarded;
    std::map<CString, unsigned> m_Ordered;  // lines of `send` that have not passed the guard yet
    std::map<CClient*, uint64_t> m_Clients;
    std::deque<CString> m_Backlog;
    size_t m_uDropped = 0;
    CString m_sPath, m_sWhy, m_sIdent, m_sHost;
    std::string m_sNetwork, m_sUnsent;
    CString m_sSent, m_sOrder;  // the last line of `send`, and its order
};

class COtrTimer : public CTimer {
  public:
    explicit COtrTimer(COtr* pOtr) : CTimer(pOtr, 1, 0, "otrd", "Looks after the link to otrd") {}
    void RunJob() override { static_cast<COtr*>(GetModule())->Tick(); }
};

static long Now() {
    using namespace std::chrono;
    return static_cast<long>(duration_cast<seconds>(steady_clock::now().time_since_epoch()).count());
}

// Nothing that could end or split an IRC line.
static bool Ends(char c) { return c == '\r' || c == '\n' || c == '\0'; }

static CString Clean(const std::string& text) {
    CString sClean(text);
    sClean.erase(std::remove_if(sClean.begin(), sClean.end(), Ends), sClean.end());
    return sClean;
}

static CString PrivLine(const CString& sTarget, Kind kind, const std::string& text) {
    CString sText = Clean(text);
    if (kind != Kind::Text && kind != Kind::Notice)
        sText = (kind == Kind::Action ? "\001ACTION " : "\001") + sText.Replace_n("\001", "") + "\001";
    const bool bNotice = kind == Kind::Notice || kind == Kind::CtcpReply;
    return CString(bNotice ? "NOTICE " : "PRIVMSG ") + sTarget + " :" + sText;
}

static bool IsOtr(const CString& sText) { return sText.compare(0, 4, "?OTR") == 0; }

// Text as ZNC's own types read and write it, /me without its wrapping.
static CString Text(CMessage& Message, Kind kind) {
    if (kind == Kind::Action) return Message.As<CActionMessage>().GetText();
    return Message.GetParam(1);
}

static void SetText(CMessage& Message, Kind kind, const CString& sText) {
    if (kind == Kind::Action)
        Message.As<CActionMessage>().SetText(sText);
    else
        Message.SetParam(1, sText);
}

static void MarkUnchecked(CMessage& Message, Kind kind) {
    if (kind != Kind::Ctcp && kind != Kind::CtcpReply)
        SetText(Message, kind, kUnchecked + Text(Message, kind));
}

// ---------------------------------------------------------------------------- the link

COtrSock::COtrSock(COtr* pOtr) : CSocket(pOtr), m_pOtr(pOtr) {
    DisableReadLine();
    SetTimeout(0);
}

void COtrSock::Gone(const CString& sWhy) {
    if (m_pOtr) m_pOtr->Lost(sWhy);
}

void COtrSock::ReadData(const char* data, size_t length) {
    m_Lines.Push(data, length);
    std::string line;
    while (m_pOtr && m_Lines.Next(line)) m_pOtr->OnLine(line);
    if (m_pOtr) m_pOtr->Flush();
    if (m_Lines.TooLong()) Gone("otrd sent a line over 64 KiB");
}

bool COtr::OnLoad(const CString& sArgs, CString& sMessage) {
    VCString vsArgs;
    sArgs.Split(" ", vsArgs, false);
    for (CString& sArg : vsArgs) {
        if (!sArg.TrimPrefix("socket=") || (!sArg.empty() && sArg[0] != '/')) {
            sMessage = "Unknown argument: load otr with socket=/PATH or with nothing";
            return false;
        }
        SetNV("socket", sArg);
    }
    VCString vsGuarded;
    GetNV("guard").Split(" ", vsGuarded, false);
    m_vGuarded = vsGuarded;
    AddTimer(new COtrTimer(this));
    if (GetNetwork()->IsIRCConnected()) {
        m_bAskedWho = true;  // else 001 makes ZNC ask
        PutIRC("WHO " + OwnNick());
    }
    Connect();
    return true;
}

COtr::~COtr() {
    m_bTold = m_bEnding = true;
    if (m_bUp) {
        m_sUnsent += wire::Bye("module unloaded");
        Flush();
    }
    Lost("the module is being unloaded");
    for (Held& held : m_Waiting)
        if (held.what == Held::What::In) PassIn(held);
    while (BeginSockets() != EndSockets()) {
        static_cast<COtrSock*>(*BeginSockets())->Orphan();
        RemSocket(*BeginSockets());
    }
}

void COtr::Connect() {
    const char* szRuntime = getenv("XDG_RUNTIME_DIR");
    VCString vsPaths = {GetNV("socket")};
    if (vsPaths[0].empty()) {
        vsPaths = {"/run/otrd/shim.sock"};
        if (szRuntime) vsPaths.push_back(CString(szRuntime) + "/otrd/shim.sock");
    }
    for (const CString& sPath : vsPaths) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        m_sPath = sPath;
        errno = ENAMETOOLONG;
        if (sPath.size() >= sizeof(address.sun_path)) continue;
        memcpy(address.sun_path, sPath.data(), sPath.size());
        const int iFd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (iFd >= 0 && connect(iFd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
            m_pSock = new COtrSock(this);
            m_pSock->ConnectFD(iFd, iFd, "otrd", false, Csock::OUTBOUND);
            GetManager()->AddSock(m_pSock, "otrd");
            m_iAlive = Now();
            m_sWhy = "it has not answered yet";
            m_bRefused = false;
            Held hello(Held::What::Hello);
            Ask(hello);
            return;
        }
        const int iError = errno;
        if (iFd >= 0) close(iFd);
        errno = iError;
        if (errno != ENOENT) break;
    }
    Lost(strerror(errno));
}

void COtr::Disconnect() {
    m_sUnsent.clear();
    if (m_pSock) {
        m_pSock->Orphan();
        m_pSock->Close();  // the manager deletes it, later
        m_pSock = nullptr;
    }
}

void COtr::Welcome(const vector<std::string>& protect) {
    m_bUp = true;
    m_iUp = Now();
    m_vGuarded.assign(protect.begin(), protect.end());
    TellNetwork();
    std::deque<Held> waiting;
    waiting.swap(m_Waiting);
    for (Held& held : waiting) {
        if (held.what == Held::What::Nick && Guarded(held.who)) m_vGuarded.push_back(held.text);
        if (!Ask(held)) Fail(held, Trouble());
    }
    SetNV("guard", CString(" ").Join(m_vGuarded.begin(), m_vGuarded.end()));
    if (m_bTold) Say("otrd is back.", Style::Good);
    m_bTold = false;
}

// The link is gone, or as good as gone: whatever was held comes back, and nothing goes out.
void COtr::Lost(const CString& sWhy, bool bRefused) {
    Disconnect();
    const bool bSettled = m_bUp && Now() - m_iUp >= kSettled;
    m_bUp = false;
    m_sWhy = sWhy;
    m_bRefused = bRefused;
    m_sNetwork.clear();
    if (bSettled) m_iBackoff = 1;
    m_iNext = Now() + m_iBackoff;
    m_iBackoff = std::min(kMaxBackoff, m_iBackoff * 2);
    std::deque<Held> queue;
    queue.swap(m_Queue);
    for (Held& held : queue)
        if (held.what == Held::What::Out || held.what == Held::What::In ||
            held.what == Held::What::Nick || held.what == Held::What::Command)
            if (!Keep(held)) Fail(held, Trouble());
    if (m_bTold) return;
    m_bTold = true;
    Say(Trouble() + " Until it is back, private messages are not sent, arriving ones not checked.",
        Style::Bad);
}

CString COtr::Trouble() const {
    const CString sWhy = m_bUp ? CString("too much is waiting") : m_sWhy;
    if (m_bRefused)
        return "otrd does not take this module (" + CString(kVersion) + "): " + sWhy + " (" + m_sPath + ").";
    return "otrd is not running or not answering: " + sWhy + " (" + m_sPath +
           "). See that it runs: systemctl status otrd.";
}

// Sends a request and queues it. False: behave as with the daemon gone; `held` is untouched.
bool COtr::Ask(Held& held) {
    if (!m_pSock || (!m_bUp && held.what != Held::What::Hello)) return false;
    // The surroundings are looked at when they may have changed, not for each message.
    const bool bStale = m_bStale || m_bConnected != GetNetwork()->IsIRCConnected();
    if (bStale && held.what != Held::What::Hello && held.what != Held::What::Network) TellNetwork();
    held.id = m_uNextId++;
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

// Keeps for the next otrd what only it can make sense of: OTR lines, and who a guarded peer is now.
bool COtr::Keep(Held& held) {
    size_t uBytes = held.text.size();
    for (const Held& other : m_Waiting) uBytes += other.text.size();
    const bool bOtr = held.what == Held::What::In && IsOtr(held.text);
    const bool bNick = held.what == Held::What::Nick && Guarded(held.who);
    if ((!bOtr && !bNick) || m_Waiting.size() >= kMaxWaiting || uBytes > kMaxWaitingBytes) return false;
    held.since = Now();
    m_Waiting.push_back(std::move(held));
    return true;
}

std::string COtr::Line(const Held& held) const {
    switch (held.what) {
        case Held::What::Hello: return wire::Hello(held.id, GetUser()->GetUsername(),
                                    GetNetwork()->GetName(), kVersion, CZNC::GetVersion());
        case Held::What::Network: return wire::Network(held.id, Surroundings());
        case Held::What::Out: return wire::Out(held.id, held.who, held.kind, held.text, held.client);
        case Held::What::In: return wire::In(held.id, held.who, held.kind, held.text);
        case Held::What::Command: return wire::Command(held.id, held.text);
        case Held::What::Nick: return wire::Nick(held.id, held.who, held.text);
        case Held::What::Quit: return wire::Quit(held.id, held.who);
        case Held::What::Join: return wire::Join(held.id, held.who);
    }
    return "";
}

wire::Surroundings COtr::Surroundings() const {
    wire::Surroundings now;
    now.connected = GetNetwork()->IsIRCConnected();
    if (!m_sHost.empty()) now.mask = OwnNick() + "!" + m_sIdent + "@" + m_sHost;
    if (const unsigned uLength = ISupport("LINELEN", "512").ToUInt()) now.linelen = uLength;
    now.casemapping = ISupport("CASEMAPPING", "");  // not known before 005
    now.chantypes = ISupport("CHANTYPES", "#&+!");
    now.statusmsg = ISupport("STATUSMSG", "");
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
    m_bConnected = GetNetwork()->IsIRCConnected();
    const std::string network = wire::Network(0, Surroundings());
    Held held(Held::What::Network);
    if (network != m_sNetwork && Ask(held)) m_sNetwork = network;
}

void COtr::Tick() try {
    if (!m_pSock && Now() >= m_iNext)
        Connect();
    else if (m_pSock && !m_Queue.empty() && Now() - m_iAlive > kMaxSilence)
        Lost("no answer for " + CString(kMaxSilence) + " s");
    TellNetwork();
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
    switch (in.what) {
        case What::Damaged:
            return Lost("otrd sent something that is no answer");
        case What::Unknown:
            return;
        case What::Bye:
            return Lost("otrd said goodbye: " + Clean(in.why));
        case What::Effects: {
            if (in.why.empty()) return Perform(in.effects, nullptr);
            return Say(Clean(in.why) + ": update it.", Style::Bad);
        }
        case What::Welcome:
        case What::Reply:
        case What::Failed:
            break;
    }
    if (m_Queue.empty() || in.id != m_Queue.front().id)
        return Lost(in.what == What::Failed ? Clean(in.why) : CString("otrd answered out of order"));
    Held head = std::move(m_Queue.front());
    m_Queue.pop_front();
    m_iAlive = Now();
    const bool bHello = head.what == Held::What::Hello;
    if (in.what == What::Failed)
        return bHello ? Lost(Clean(in.why), true) : Fail(head, Clean(in.why));
    if (bHello != (in.what == What::Welcome)) {
        m_Queue.push_front(std::move(head));
        return Lost("otrd answered something else than was asked");
    }
    return bHello ? Welcome(in.protect) : Perform(in.effects, &head);
} catch (const std::exception& e) {
    Lost(CString("the otr module failed: ") + e.what());
}

// ---------------------------------------------------------------------------- messages

void COtr::OnModCommand(const CString& sLine) try {
    Held held(Held::What::Command, "", sLine);
    held.client = Number(GetClient());
    if (!Ask(held)) Fail(held, Trouble());
} catch (const std::exception& e) {
    Say(CString("The otr module failed: ") + e.what(), Style::Bad);
}

CModule::EModRet COtr::Outgoing(CMessage& Message, Kind kind, const CString& sText) try {
    const CString sPeer = Peer(Message.GetParam(0));
    if (sPeer.empty()) return CONTINUE;
    Held held(Held::What::Out, sPeer, sText);
    held.kind = kind;
    held.client = Number(GetClient());
    held.message = Message;
    held.message.SetClient(nullptr);
    held.message.SetChan(nullptr);
    if (!Ask(held)) Fail(held, Trouble());
    return HALT;
} catch (const std::exception& e) {
    Say(CString("Not sent, the otr module failed: ") + e.what(), Style::Bad);
    return HALT;
}

CModule::EModRet COtr::Arriving(CMessage& Message, Kind kind, const CString& sText) try {
    const CNick& Nick = Message.GetNick();
    Held held(Held::What::In, Nick.GetNickMask(), sText);
    // A server has no `!`; what comes back from ourselves is no peer's.
    if (held.who.find('!') == std::string::npos || !wire::ValidMask(held.who) ||
        Nick.NickEquals(OwnNick()) || !Message.GetParam(0).Equals(OwnNick()))
        return CONTINUE;
    held.kind = kind;
    held.message = Message;
    held.message.SetClient(nullptr);
    held.message.SetChan(nullptr);
    if (Ask(held) || Keep(held)) return HALT;
    MarkUnchecked(Message, kind);
    return CONTINUE;
} catch (const std::exception& e) {
    Say(CString("Not checked, the otr module failed: ") + e.what(), Style::Bad);
    return CONTINUE;
}

void COtr::Perform(const vector<Effect>& effects, Held* pHead) {
    const bool bOut = pHead && pHead->what == Held::What::Out;
    const bool bIn = pHead && pHead->what == Held::What::In;
    const auto isPass = [](const Effect& effect) { return effect.what == Effect::Do::Pass; };
    if (std::count_if(effects.begin(), effects.end(), isPass) > (bOut || bIn ? 1 : 0)) {
        Held none(Held::What::Command);
        return Fail(pHead ? *pHead : none, "otrd let a message pass that is not held");
    }
    CClient* pOld = GetClient();
    if (pHead && pHead->what == Held::What::Command) SetClient(Client(pHead->client));
    for (const Effect& effect : effects) {
        const CString sWho = Clean(effect.who);
        switch (effect.what) {
            case Effect::Do::Pass:
                if (bIn)
                    PassIn(*pHead);
                else if (Guarded(pHead->who))
                    Refuse(pHead->who, "this conversation is private", pHead->text);
                else
                    PassOut(*pHead);
                break;
            case Effect::Do::Send: {
                const CString sLine = PrivLine(sWho, effect.kind, effect.text);
                m_sSent = sLine;
                m_sOrder = Order(CMessage(sLine));
                m_Ordered[m_sOrder]++;
                if (!PutIRC(sLine)) {
                    m_Ordered.clear();
                    Say("[" + sWho + "] A line was lost: you are not connected to IRC.", Style::Bad);
                }
                break;
            }
            case Effect::Do::Deliver: {
                // Whoever changed nick while his message was held is shown under the new one.
                CString sMask = sWho;
                if (bIn && Fold(wire::NickOf(sWho)) == Fold(wire::NickOf(pHead->who)))
                    sMask = pHead->message.GetNick().GetNickMask();
                CMessage Message(":" + sMask + " " + PrivLine(OwnNick(), effect.kind, effect.text));
                Message.SetNetwork(GetNetwork());
                if (bIn) Message.SetTime(pHead->message.GetTime());
                if (bIn && !pHead->message.GetTag("time").empty())
                    Message.SetTag("time", pHead->message.GetTag("time"));
                Show(Message, effect.kind);
                break;
            }
            case Effect::Do::Echo: {
                CMessage Message(PrivLine(sWho, effect.kind, effect.text));
                Echo(Message, effect.kind, Client(effect.client));
                break;
            }
            case Effect::Do::Print:
                Say(effect.text, effect.style);
                break;
            case Effect::Do::Table: {
                CTable Table;
                for (const std::string& column : effect.columns) Table.AddColumn(Clean(column));
                for (const auto& row : effect.rows) {
                    Table.AddRow();
                    for (size_t i = 0; i < row.size() && i < effect.columns.size(); i++)
                        Table.SetCell(Clean(effect.columns[i]), Clean(row[i]));
                }
                CString sLine;
                for (unsigned i = 0; Table.GetLine(i, sLine); i++) Say(sLine);
                break;
            }
            case Effect::Do::Protect:
                Protect(sWho, effect.on);
                break;
            case Effect::Do::Refuse:
                Refuse(sWho, Clean(effect.why), effect.text);
                break;
        }
    }
    SetClient(pOld);
}

// What was held comes back to the user: outgoing as not sent, incoming as not looked at.
void COtr::Fail(Held& held, const CString& sWhy) {
    if (held.what == Held::What::Out) return Refuse(held.who, sWhy, held.text);
    if (held.what == Held::What::In) {
        MarkUnchecked(held.message, held.kind);
        PassIn(held);
    }
    if (m_bUp || held.what == Held::What::Command) Say(sWhy, Style::Bad);
}

// As CModules does, but only the network modules that come after this one.
template <class M>
bool COtr::LaterModules(EModRet (CModule::*pHook)(M&), CMessage& Message, CClient* pClient) {
    CModules& Modules = GetNetwork()->GetModules();
    const vector<CModule*> vModules(Modules.begin(), Modules.end());
    bool bHaltCore = false;
    Message.SetClient(pClient);
    auto it = std::find(vModules.begin(), vModules.end(), this);
    for (it += it != vModules.end(); it != vModules.end(); ++it) {
        CModule* pModule = *it;
        if (std::find(Modules.begin(), Modules.end(), pModule) == Modules.end()) continue;
        CClient* pOld = pModule->GetClient();
        pModule->SetClient(pClient);
        EModRet eRet = CONTINUE;
        try {
            eRet = (pModule->*pHook)(Message.As<M>());
            pModule->SetClient(pOld);
        } catch (const EModException& e) {
            if (e == UNLOAD) Modules.UnloadModule(pModule->GetModName());
        }
        bHaltCore = bHaltCore || eRet == HALT || eRet == HALTCORE;
        if (eRet == HALT || eRet == HALTMODS) break;
    }
    return bHaltCore;
}

// Client.cpp: what core does with an outgoing message once no module stopped it.
void COtr::PassOut(Held& held) {
    CMessage& Message = held.message;
    CClient* pClient = Client(held.client);
    const auto ask = [&](auto pHook) { return LaterModules(pHook, Message, pClient); };
    bool bHalt = false;
    switch (held.kind) {
        case Kind::Text: bHalt = ask(&CModule::OnUserTextMessage); break;
        case Kind::Action: bHalt = ask(&CModule::OnUserActionMessage); break;
        case Kind::Notice: bHalt = ask(&CModule::OnUserNoticeMessage); break;
        case Kind::Ctcp: bHalt = ask(&CModule::OnUserCTCPMessage); break;
        case Kind::CtcpReply: bHalt = ask(&CModule::OnUserCTCPReplyMessage); break;
    }
    if (bHalt) return;
    CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    if (!pIRC && held.kind != Kind::Action) {
        const char* szWhat = "CTCP";
        if (held.kind == Kind::Text) szWhat = "message";
        if (held.kind == Kind::Notice) szWhat = "notice";
        GetNetwork()->PutStatus("Your " + CString(szWhat) + " to " + Message.GetParam(0) +
                                    " got lost, you are not connected to IRC!", pClient);
        return;
    }
    Echo(Message, held.kind, pClient);
    unsigned uFlags = CMessage::ExcludePrefix | CMessage::ExcludeTags;
#if VERSION_MAJOR > 1 || VERSION_MINOR >= 10
    if (pIRC && pIRC->IsCapAccepted("message-tags")) uFlags = CMessage::ExcludePrefix;
#endif
    PutIRC(Message.ToString(uFlags));
}

// IRCSock.cpp: the same for an incoming one.
void COtr::PassIn(Held& held) {
    CMessage& Message = held.message;
    bool bHalt = false;
    const auto ask = [&](auto pHook) { return LaterModules(pHook, Message, nullptr); };
    if (!m_bEnding) switch (held.kind) {
        case Kind::Text: bHalt = ask(&CModule::OnPrivTextMessage); break;
        case Kind::Action: bHalt = ask(&CModule::OnPrivActionMessage); break;
        case Kind::Notice: bHalt = ask(&CModule::OnPrivNoticeMessage); break;
        case Kind::Ctcp: bHalt = ask(&CModule::OnPrivCTCPMessage) || AnswerCTCP(Message); break;
        case Kind::CtcpReply: bHalt = ask(&CModule::OnCTCPReplyMessage); break;
    }
    if (!bHalt) Show(Message, held.kind);
}

bool COtr::AnswerCTCP(const CCTCPMessage& Message) {
    const CString sQuery = Message.GetText().Token(0).AsUpper();
    const MCString& Replies = GetUser()->GetCTCPReplies();
    const auto it = Replies.find(sQuery);
    CString sReply;
    if (it != Replies.end()) {
        sReply = ExpandString(it->second);
        if (sReply.empty()) return true;
    } else if (!GetNetwork()->IsUserAttached()) {
        if (sQuery == "VERSION") sReply = CZNC::GetTag(false);
        if (sQuery == "PING") sReply = Message.GetText().Token(1, true);
    }
    if (sReply.empty()) return false;
    if (m_iLastCTCP + 5 < Now()) m_uCTCPs = 0;
    m_iLastCTCP = Now();
    if (m_uCTCPs++ < 5)
        PutIRC("NOTICE " + Message.GetNick().GetNick() + " :\001" + sQuery + " " + sReply + "\001");
    return true;
}

void COtr::Show(CMessage& Message, Kind kind) {
    const bool bOnline = GetNetwork()->IsUserOnline();
    const CString sNick = Message.GetNick().GetNick();
    const bool bKeep = !bOnline || !GetUser()->AutoClearQueryBuffer();
    if (bKeep && (kind == Kind::Text || kind == Kind::Action))
        Buffer(Message, kind, sNick, "{target}");
    if (kind == Kind::Notice && !bOnline) Buffer(Message, kind, "", "{target}");
    GetNetwork()->PutUser(Message);
}

void COtr::Echo(CMessage Message, Kind kind, CClient* pOrigin) {
    if (kind == Kind::Ctcp || kind == Kind::CtcpReply) return;
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    CString sMask = GetNetwork()->GetIRCNick().GetNickMask();
    if (pIRC && pIRC->IsAuthed())
        sMask = pIRC->GetNickMask();
    else if (pOrigin)
        sMask = pOrigin->GetNickMask();
    Message.SetNick(CNick(sMask));
    if (kind != Kind::Notice && (!GetUser()->AutoClearQueryBuffer() || !GetNetwork()->IsUserOnline()))
        Buffer(Message, kind, Message.GetParam(0), _NAMEDFMT(Message.GetParam(0)));
    for (CClient* pClient : GetNetwork()->GetClients())
        if (pClient->HasEchoMessage() || (pClient != pOrigin && pClient->HasSelfMessage()))
            pClient->PutClient(Message);
}

// Into the query of that name; without one into the notices for the next login.
void COtr::Buffer(CMessage Message, Kind kind, const CString& sQuery, const CString& sTarget) {
    const CString sText = Text(Message, kind);
    Message.SetClient(nullptr);
    Message.SetNick(CNick(_NAMEDFMT(Message.GetNick().GetNickMask())));
    Message.SetParam(0, sTarget);
    SetText(Message, kind, "{text}");
    if (sQuery.empty())
        GetNetwork()->AddNoticeBuffer(Message, sText);
    else if (CQuery* pQuery = GetNetwork()->AddQuery(sQuery))
        pQuery->AddBuffer(Message, sText);
}

// ---------------------------------------------------------------------------- the guard

// Whether a line must not go to IRC: it carries words to a guarded peer that no `send` ordered.
// ZNC asks twice for each line; only the second time (bSpend) an order is used up.
bool COtr::Stop(const CString& sLine, bool bSpend) {
    if (m_vGuarded.empty() && m_Ordered.empty()) return false;
    if (std::none_of(sLine.begin(), sLine.end(), Ends)) return StopOne(sLine, bSpend);
    VCString vsPieces;  // some servers end a line at a lone CR
    sLine.Replace_n("\r", "\n").Replace_n(CString(1, '\0'), "\n").Split("\n", vsPieces, false);
    return std::any_of(vsPieces.begin(), vsPieces.end(),
                       [&](const CString& sPiece) { return StopOne(sPiece, bSpend); });
}

bool COtr::StopOne(const CString& sLine, bool bSpend) {
    const auto isOrdered = [&](const CString& sOrder) {
        const auto it = m_Ordered.find(sOrder);
        if (it == m_Ordered.end()) return false;
        if (bSpend && --it->second == 0) m_Ordered.erase(it);
        return true;
    };
    if (sLine == m_sSent && isOrdered(m_sOrder)) return false;
    const CMessage Message(sLine);
    const CString sCommand = Message.GetCommand().AsUpper();
    const bool bTags = sCommand == "TAGMSG";
    if (!bTags && sCommand != "PRIVMSG" && sCommand != "NOTICE" && sCommand != "CPRIVMSG" &&
        sCommand != "CNOTICE")
        return false;
    if (isOrdered(Order(Message))) return false;
    VCString vsTargets;
    Message.GetParam(0).Split(",", vsTargets, false);
    for (const CString& sTarget : vsTargets)
        if (Guarded(sTarget)) {
            if (!bTags) Say("[" + sTarget + "] Stopped, it was not encrypted: " + sLine, Style::Bad);
            return true;
        }
    return false;
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
    if (!wire::ValidNick(held.who) || !wire::ValidNick(held.text)) return;
    const bool bGuarded = Guarded(sOld);
    if (bGuarded) Protect(sNew, true);  // no gap until otrd says so
    if (!bGuarded && m_Queue.size() > kMaxHeld / 2) return;
    if (!Ask(held)) Keep(held);
}

void COtr::Rename(std::deque<Held>& queue, const CString& sOld, const CString& sNew) {
    for (Held& held : queue)
        if (held.what == Held::What::In && held.message.GetNick().NickEquals(sOld))
            held.message.GetNick().SetNick(sNew);
}

void COtr::OnQuitMessage(CQuitMessage& Message, const vector<CChan*>&) {
    Held held(Held::What::Quit, Message.GetNick().GetNick());
    // A netsplit must not fill the queue.
    if (m_Queue.size() > kMaxHeld / 2 && !Guarded(held.who)) return;
    if (wire::ValidNick(held.who)) Ask(held);
}

void COtr::OnJoinMessage(CJoinMessage& Message) {
    const CNick& Nick = Message.GetNick();
    if (Nick.NickEquals(OwnNick())) return Learn(Nick.GetIdent(), Nick.GetHost());
    Held held(Held::What::Join, Nick.GetNick());
    if (Guarded(held.who)) Ask(held);
}

// ---------------------------------------------------------------------------- who we are

void COtr::OnIRCDisconnected() {
    m_sIdent.clear();
    m_sHost.clear();
    m_Ordered.clear();
    m_bAskedWho = false;
    m_bStale = true;  // ZNC still takes itself for connected here
}

CModule::EModRet COtr::OnNumericMessage(CNumericMessage& Message) {
    const auto isOwn = [&](unsigned u) { return Message.GetParam(u).Equals(OwnNick()); };
    switch (Message.GetCode()) {
        case 5:  // read by ZNC after this
            m_bStale = true;
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
            if (uAt == CString::npos)
                Learn(m_sIdent, sHost);
            else
                Learn(sHost.substr(0, uAt), sHost.substr(uAt + 1));
            break;
        }
    }
    return CONTINUE;
}

CModule::EModRet COtr::OnRawMessage(CMessage& Message) {
    if (Message.GetCommand().Equals("CHGHOST") && Message.GetNick().NickEquals(OwnNick()))
        Learn(Message.GetParam(0), Message.GetParam(1));
    return CONTINUE;
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

CString COtr::ISupport(const CString& sKey, const CString& sDefault) const {
    const CIRCSock* pIRC = GetNetwork()->GetIRCSock();
    return pIRC ? pIRC->GetISupport(sKey, sDefault) : sDefault;
}

CString COtr::Fold(const CString& sNick) const {
    const CString sMapping = ISupport("CASEMAPPING", "rfc1459");
    const bool bStrict = sMapping.Equals("rfc1459-strict") || sMapping.Equals("strict-rfc1459");
    const bool bLetters = sMapping.Equals("ascii") || sMapping.Equals("rfc7613");
    const CString sUpper = bLetters ? "" : bStrict ? "[]\\" : "[]\\^";
    CString sFolded = sNick.AsLower();
    for (char& c : sFolded) {
        const size_t u = sUpper.find(c);
        if (u != CString::npos) c = "{}|~"[u];
    }
    return sFolded;
}

// The person that a target means, as nick, nick!user@host, nick@server or nick%host; empty for
// channels, masks and ZNC's own nicks. Before 005, IsChan() calls everything a channel.
CString COtr::Peer(const CString& sTarget) const {
    if (sTarget.StartsWith(GetUser()->GetStatusPrefix()) || sTarget.StartsWith("$")) return "";
    CString sBare = sTarget;
    sBare.erase(0, sBare.find_first_not_of(ISupport("STATUSMSG", "")));
    if (sBare.empty() || ISupport("CHANTYPES", "#&+!").find(sBare[0]) != CString::npos) return "";
    const CString sNick = sBare.substr(0, sBare.find_first_of("!@%"));
    return wire::ValidNick(sNick) && !sNick.Equals(OwnNick()) ? sNick : CString();
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

// ---------------------------------------------------------------------------- *otr

void COtr::Say(const CString& sText, Style style) {
    static const char* const kColours[] = {"", "\x03" "03", "\x03" "07", "\x03" "04"};
    CString sLine = Clean(sText);
    if (style != Style::Plain) sLine = kColours[static_cast<int>(style)] + sLine + "\x0f";
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
    Say("[" + sTo + "] Not sent (" + sWhy + "): " + sText, Style::Bad);
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
