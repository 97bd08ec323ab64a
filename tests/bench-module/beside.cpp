// For tests/bench only: libotr in a process of its own, with the least that this takes. It keeps
// nothing, protects nothing and knows of no failure, so that no real one can cost less. Loaded with
// "json" it says what it says as JSON-RPC, by the shim's reader and writer.

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <znc/Client.h>
#include <znc/IRCNetwork.h>
#include <znc/IRCSock.h>
#include <znc/Modules.h>
#include <znc/User.h>

#include <deque>

#include "../../shim/json.h"
#include "../../shim/protocol.h"
#include "talk.h"

using wire::Effect;

// What is asked: 'O' or 'I', a nick and a text. Answered with what is to be done: any number of 'S',
// a nick and a line to be sent, and 'P' for private; then 'U' and what is to be shown, or '.'.
struct Said {
    char what = '.';
    std::string nick, text;
};

// As a letter, a nick, a tab and a text; answered by a line for each thing.
struct Plain {
    static void Ask(std::string& out, uint64_t, const Said& said) {
        out.append(1, said.what).append(said.nick).append("\t").append(said.text).append("\n");
    }
    static Said Asked(const std::string& line, uint64_t&) {
        const size_t tab = line.find('\t');
        return {line[0], line.substr(1, tab - 1), line.substr(tab + 1)};
    }
    static void Begin(std::string&) {}
    static void Do(std::string& out, const Said& said) { Ask(out, 0, said); }
    static void End(std::string&, uint64_t) {}
    template <class Each>
    static void Done(const std::string& line, Each each) {
        uint64_t none;
        each(Asked(line, none));
    }
};

// As otrd and its module speak.
struct Rpc {
    static void Ask(std::string& out, uint64_t id, const Said& said) {
        out += said.what == 'O' ? wire::Out(id, said.nick, wire::Kind::Text, said.text, 1)
                                : wire::In(id, said.nick, wire::Kind::Text, said.text);
    }
    static Said Asked(const std::string& line, uint64_t& id) {
        using wire::json::Member, wire::json::Object, wire::json::String, wire::json::Text;
        const auto request = Object(*wire::json::Read(line), "a request");
        const auto params = Object(Member(request, "params"), "params");
        id = *wire::json::Number(request, "id");
        const bool out = String(request, "method") == "out";
        return {out ? 'O' : 'I', Text(Member(params, out ? "to" : "from")), Text(Member(params, "text"))};
    }
    static void Begin(std::string& out) { out += R"({"jsonrpc":"2.0","result":{"effects":[)"; }
    static void Do(std::string& out, const Said& said) {
        if (said.what == '.') return;
        const char *action = "send", *who = "to";
        if (said.what == 'P') action = "print";
        if (said.what == 'U') action = "deliver", who = "from";
        if (out.back() == '}') out += ',';
        out.append(R"({"do":")").append(action).append(R"(","text":)");
        wire::json::PutText(out, said.text);
        if (said.what == 'S' || said.what == 'U') {
            out.append(R"(,"kind":"text",")").append(who).append("\":");
            wire::json::PutText(out, said.nick);
        }
        out += '}';
    }
    static void End(std::string& out, uint64_t id) {
        out.append("]},\"id\":").append(std::to_string(id)).append("}\n");
    }
    template <class Each>
    static void Done(const std::string& line, Each each) {
        for (const Effect& effect : wire::Parse(line).effects) {
            if (effect.what == Effect::Do::Deliver) return each(Said{'U', effect.who, effect.text});
            each(Said{effect.what == Effect::Do::Send ? 'S' : 'P', effect.who, effect.text});
        }
        each(Said{});
    }
};

// The other process.
template <class Wire>
[[noreturn]] static void Serve(int fd, const std::string& directory) {
    std::string out;
    const auto send = [&](const char* to, const char* line) { Wire::Do(out, {'S', to, line}); };
    const auto secure = [&] { Wire::Do(out, {'P', "", "private"}); };
    Talk talk(directory, send, secure);
    wire::LineBuffer lines;
    std::string line;
    char data[65536];
    for (ssize_t length; (length = read(fd, data, sizeof data)) > 0;) {
        lines.Push(data, static_cast<size_t>(length));
        while (lines.Next(line)) {
            uint64_t id = 0;
            Said said = Wire::Asked(line, id);
            Wire::Begin(out);
            if (said.what == 'O') {
                if (!talk.Out(said.nick.c_str(), said.text.c_str()))
                    Wire::Do(out, {'S', said.nick, said.text});
                Wire::Do(out, {});
            } else {
                const bool shown = talk.In(said.nick.c_str(), said.text);
                Wire::Do(out, shown ? Said{'U', said.nick, said.text} : Said{});
            }
            Wire::End(out, id);
        }
        for (size_t sent = 0; sent < out.size();) {
            const ssize_t written = write(fd, out.data() + sent, out.size() - sent);
            if (written <= 0) _exit(1);
            sent += static_cast<size_t>(written);
        }
        out.clear();
    }
    _exit(0);
}

