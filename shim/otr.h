// The module's class, and the small things that all its parts use.
#pragma once

#include <znc/Chan.h>
#include <znc/Client.h>
#include <znc/IRCNetwork.h>
#include <znc/IRCSock.h>
#include <znc/Modules.h>
#include <znc/Query.h>
#include <znc/User.h>
#include <znc/znc.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "closed.h"
#include "held.h"
#include "irc_text.h"
#include "protocol.h"
#include "random_ids.h"
#include "required.h"
#include "mark.h"
#include "target.h"
#include "wrap.h"

using std::vector;
using wire::Effect;
using wire::Kind;
using wire::Style;

static const char* const kNoIRC = "ZNC is not connected to this network: try again then";
static const char* const kMayReach = "it may reach somebody with whom a conversation is private";
// Prefixes the key of a line that otrd lets out in clear: it authorizes nothing once its peer is closed.
static const char* const kInClear = "clear ";
static const char* const kUnchecked = "[not checked by otrd] ";
static const char* const kClear = "clear";                    // what protects a text: nothing
static const char* const kNotEncrypted = "[NOT ENCRYPTED] ";  // in a conversation that is private
static const char* const kNewKey = "[UNVERIFIED NEW KEY] ";   // another than the one known of the nick
static const char* const kPerhapsShown = "[perhaps shown before] ";
// All that this module puts in front of a person's words.
static const std::array<const char*, 4> kMarks = {kNotEncrypted, kNewKey, kPerhapsShown, kUnchecked};
static const char* const kPerhapsSaid = " (may be a repeat)";
static const char* const kOfNetwork = "irc:";               // before a name that only ZNC may use
static const unsigned kMaxBlockedSaid = 10;                 // lines that are said to be stopped
static const long kBlockedPause = 30;                       // seconds without, after which they are again
static const size_t kMaxHeld = 2048, kMaxUnsent = 1 << 20;  // requests, bytes on their way
static const unsigned kMaxStoredAtOnce = 8;                 // writes of the registry in a second
static const size_t kTurn = 4096, kAtOnce = 65536;          // bytes ZNC reads in a turn, and we
static const size_t kGather = 8192;                         // bytes that are worth a write
static const size_t kMaxWaiting = 64, kMaxWaitingBytes = 65536;  // for an otrd that is gone
static const long kMaxWait = 600, kMaxSilence = 30, kSettled = 10, kMaxBackoff = 60,
                  kQuickBackoff = 8;      // seconds
static const long kReconnectGrace = 5;    // seconds in which the link may come back and nothing is lost
static const uint64_t kMaxUnacked = 256;  // lines taken before otrd is told so
static const size_t kMaxKept = 1024;      // texts that wait with otrd, which takes half as many
static const long kWhoEvery = 60;         // seconds
static const size_t kMaxLeaving = 4096, kMaxToIRC = 1 << 23;         // lines and bytes on their way to IRC
static constexpr auto kMaxLearning = std::chrono::milliseconds(50);  // of user names, at once
static const size_t kMaxMoved = 256;  // changes of nick that otrd has not answered yet
static const uint64_t kNotAsked = UINT64_MAX;
static const size_t kMaxLeft = 1024;    // lines that ZNC holds back as the module is unloaded
static const size_t kMaxSaid = 30;      // sentences of *otr in the page
static const size_t kMaxBacklog = 200;  // lines of *otr nobody saw yet

static long Now() {
    using namespace std::chrono;
    return static_cast<long>(duration_cast<seconds>(steady_clock::now().time_since_epoch()).count());
}

class COtr;

// A connection to otrd. It has no members of its own, so that a closed one can become a plain socket
// of ZNC's in its place: see Retire.
class COtrSock : public CZNCSock {
  public:
    explicit COtrSock(COtr* pOtr);
    ~COtrSock() override { s_Owners.erase(this); }
    // From now on it does nothing more; ZNC deletes it in its next turn.
    void Orphan();
    // At the module's end: those of it become ZNC's.
    static void RetireAllOf(const COtr* pOtr);
    void ReadData(const char* data, size_t length) override;
    void Disconnected() override { Gone("the connection ended"); }
    void ConnectionRefused() override { Gone("the connection was refused"); }
    void Timeout() override { Gone("the connection timed out"); }
    void SockError(int, const CString& sWhat) override { Gone(sWhat); }

