// What the module and otrd say to each other: bytes to lines, JSON to plain structs.
// No ZNC here, so that protocol_test.cpp runs it over ../proto/vectors. The words: ../proto/PROTOCOL.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace wire {

constexpr unsigned kVersion = 1;
constexpr size_t kMaxLine = 65536;  // LF included
constexpr int64_t kIdentityInUse = -32009;

// Collects what the socket gives and hands out whole lines without their LF.
class LineBuffer {
  public:
    void Push(const char* data, size_t length) { m_sBuffer.append(data, length); }
    bool Next(std::string& line);
    // For good: what follows cannot be trusted to start a new line.
    bool TooLong() const { return m_bTooLong; }

  private:
    std::string m_sBuffer;
    size_t m_uTaken = 0;
    bool m_bTooLong = false;
};

enum class Kind { Text, Action, Notice, Ctcp, CtcpReply };
enum class Style { Plain, Good, Warn, Bad };

// A text is any bytes: a JSON string where they are UTF-8 without NUL, otherwise {"b64": …}.
std::string EncodeText(const std::string& bytes);
bool DecodeText(const std::string& json, std::string& bytes);
bool ValidNick(const std::string& nick);
bool ValidMask(const std::string& mask);
std::string NickOf(const std::string& mask);

struct NetworkInfo {
    bool connected = false;
    std::string mask;  // empty while unknown
    uint32_t linelen = 512;
    std::string casemapping = "rfc1459", status_prefix = "*";
    std::vector<std::string> loggers;
    uint32_t insecure_clients = 0;
    bool admin = false, old_data = false;
};

// Who connects, and how far it came before.
struct HelloParams {
    std::string user, network, shim, znc;
    std::string instance;  // of this module, empty where none is said
    uint64_t ack = 0;
    bool returned = false;
    std::string identity;  // of the network, 32 hexadecimal digits; empty where none is said
    bool by_name = false;  // the identity is new: the former one was lost
    // Whom it holds closed, as hashes; nothing is said where there is no salt.
    std::string salt;
    std::vector<std::string> closed;
    bool everybody = false;
    bool required = false;  // by the last rules that it heard, something was
    std::vector<std::string> want;
};

// Of lines that other modules write: the first rule that fits a nick decides.
struct Rule {
    std::string pattern;
    bool required = false;
};

// Requests, each a whole line with its LF.
std::string Hello(uint64_t id, const HelloParams& params);
std::string Network(uint64_t id, const NetworkInfo& now);
std::string Out(uint64_t id, const std::string& to, Kind kind, const std::string& text, uint64_t client,
                bool closed = false);
std::string In(uint64_t id, const std::string& from, Kind kind, const std::string& text);
std::string Command(uint64_t id, const std::string& text);
// What a line of `command` says, as data: a method of "Typed methods" in PROTOCOL.md.
struct TypedMethod {
    std::string method;
    std::vector<std::pair<std::string, std::string>> texts;  // by member
    std::vector<std::string> flags;                          // members that are true
};
std::string Typed(uint64_t id, const TypedMethod& typed);
std::string State(uint64_t id, uint64_t from);
std::string Nick(uint64_t id, const std::string& before, const std::string& after);
std::string Quit(uint64_t id, const std::string& nick);
std::string Join(uint64_t id, const std::string& nick);
std::string Ack(uint64_t ack);
std::string Bye(const std::string& why, const std::string& reason, std::optional<uint64_t> ack,
                bool returned);

// How the conversation with a peer stands, in the words of PROTOCOL.md.
struct PeerState {
    std::string state, trust, policy, smp, question;
    std::string fingerprint;  // empty where no conversation is private
    uint64_t waiting = 0;
};

// A page of the account as data.
struct Account {
    struct Peer {
        std::string nick, rule;
        PeerState standing;
        // Of a private conversation: seconds since 1970, and the version of OTR.
        std::optional<uint64_t> since, otr;
    };
    struct Fingerprint {
        std::string nick, fingerprint, trust;
        bool in_use = false;
        std::optional<uint64_t> first_used, last_used;
    };
    std::string daemon, libotr, libgcrypt;  // their releases
    std::string key;                        // none, generating, ready or damaged
    std::string fingerprint;                // our own, empty where there is no key
    std::vector<std::string> qr;            // of the fingerprint: a square of '0' and '1', or none
    std::optional<uint64_t> made, seconds;
    std::string default_policy, known_policy;  // empty where none is set
    std::vector<Peer> peers;
    std::vector<Fingerprint> fingerprints;
    std::vector<std::pair<std::string, std::string>> policies;  // a pattern and its policy
    std::vector<std::string> ignore, enable;
    std::optional<uint64_t> next;  // more follows: ask again from there
};

struct Effect {
    enum class Do { Pass, Send, Deliver, Echo, Print, Table, Protect, Refuse, Hold, Open, Rules, State };
    Do what = Do::Pass;
    std::string who;  // to, from or peer
    Kind kind = Kind::Text;
    std::string text, why;
    std::string security;  // what protected the text; empty where otrd does not say
    uint64_t client = 0;
    std::optional<uint64_t> of;  // the request that brought the text
    Style style = Style::Plain;
    bool on = false, pending = false, by_user = false;
    bool late = false;        // it came before this module was there to show it
    bool unexpected = false;  // in clear although the conversation is private
    bool repeat = false;      // an earlier module may have shown it
    std::vector<Rule> rules;
    std::shared_ptr<PeerState> standing;
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
};

// Why otrd ends a connection. None: an older otrd, which does not say.
enum class ByeReason { None, Ends, TakenOver, Other };

// One line of otrd's. Effects are all understood, or there are none and `why` says which was not.
struct Incoming {
    enum class What { Damaged, Welcome, Reply, State, Failed, Effects, Bye, Unknown };
    What what = What::Damaged;
    std::optional<uint64_t> id;
    std::string why;
    int64_t code = 0;  // of an error
    std::vector<std::string> protect, pending;
    bool everybody = false;
    std::vector<Rule> rules;
    std::optional<uint64_t> last_processed;  // the last request that was decided, where all goes on
    bool has_state = false;                  // of what a hello may want
    std::vector<Effect> effects;             // with `why`: those of a list that count although it fails
    std::vector<uint64_t> decided;           // kept texts that such a list names
    std::shared_ptr<Account> account;        // of a state
    ByeReason bye = ByeReason::None;
    bool reconnect = true;  // of a bye: the module may connect again by itself
};
Incoming Parse(const std::string& line);

}  // namespace wire