class CBeside;

class CBesideSock : public CSocket {
  public:
    explicit CBesideSock(CBeside* pModule);
    void ReadData(const char* data, size_t length) override;

  private:
    void Take(const char* data, size_t length);

    CBeside* m_pModule;
    wire::LineBuffer m_Lines;
};

class CBeside : public CModule {
  public:
    MODCONSTRUCTOR(CBeside) {}
    ~CBeside() override {
        if (m_pSock) RemSocket(m_pSock);
        if (m_iChild > 0) waitpid(m_iChild, nullptr, 0);
    }

    bool OnLoad(const CString& sArgs, CString&) override {
        m_bJson = sArgs == "json";
        int aiFds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, aiFds)) return false;
        const CString sDirectory = GetSavePath();
        m_iChild = fork();
        if (m_iChild == 0) {
            const int iFd = dup2(aiFds[1], 3);
            close_range(4, ~0U, 0);
            m_bJson ? Serve<Rpc>(iFd, sDirectory) : Serve<Plain>(iFd, sDirectory);
        }
        close(aiFds[1]);
        m_pSock = new CBesideSock(this);
        m_pSock->ConnectFD(aiFds[0], aiFds[0], "beside", false, Csock::OUTBOUND);
        GetManager()->AddSock(m_pSock, "beside");
        return m_iChild > 0;
    }

    void OnModCommand(const CString& sLine) override {
        if (sLine.StartsWith("start "))
            PutIRC("PRIVMSG " + sLine.Token(1) + " :?OTRv23?");
        else
            PutModule("ready");
    }

    EModRet OnUserTextMessage(CTextMessage& Message) override {
        if (GetNetwork()->IsChan(Message.GetTarget())) return CONTINUE;
        m_Held.push_back(m_Nothing);
        Ask({'O', Message.GetTarget(), Message.GetText()});
        return HALT;
    }

    EModRet OnPrivTextMessage(CTextMessage& Message) override {
        m_Held.push_back(Message);
        Ask({'I', Message.GetNick().GetNick(), Message.GetText()});
        return HALT;
    }

    void OnLine(const std::string& line) {
        const auto done = [this](const Said& said) { Done(said); };
        m_bJson ? Rpc::Done(line, done) : Plain::Done(line, done);
    }

    void Done(const Said& said) {
        if (said.what == 'S') {
            PutIRC("PRIVMSG " + said.nick + " :" + said.text);
            return;
        }
        if (said.what == 'P') {
            PutModule("private");
            return;
        }
        if (said.what == 'U') {
            m_Held.front().SetParam(1, said.text);
            GetNetwork()->PutUser(m_Held.front());
        }
        m_Held.pop_front();
    }

    // While an answer is awaited, what is asked gathers.
    void Flush() {
        if (!m_sUnsent.empty()) m_pSock->Write(m_sUnsent);
        m_sUnsent.clear();
    }

  private:
    void Ask(const Said& said) {
        m_bJson ? Rpc::Ask(m_sUnsent, ++m_uId, said) : Plain::Ask(m_sUnsent, 0, said);
        if (m_Held.size() == 1 || m_sUnsent.size() > 8192) Flush();
    }

    CBesideSock* m_pSock = nullptr;
    pid_t m_iChild = -1;
    std::deque<CMessage> m_Held;
    const CMessage m_Nothing;  // ZNC parses even an empty line for a new one
    CString m_sUnsent;
    bool m_bJson = false;
    uint64_t m_uId = 0;
};

CBesideSock::CBesideSock(CBeside* pModule) : CSocket(pModule), m_pModule(pModule) {
    DisableReadLine();
    SetTimeout(0);
}

// As the shim does: what else has come is taken in the same turn.
void CBesideSock::ReadData(const char* data, size_t length) {
    const bool bMany = length >= 4096;  // as much as ZNC reads in a turn
    Take(data, length);
    char more[16384];
    for (size_t taken = length; bMany && taken < 65536;) {
        const ssize_t got = recv(GetRSock(), more, sizeof more, MSG_DONTWAIT);
        if (got <= 0) break;
        Take(more, static_cast<size_t>(got));
        taken += static_cast<size_t>(got);
    }
    m_pModule->Flush();
}

void CBesideSock::Take(const char* data, size_t length) {
    m_Lines.Push(data, length);
    for (std::string line; m_Lines.Next(line);) m_pModule->OnLine(line);
}

NETWORKMODULEDEFS(CBeside, "For tests/bench: libotr beside ZNC")
