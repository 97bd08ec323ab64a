// For tests/bench only: libotr in a process of its own, with the least that this takes. It keeps
// nothing, protects nothing and knows of no failure, so that no real one can cost less.

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <znc/Client.h>
#include <znc/IRCNetwork.h>
#include <znc/Modules.h>
#include <znc/User.h>

#include <deque>

#include "talk.h"

// Lines out of what arrives in pieces.
class Lines {
  public:
    template <class Each>
    void Push(const char* data, size_t length, Each each) {
        m_text.append(data, length);
        size_t start = 0;
        for (size_t end; (end = m_text.find('\n', start)) != std::string::npos; start = end + 1)
            each(m_text.substr(start, end - start));
        m_text.erase(0, start);
    }

  private:
    std::string m_text;
};

// The other process. Takes "O" or "I", a nick, a tab and a text. Answers each with any number of
// "S", a nick, a tab and a line to be sent, and "P" for private; then "U" and what is to be shown,
// or "." for nothing.
[[noreturn]] static void Serve(int fd, const std::string& directory) {
    std::string out;
    Talk talk(
        directory,
        [&](const char* to, const char* line) { out.append("S").append(to).append("\t").append(line).append("\n"); },
        [&] { out += "P\n"; });
    Lines lines;
    char data[65536];
    for (ssize_t length; (length = read(fd, data, sizeof data)) > 0;) {
        lines.Push(data, static_cast<size_t>(length), [&](const std::string& line) {
            const size_t tab = line.find('\t');
            const std::string nick = line.substr(1, tab - 1);
            std::string text = line.substr(tab + 1);
            if (line[0] == 'O') {
                if (!talk.Out(nick.c_str(), text.c_str())) out += "S" + nick + "\t" + text + "\n";
                out += ".\n";
            } else if (talk.In(nick.c_str(), text))
                out += "U" + text + "\n";
            else
                out += ".\n";
        });
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
    CBeside* m_pModule;
    Lines m_Lines;
};

class CBeside : public CModule {
  public:
    MODCONSTRUCTOR(CBeside) {}
    ~CBeside() override {
        if (m_pSock) RemSocket(m_pSock);
        if (m_iChild > 0) waitpid(m_iChild, nullptr, 0);
    }

    bool OnLoad(const CString&, CString&) override {
        int aiFds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, aiFds)) return false;
        const CString sDirectory = GetSavePath();
        m_iChild = fork();
        if (m_iChild == 0) {
            const int iFd = dup2(aiFds[1], 3);
            close_range(4, ~0U, 0);
            Serve(iFd, sDirectory);
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
        m_Held.emplace_back();
        Ask('O', Message.GetTarget(), Message.GetText());
        return HALT;
    }

    EModRet OnPrivTextMessage(CTextMessage& Message) override {
        m_Held.push_back(Message);
        Ask('I', Message.GetNick().GetNick(), Message.GetText());
        return HALT;
    }

    void OnLine(const std::string& line) {
        if (line[0] == 'S') {
            const size_t tab = line.find('\t');
            PutIRC("PRIVMSG " + line.substr(1, tab - 1) + " :" + line.substr(tab + 1));
            return;
        }
        if (line[0] == 'P') {
            PutModule("private");
            return;
        }
        if (line[0] == 'U') {
            m_Held.front().SetParam(1, line.substr(1));
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
    void Ask(char cWhat, const CString& sNick, const CString& sText) {
        m_sUnsent.append(1, cWhat).append(sNick).append("\t").append(sText).append("\n");
        if (m_Held.size() == 1 || m_sUnsent.size() > 8192) Flush();
    }

    CBesideSock* m_pSock = nullptr;
    pid_t m_iChild = -1;
    std::deque<CMessage> m_Held;
    CString m_sUnsent;
};

CBesideSock::CBesideSock(CBeside* pModule) : CSocket(pModule), m_pModule(pModule) {
    DisableReadLine();
    SetTimeout(0);
}

void CBesideSock::ReadData(const char* data, size_t length) {
    m_Lines.Push(data, length, [this](const std::string& line) { m_pModule->OnLine(line); });
    m_pModule->Flush();
}

NETWORKMODULEDEFS(CBeside, "For tests/bench: libotr beside ZNC")