  private:
    struct Owner {
        COtr* pOtr;
        bool bOrphan;
    };
    COtr* Otr() const;
    void Take(const char* data, size_t length);
    void Gone(const CString& sWhy);
    static std::map<const COtrSock*, Owner> s_Owners;
};
static_assert(sizeof(COtrSock) == sizeof(CZNCSock), "ZNC frees one as the other");

class COtr : public CModule {
  public:
    MODCONSTRUCTOR(COtr) {}
    ~COtr() override;

    bool OnLoad(const CString& sArgs, CString& sMessage) override;
    bool OnBoot() override;
    void OnModCommand(const CString& sLine) override;
    void OnClientLogin() override {
        m_bStale = true;
        LetTagsPass();
        Replay();
    }
    void OnClientDisconnect() override {
        m_bStale = true;
        m_Clients.erase(GetClient());
    }
    EModRet OnStatusCommand(CString& sLine) override {  // it may load or unload what writes messages down
        m_bStale = true;
        if (sLine.Token(0).Equals("shutdown") && GetUser()->IsAdmin()) s_iShutdown = Now();
        return CONTINUE;
    }
    void OnIRCConnected() override {
        m_bStale = true;
        m_iWhoLater = Now() + kWhoEvery;  // ZNC asks by itself
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
    EModRet OnUserRawMessage(CMessage& Message) override;
    EModRet OnSendToClientMessage(CMessage& Message) override;
    EModRet OnPrivBufferPlayMessage(CMessage& Message) override;
    EModRet OnSendToIRC(CString& sLine) override;

    CString GetWebMenuTitle() override { return HasPage() ? "OTR" : ""; }
    bool OnWebRequest(CWebSock& WebSock, const CString& sPage, CTemplate& Page) override;

    void OnLine(const std::string& line);
    wire::LineBuffer& Buffer() { return m_LineBuffer; }
    void Flush();
    void Lost(const CString& sWhy, bool bRefused = false);
    void Tick();

  private:
    // The link.
    void Connect();
    void Disconnect();
    void Welcome(const wire::Incoming& in);
    void CloseForgotten(const std::string& sName);
    void Broken(const CString& sWhy);
    // The link was lost a moment ago: messages wait for the next one.
    bool InGrace() const { return !m_bUp && Now() <= m_iGrace; }
    void SaidBye(const wire::Incoming& in);
    void TakeBack();
    void EndGrace();
    void SayTrouble();
    COtr* Heir() const;
    void Inherit(const COtr& Former);
    void GiveBack(const CString& sWhy);
    void GiveUp(Held& held, const CString& sWhy);
    void GiveBackKept(const CString& sWhy);
    void GiveBackKept(const vector<uint64_t>& ids, const CString& sWhy);
    void Acknowledge();
    bool SendRequest(Held& held);
    bool Defer(Held& held);
    static VCString DefaultSockets();
    VCString Sockets() const;
    int OpenSocket();
    bool TryNextSocket();
    void RememberSocket();
    CString Advice(int iError) const;
    bool IsUserKnown() const;
    bool IsInConfig() const;
    static CString ConfigVersion();
    void KeepLoaded();
    bool IsForLater(const Held& held) const;
    std::string Line(const Held& held) const;
    wire::NetworkInfo NetworkInfo() const;
    void TellNetwork();
    CString Trouble() const;

    // Messages held, and what becomes of them.
    EModRet Outgoing(CMessage& Message, Kind kind, const CString& sText);
    EModRet Arriving(CMessage& Message, Kind kind, const CString& sText);
    void Perform(const vector<Effect>& effects, Held* pHead);
    void Fail(Held& held, const CString& sWhy);
    void ShowUnchecked(Held& held);
    void PassOut(Held& held);
    void PassIn(Held& held);
    template <class M>
    bool LaterModules(EModRet (CModule::*pHook)(M&), CMessage& Message, CClient* pClient);
    bool AnswerCTCP(const CCTCPMessage& Message);
    void Show(CMessage& Message, Kind kind, const std::string& security);
    bool KeepsOwn(Kind kind) const;
    static bool HearsOwn(CClient* pClient, CClient* pOrigin);
    bool Echoes(Kind kind, CClient* pOrigin) const;
    void Echo(CMessage Message, Kind kind, CClient* pOrigin, const std::string& security);
    void Buffer(CMessage Message, Kind kind, const CString& sQuery, const CString& sTarget);

    // What is on its way to IRC.
    enum class Sent { No, Yes, Later, Blocked };
    bool OnIRC() const;
    bool IsCrowded(CIRCSock& Sock) const;
    Sent Put(const CMessage& Message, const CString& sLine, const CString& sTo);
    void Carry(Sent sent, Leaving text, const CString& sWhyNot);
    void LeaveQueued();
    bool HasOtherModules() const;
    bool ZncEnds() const;
    std::optional<Leaving> TakeLeaving(const CString& sLine);
    void Left(Leaving& line, uint64_t uEnd);
    void ForgetWritten();
    void ReturnUnsent();
    template <class F>
    void RefuseWaiting(F fits, const CString& sWhy);
    void PeerMoved(const CString& sNick, const CString& sWhy);
    void MovedIsAsked(uint64_t uId);
    void ForgetMoved(uint64_t uId);
    CString WhyNotTo(const CString& sNick, const Held* pHead) const;

    // Memory over restarts.
    bool RegistryIsDamaged();
    void Recall(bool bDamaged);
    void StoreClosed(bool bNow);
    void StoreAtOnce();
    void Store(const CString& sName, const CString& sValue);
    CString HashOfLine(const CString& sKey) const;
    CString IRCConnection() const;
    void LeaveAuthorizations();
    void InheritAuthorizations();
    void ConfirmIdentity();
    void TakeNewIdentity();

    // The guard.
    bool GuardsAnything() const {
        return m_Closed.Any() || m_Required.Any() || m_bSends || !m_AuthorizedLines.empty();
    }
    std::optional<CString> Blocked(const CString& sLine);
    std::optional<CString> BlockedOne(const CString& sLine);
    bool TakeAuthorization(const CString& sKey);
    void ForgetAuthorization(const CString& sKey);
    bool TakeInherited(const CString& sKey);
    void KeepAuthorization();
    void ForgetAuthorizations();
    guard::Level LevelOf(const CString& sTarget) const;
    bool Guarded(const CString& sNick) const;
    bool Requires(const CString& sTarget) const;
    void LearnFromChannels();
    void SetRules(const vector<wire::Rule>& rules);
    void SayBlocked(const CString& sTarget, const CString& sLine);
    void SayOneBlocked(const CString& sTarget, const CString& sLine, bool bTyped);
    vector<std::string>::const_iterator FindGuarded(const target::Words& words, bool bRules = true) const;
    void SayUnguarded();
    CString GuardKey(const CMessage& Message) const;
    void Protect(const Effect& effect, bool bWord);
    void LearnUser(const std::string& sName, const CString& sUser);
    void LearnSpeaker(const std::string& sName, const CNick& Nick);
    void CloseByAddress(const std::string& sName, const CNick& Nick);
    void CloseOne(const std::string& sName);
    void Rename(std::deque<Held>& queue, const CString& sOld, const CString& sNew);

    // Who speaks.
    bool IsModuleName(const CString& sNick) const;
    bool IsModule(const CString& sName) const;
    void RenameModules(CMessage& Message) const;
    void LearnUsersOf(const CMessage& Message, const std::string& sSpeaker);
    bool IsForOtrd(const CMessage& Message) const;
    bool IsOurChannel(const CString& sTarget) const;
    bool IsUnexpected(const Effect& effect) const;
    static void MarkClear(CMessage& Message);
    void MarkIfClosed(Held& held) const;

    // Clients that listen.
    void PrepareTag();
    bool Listens(const CClient* pClient) const;
    static bool IsListen(const CString& sLine);
    void Listen(const CString& sLine);
    void TellAll(CClient& Client);
    void Tell(CClient& Client, const CString& sPeer, const wire::PeerState& now);
    void TellLink(CClient& Client, const CString& sState);
    void TellOne(CClient& Client, const CString& sPeer, const CString& sState, const CString& sTrust,
                 const CString& sFingerprint, const CString& sPolicy);
    template <class F>
    void ToListeners(F tell);
    void Stands(const CString& sPeer, const wire::PeerState& now);
    void TellListeners();
    void ForgetStates();
    void TellUnloaded();
    void AddTag(CMessage& Message, const std::string& security) const;
    bool BlockForged(CMessage& Message) const;

    // The mark in front of what was decrypted.
    void LoadMark();
    static bool IsMarkCommand(const CString& sLine);
    void SetMark(const CString& sLine);
    void LetTagsPass();
    void AddMark(CMessage& Message, const CString& sSecurity) const;

    // The page in the browser.
    bool HasPage() const;
    static bool IsOverview(const Held& held);
    void OverviewFailed();
    void AskOverview(uint64_t uFrom);
    void TakeOverview(const Held& head, wire::Account page);
    void KeepInOverview(const CString& sPeer, const wire::PeerState& now);
    void ForgetOverview();
    void RememberSaid(const CString& sText, Style style);
    void ShowPage(CTemplate& Page, size_t uFrom);
    void ShowKey(CTemplate& Page) const;
    vector<const wire::Account::Peer*> Everybody(std::map<CString, wire::Account::Peer>& untold) const;
    void ShowPeers(CTemplate& Page, size_t uFrom);
    void ShowRules(CTemplate& Page);
    void ShowForm(CTemplate& Row, const CString& sForm, const SCString& ssButtons,
                  const CString& sPlace = "");
    static std::string TypedLine(const Held& held);
    bool IsAsking() const;
    CString Time(uint64_t uTime) const;
    void Pressed(CWebSock& WebSock);
    CString Fill(const CWebSock& WebSock, Call& call);
    void Failed(const Call& call, const CString& sText, const CString& sField = "");
    void CameOf(const Held& held, const wire::Incoming& in);

    // *otr.
    void Say(const CString& sText, Style style = Style::Plain, const CString& sOwn = "", bool bTyped = true);
    void Print(CString sLine, Style style, bool bOwn = false);
    void PutOrKeep(const CString& sLine, bool bOwn = false);
    void LeaveUnread(bool bZncEnds);
    void SayLost();
    CString Dropped() const;
    void Refuse(const CString& sTo, const CString& sWhy, const CString& sText);
    void Replay();

    CString ISupport(const CString& sKey, const CString& sDefault) const;
    void ExpectLetters(const CString& sMapping);
    CString Fold(const CString& sNick) const;
    bool Same(const CString& sNick, const CString& sOther) const;
    CString Peer(const CString& sTarget) const;
    CString OwnNick() const;
    CString NickInZnc() const;
    static void NormalizeSupport(CMessage& Message);
    void AskWho();
    void Learn(const CString& sIdent, const CString& sHost);
    uint64_t Number(CClient* pClient);
    CClient* Client(uint64_t uNumber) const;

    static std::set<COtr*> s_All;  // that are loaded
    static long s_iShutdown;       // when an admin told ZNC to end
    bool m_bOtherModules = false;  // ZNC or the user has some, which go first where ZNC ends
    COtrSock* m_pSock = nullptr;
    wire::LineBuffer m_LineBuffer;  // of m_pSock
    bool m_bUp = false, m_bTold = false, m_bEnding = false, m_bAskedWho = false, m_bStale = true;
    bool m_bConnected = false;  // as otrd was told
    bool m_bRefused = false;    // otrd runs, and does not take us
    bool m_bTakenOver = false;  // another module has the account: the user has to ask for it
    long m_iAlive = 0, m_iUp = 0, m_iNext = 0, m_iBackoff = 1, m_iLastCTCP = 0;
    unsigned m_uCTCPs = 0;
    uint64_t m_uNextId = 1, m_uNextClient = 1, m_uHello = 0;
    uint64_t m_uReceived = 0, m_uAcked = 0;  // lines of otrd's that were taken, and as it knows
    bool m_bWasUp = false;                   // otrd has answered before
    bool m_bGivenBack = false;               // since the link was lost, what was typed came back
    long m_iLost = 0, m_iGrace = 0;          // when, and until when messages wait for the next link
    long m_iGone = 0;                        // since when there is no otrd
    int m_iError = 0;                        // of the last connect
    SCString m_ssTried;        // places where an otrd took the connection and did not answer for us
    bool m_bInConfig = false;  // ZNC loads the module again, or was found not to
    long m_iWriteAsked = 0;    // since when ZNC should write its configuration
    CString m_sConfigBefore;   // the version of it that was there then
    const std::string m_sInstance = NewInstance();
    std::deque<Held> m_Queue, m_Waiting;  // asked, and kept for an otrd that is gone
    std::map<uint64_t, Kept> m_Kept;      // by the request that brought it
    guard::Closed m_Closed{[](const std::string& bytes) -> std::string { return CString(bytes).SHA256(); },
                           NewSalt()};
    guard::Required m_Required;
    uint64_t m_uStored = 0;       // changes that the registry has
    bool m_bCannotStore = false;  // the last write failed
    long m_iStored = 0, m_iBlocked = 0;
    unsigned m_uStoredAtOnce = 0;  // in the second of m_iStored
    unsigned m_uBlocked = 0;
    bool m_bOwnNick = false;                        // the NICK that is looked at is ours
    std::map<CString, unsigned> m_AuthorizedLines;  // lines of `send` that have not passed the guard yet
    std::multiset<CString> m_Inherited;             // by hash, of the instance before this one
    std::deque<Leaving> m_Leaving;                  // in the order in which ZNC sends them
    std::deque<Unwritten> m_Unwritten;
    std::deque<Moved> m_Moved;
    uint64_t m_uAllMoved = 0;  // too many to remember: until the reply to this request, everybody
    CString m_sPutting, m_sWhyNot = kNoIRC;  // the line that is put; why the last one was not sent
    bool m_bPutBlocked = false;
    bool m_bWantsWho = false;                   // the server is to be asked who we are
    long m_iWho = -kWhoEvery, m_iWhoLater = 0;  // when it was; not known by then: again
    Sent m_Sent = Sent::Yes;                    // the last line of `send`
    std::map<CClient*, uint64_t> m_Clients;
    std::map<CString, wire::PeerState> m_States;  // of whom otrd said anything but clear
    CString m_sTag;                               // the tag on what is shown, as ZNC knows it
    CString m_sListens;                           // the one that a client has which listens
    CString m_sMark;                              // in front of what was decrypted; none where empty
    bool m_bHasState = false;                     // otrd tells states
    bool m_bListened = false;                     // a client has asked for them
    bool m_bTelling = false;                      // the line on its way to a client is ours
    // What was said to the user last, without their own texts.
    struct Said {
        uint64_t time;
        CString text;
        Style style;
    };
    std::deque<Said> m_Said;
    // What the last button led to, where that was nothing; beside its field.
    struct Wrong {
        CString button, place, field, words, text;
        bool shown = false;
    };
    Wrong m_Wrong;
    std::shared_ptr<wire::Account> m_Overview, m_Pages;  // what otrd told last; what of it has come
    size_t m_uPages = 0;                                 // in how many lines
    uint64_t m_uOverview = 0;                            // when, in seconds since 1970
    bool m_bNoOverview = false;                          // this otrd tells none
    // Of *otr, while nobody is attached. `own`: it gives back what the user typed.
    struct Unread {
        CString text;
        bool own;
    };
    std::deque<Unread> m_Backlog;
    size_t m_uDropped = 0;
    CString m_sPath, m_sWhy, m_sIdent, m_sHost;
    std::string m_sNetwork, m_sUnsent;
    CString m_sSent;           // the last line of `send`
    bool m_bRuns = false;      // ZNC has started: what ends now does not end because it never did
    bool m_bSends = false;     // it is on its way to IRC, and has not passed the guard yet
    bool m_bSendsOtr = false;  // it is a line of OTR, no text in clear
};
