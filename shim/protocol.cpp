#include "protocol.h"

#include <algorithm>
#include <array>

#include "json.h"

namespace wire {

using json::element;
using json::Find;
using json::Member;
using json::object;
using json::string_view;

bool LineBuffer::Next(std::string& line) {
    const size_t end = m_sBuffer.find('\n', m_uTaken);
    const size_t length = (end == std::string::npos ? m_sBuffer.size() : end) - m_uTaken;
    m_bTooLong = m_bTooLong || length >= kMaxLine;
    if (m_bTooLong || end == std::string::npos) {
        m_sBuffer.erase(0, m_uTaken);
        m_uTaken = 0;
        return false;
    }
    line.assign(m_sBuffer, m_uTaken, length);
    m_uTaken = end + 1;
    return true;
}

namespace {

constexpr std::array<string_view, 5> kKinds = {"text", "action", "notice", "ctcp", "ctcp_reply"};
constexpr std::array<string_view, 4> kStyles = {"plain", "good", "warn", "bad"};
constexpr std::array<string_view, 12> kEffects = {"pass",    "send",   "deliver", "echo", "print", "table",
                                                  "protect", "refuse", "hold",    "open", "rules", "state"};
constexpr std::array<string_view, 5> kStates = {"clear", "asking", "private", "finished", "interrupted"};
constexpr std::array<string_view, 4> kTrusts = {"none", "manual", "secret", "changed"};
constexpr std::array<string_view, 4> kPolicies = {"never", "manual", "opportunistic", "required"};
constexpr std::array<string_view, 4> kSecurities = {"clear", "unverified", "verified", "changed"};
constexpr std::array<string_view, 3> kSmps = {"none", "asked", "answering"};

constexpr size_t kMaxTable = 1 << 22;  // bytes of a table as text
constexpr size_t kMaxColumns = 64;
constexpr size_t kMaxQuestion = 4096;
constexpr size_t kMinCell = 32;  // what a cell takes in ZNC at least

template <size_t N>
size_t OneOf(const std::array<string_view, N>& words, string_view word) {
    const auto it = std::find(words.begin(), words.end(), word);
    if (it == words.end()) throw ParseError{"'" + std::string(word.substr(0, 32)) + "' is not known here"};
    return static_cast<size_t>(it - words.begin());
}

std::string NickFrom(const element& value) {
    std::string nick = json::Text(value);
    if (!ValidNick(nick)) throw ParseError{"no nick"};
    return nick;
}

bool Flag(const object& in, string_view name) {
    const auto value = Find(in, name);
    return value && json::As<bool>(*value, name, "boolean");
}

std::vector<Rule> ReadRules(const object& in) {
    std::vector<Rule> rules;
    if (!Find(in, "rules")) return rules;
    for (const element value : json::List(in, "rules")) {
        const auto rule = json::Object(value, "a rule");
        rules.push_back({NickFrom(Member(rule, "pattern")), false});
        rules.back().required = json::As<bool>(Member(rule, "required"), "required", "boolean");
    }
    return rules;
}

// A word of a closed list.
template <size_t N>
std::string Word(const std::array<string_view, N>& words, const object& in, string_view name) {
    return std::string(words[OneOf(words, json::String(in, name))]);
}

std::shared_ptr<PeerState> ReadStanding(const object& in) {
    auto out = std::make_shared<PeerState>();
    out->state = Word(kStates, in, "state");
    out->trust = Word(kTrusts, in, "trust");
    out->policy = Word(kPolicies, in, "policy");
    out->smp = Word(kSmps, in, "smp");
    Member(in, "waiting");
    out->waiting = json::Number(in, "waiting").value_or(0);
    if (Find(in, "question")) out->question = json::Text(Member(in, "question"));
    if (out->question.size() > kMaxQuestion) throw ParseError{"a question is too long"};
    if (!Find(in, "fingerprint")) return out;
    out->fingerprint = json::String(in, "fingerprint");
    if (out->fingerprint.size() != 40 ||
        out->fingerprint.find_first_not_of("0123456789ABCDEF") != std::string::npos)
        throw ParseError{"no fingerprint"};
    return out;
}

// Bytes of it as text: each row is as wide as the widest.
size_t SizeOfTable(const Effect& table) {
    size_t width = 0, count = table.columns.size();
    for (const auto& row : table.rows) count = std::max(count, row.size());
    if (count > kMaxColumns) return SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t widest = i < table.columns.size() ? table.columns[i].size() : 0;
        for (const auto& row : table.rows) widest = std::max(widest, i < row.size() ? row[i].size() : 0);
        width += widest + kMinCell;
    }
    return width * (table.rows.size() + 1);
}

Effect ReadEffect(const element& value) {
    const auto in = json::Object(value, "an effect");
    Effect out;
    out.what = static_cast<Effect::Do>(OneOf(kEffects, json::String(in, "do")));
    const bool speaks =
        out.what == Effect::Do::Send || out.what == Effect::Do::Deliver || out.what == Effect::Do::Echo;
    if (speaks) out.kind = static_cast<Kind>(OneOf(kKinds, json::String(in, "kind")));
    if (speaks || out.what == Effect::Do::Print || out.what == Effect::Do::Refuse)
        out.text = json::Text(Member(in, "text"));
    if (speaks && Find(in, "security")) out.security = Word(kSecurities, in, "security");
    switch (out.what) {
        case Effect::Do::Pass:
        case Effect::Do::Hold:
        case Effect::Do::Open: break;
        case Effect::Do::Rules:
            Member(in, "rules");
            out.rules = ReadRules(in);
            break;
        case Effect::Do::State:
            out.who = NickFrom(Member(in, "peer"));
            out.standing = ReadStanding(in);
            break;
        case Effect::Do::Deliver:
            out.who = json::Text(Member(in, "from"));
            if (!ValidMask(out.who)) throw ParseError{"no nick!user@host"};
            out.late = Flag(in, "late");
            out.unexpected = Flag(in, "unexpected");
            out.repeat = Flag(in, "repeat");
            break;
        case Effect::Do::Refuse:
            out.why = json::String(in, "why");
            out.of = json::Number(in, "of");
            out.repeat = Flag(in, "repeat");
            [[fallthrough]];
        case Effect::Do::Send: out.who = NickFrom(Member(in, "to")); break;
        case Effect::Do::Echo:
            out.who = NickFrom(Member(in, "to"));
            out.client = json::Number(in, "client").value_or(0);
            out.of = json::Number(in, "of");
            break;
        case Effect::Do::Print:
            out.repeat = Flag(in, "repeat");
            if (Find(in, "style")) out.style = static_cast<Style>(OneOf(kStyles, json::String(in, "style")));
            break;
        case Effect::Do::Protect:
            out.who = NickFrom(Member(in, "peer"));
            out.on = json::As<bool>(Member(in, "on"), "on", "boolean");
            out.pending = Flag(in, "pending");
            out.by_user = Flag(in, "by_user");
            break;
        case Effect::Do::Table:
            for (const element head : json::List(in, "columns"))
                out.columns.emplace_back(json::As<string_view>(head, "a head", "string"));
            for (const element cells : json::List(in, "rows")) {
                out.rows.emplace_back();
                for (const element cell : json::As<json::array>(cells, "a row", "list"))
                    out.rows.back().push_back(json::Text(cell));
            }
            if (SizeOfTable(out) > kMaxTable) throw ParseError{"a table is too large"};
            break;
    }
    return out;
}

std::vector<Effect> ReadEffects(const object& in) {
    std::vector<Effect> out;
    const auto effects = json::List(in, "effects");
    out.reserve(effects.size());
    for (const element effect : effects) out.push_back(ReadEffect(effect));
    return out;
}

std::optional<uint64_t> Maybe(const object& in, string_view name) {
    return Find(in, name) ? json::Number(in, name) : std::nullopt;
}

std::string MaybeString(const object& in, string_view name) {
    return Find(in, name) ? std::string(json::String(in, name)) : std::string();
}

std::vector<std::string> Strings(const object& in, string_view name) {
    std::vector<std::string> out;
    for (const element value : json::List(in, name))
        out.emplace_back(json::As<string_view>(value, name, "string"));
    return out;
}

// A square of light and dark modules, of a size that a QR code can have.
std::vector<std::string> QrCode(const object& in) {
    if (!Find(in, "qr")) return {};
    std::vector<std::string> out = Strings(in, "qr");
    const bool bFits =
        out.size() >= 21 && out.size() <= 177 && (out.size() - 21) % 4 == 0 &&
        std::all_of(out.begin(), out.end(), [&](const std::string& row) {
            return row.size() == out.size() && row.find_first_not_of("01") == std::string::npos;
        });
    if (!bFits) throw ParseError{"qr is no QR code"};
    return out;
}

std::shared_ptr<Account> ReadAccount(const object& in) {
    auto out = std::make_shared<Account>();
    const auto versions = json::Object(Member(in, "versions"), "versions");
    out->daemon = json::String(versions, "daemon");
    out->libotr = MaybeString(versions, "libotr");
    out->libgcrypt = MaybeString(versions, "libgcrypt");
    const auto key = json::Object(Member(in, "key"), "key");
    out->key = json::String(key, "state");
    out->fingerprint = MaybeString(key, "fingerprint");
    out->qr = QrCode(key);
    out->made = Maybe(key, "made");
    out->seconds = Maybe(key, "seconds");
    out->default_policy = json::String(in, "default_policy");
    out->known_policy = MaybeString(in, "known_policy");
    for (const element value : json::List(in, "peers")) {
        const auto peer = json::Object(value, "a peer");
        Account::Peer one;
        one.nick = NickFrom(Member(peer, "peer"));
        one.standing = *ReadStanding(peer);
        one.rule = json::String(peer, "rule");
        one.since = Maybe(peer, "since");
        one.otr = Maybe(peer, "otr");
        out->peers.push_back(std::move(one));
    }
    for (const element value : json::List(in, "fingerprints")) {
        const auto known = json::Object(value, "a fingerprint");
        Account::Fingerprint one;
        one.nick = NickFrom(Member(known, "peer"));
        one.fingerprint = json::String(known, "fingerprint");
        one.trust = Word(kTrusts, known, "trust");
        one.in_use = Flag(known, "in_use");
        one.first_used = Maybe(known, "first_used");
        one.last_used = Maybe(known, "last_used");
        out->fingerprints.push_back(std::move(one));
    }
    for (const element value : json::List(in, "policies")) {
        const auto rule = json::Object(value, "a policy");
        out->policies.emplace_back(json::String(rule, "pattern"), json::String(rule, "policy"));
    }
    out->ignore = Strings(in, "ignore");
    out->enable = Strings(in, "enable");
    out->next = Maybe(in, "next");
    return out;
}

void ReadResult(const object& result, Incoming& out) {
    if (Find(result, "fingerprints")) {
        out.account = ReadAccount(result);
        out.what = Incoming::What::State;
        return;
    }
    if (!Find(result, "version")) {
        out.effects = ReadEffects(result);
        out.what = Incoming::What::Reply;
        return;
    }
    if (json::Number(result, "version") != kVersion) throw ParseError{"no common protocol version"};
    json::String(result, "daemon");
    for (const element nick : json::List(result, "protect")) out.protect.push_back(NickFrom(nick));
    if (Find(result, "pending"))
        for (const element nick : json::List(result, "pending")) out.pending.push_back(NickFrom(nick));
    out.everybody = Flag(result, "everybody");
    out.rules = ReadRules(result);
    out.last_processed = json::Number(result, "last_processed");
    if (Find(result, "has"))
        for (const element word : json::List(result, "has"))
            out.has_state |= json::As<string_view>(word, "a word of has", "string") == "state";
    out.what = Incoming::What::Welcome;
}

void ReadBye(const object& said, Incoming& out) {
    if (Find(said, "reason")) out.why = json::String(said, "reason");
    if (const auto reconnect = Find(said, "reconnect"))
        out.reconnect = json::As<bool>(*reconnect, "reconnect", "boolean");
    if (!Find(said, "why")) return;
    const auto why = json::String(said, "why");
    out.bye = why == "ends" ? ByeReason::Ends : why == "taken_over" ? ByeReason::TakenOver : ByeReason::Other;
}

void ReadMessage(const object& in, Incoming& out) {
    if (json::String(in, "jsonrpc") != "2.0") return;
    const auto id = Find(in, "id"), method = Find(in, "method");
    const auto error = Find(in, "error"), result = Find(in, "result");
    if (id) out.id = id->get<uint64_t>();
    if (method) {
        const auto name = json::As<string_view>(*method, "method", "string");
        out.what = Incoming::What::Unknown;
        if (id) return;  // nobody may ask a module
        if (name == "effects") {
            out.what = Incoming::What::Effects;
            out.effects = ReadEffects(json::Object(Member(in, "params"), "params"));
        } else if (name == "bye") {
            out.what = Incoming::What::Bye;
            const auto params = Find(in, "params");
            const auto said = params ? params->get<object>() : std::nullopt;
            if (said) ReadBye(*said, out);
        }
    } else if (!error != !result && id) {
        out.what = Incoming::What::Failed;
        if (result)
            ReadResult(json::Object(*result, "result"), out);
        else {
            const auto object = json::Object(*error, "error");
            out.why = json::String(object, "message");
            if (const auto code = Find(object, "code")) out.code = code->get<int64_t>().value_or(0);
        }
    }
}

// Of a list of effects that fails: whom it closes, for a bound must not open, and the kept texts that it
// names, of which nobody speaks again.
void ReadFailed(const object& in, Incoming& out) try {
    const element answer = Member(in, Find(in, "method") ? "params" : "result");
    const auto effects = json::List(json::Object(answer, "an answer"), "effects");
    for (const element value : effects) try {
            const auto effect = json::Object(value, "an effect");
            if (const auto of = Maybe(effect, "of")) out.decided.push_back(*of);
            if (json::String(effect, "do") != "protect") continue;
            Effect protect = ReadEffect(value);
            if (protect.on) out.effects.push_back(std::move(protect));
        } catch (const ParseError&) {
        }
} catch (const ParseError&) {
}

}  // namespace

std::string EncodeText(const std::string& bytes) {
    std::string out;
    json::PutText(out, bytes);
    return out;
}

bool DecodeText(const std::string& text, std::string& bytes) try {
    const auto value = json::Read(text);
    if (value) bytes = json::Text(*value);
    return value.has_value();
} catch (const ParseError&) {
    return false;
}

bool ValidNick(const std::string& nick) {
    return !nick.empty() && nick.size() <= 128 && nick[0] != ':' &&
           std::none_of(nick.begin(), nick.end(),
                        [](unsigned char c) { return c <= ' ' || c == 0x7f || c == '!' || c == ','; });
}

bool ValidMask(const std::string& mask) {
    return mask.size() <= 480 && ValidNick(NickOf(mask)) &&
           std::none_of(mask.begin(), mask.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

std::string NickOf(const std::string& mask) { return mask.substr(0, mask.find('!')); }

Incoming Parse(const std::string& line) {
    Incoming out;
    const auto read = json::Read(line);
    const auto in = read ? read->get<object>() : std::nullopt;
    if (!in) return out;
    try {
        ReadMessage(*in, out);
    } catch (const ParseError& which) {
        out.effects.clear();
        out.protect.clear();
        out.pending.clear();
        out.rules.clear();
        out.account = nullptr;
        out.why = "otrd says what this module does not understand (" + which.why + ")";
        ReadFailed(*in, out);
    }
    return out;
}

}  // namespace wire
