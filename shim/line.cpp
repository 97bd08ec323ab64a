#include "line.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace wire {

using nlohmann::json;

bool Lines::Next(std::string& line) {
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

struct Misunderstood {
    std::string why;
};

const std::array<const char*, 5> kKinds = {"text", "action", "notice", "ctcp", "ctcp_reply"};
const std::array<const char*, 4> kStyles = {"plain", "good", "warn", "bad"};
const std::array<const char*, 9> kEffects = {"pass",  "send",    "deliver", "echo", "print",
                                             "table", "protect", "refuse",  "hold"};
const std::string kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string ToBase64(const std::string& bytes) {
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t three = 0;
        const size_t have = std::min<size_t>(3, bytes.size() - i);
        for (size_t k = 0; k < 3; k++)
            three = three << 8 | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0);
        for (size_t k = 0; k < 4; k++)
            out += k <= have ? kAlphabet[three >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

// As strict as otrd: padded, no blanks, no stray bits.
std::string FromBase64(const std::string& text) {
    std::string out;
    for (size_t i = 0; i + 4 <= text.size(); i += 4) {
        uint32_t four = 0;
        for (size_t k = 0; k < 4; k++) {
            const size_t value = kAlphabet.find(text[i + k]);
            four = four << 6 | (value == std::string::npos ? 0 : static_cast<uint32_t>(value));
        }
        for (int shift = 16; shift >= 0; shift -= 8) out += static_cast<char>(four >> shift & 255);
    }
    for (size_t pad = 0; pad < 2 && !out.empty() && text[text.size() - 1 - pad] == '='; pad++)
        out.pop_back();
    if (ToBase64(out) != text) throw Misunderstood{"b64 is damaged"};
    return out;
}

std::string Quoted(const std::string& text) {
    return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string TextToJson(const std::string& bytes) {
    // The library knows what UTF-8 is: it refuses to write anything else.
    if (bytes.find('\0') == std::string::npos) {
        try {
            return json(bytes).dump();
        } catch (const json::exception&) {
        }
    }
    return "{\"b64\":" + Quoted(ToBase64(bytes)) + "}";
}

std::string TextFromJson(const json& text) {
    if (text.is_object() && text.size() == 1 && text.contains("b64") && text["b64"].is_string())
        return FromBase64(text["b64"].get<std::string>());
    if (!text.is_string() || text.get_ref<const std::string&>().find('\0') != std::string::npos)
        throw Misunderstood{"a text is a string without NUL, or b64"};
    return text.get<std::string>();
}

// Each message has its line written without a tree; only texts hold what must be quoted.
std::string Request(uint64_t id, const std::string& method, const std::string& params) {
    return "{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(id) + ",\"method\":\"" + method +
           "\",\"params\":{" + params + "}}\n";
}

std::string Notice(const std::string& method, const std::string& params) {
    return "{\"jsonrpc\":\"2.0\",\"method\":\"" + method + "\",\"params\":{" + params + "}}\n";
}

std::string With(const char* name, const std::string& value) {
    return "\"" + std::string(name) + "\":" + value;
}

std::string KindOf(Kind kind) { return std::string(",\"kind\":\"") + kKinds[size_t(kind)] + "\","; }

const json& Member(const json& object, const char* name) {
    const auto it = object.find(name);
    if (it == object.end()) throw Misunderstood{std::string(name) + " is missing"};
    return *it;
}

std::string String(const json& object, const char* name) {
    const json& value = Member(object, name);
    if (!value.is_string()) throw Misunderstood{std::string(name) + " is no string"};
    return value.get<std::string>();
}

template <size_t N>
size_t OneOf(const std::array<const char*, N>& words, const std::string& word) {
    const auto it = std::find(words.begin(), words.end(), word);
    if (it == words.end()) throw Misunderstood{"'" + word.substr(0, 32) + "' is not known here"};
    return static_cast<size_t>(it - words.begin());
}

std::string NickFrom(const json& value) {
    std::string nick = TextFromJson(value);
    if (!ValidNick(nick)) throw Misunderstood{"no nick"};
    return nick;
}

std::optional<uint64_t> Number(const json& in, const char* name) {
    if (!in.contains(name)) return std::nullopt;
    if (!in[name].is_number_unsigned()) throw Misunderstood{std::string(name) + " is no number"};
    return in[name].get<uint64_t>();
}

Effect ReadEffect(const json& in) {
    if (!in.is_object()) throw Misunderstood{"an effect is no object"};
    Effect out;
    out.what = static_cast<Effect::Do>(OneOf(kEffects, String(in, "do")));
    const bool speaks = out.what == Effect::Do::Send || out.what == Effect::Do::Deliver ||
                        out.what == Effect::Do::Echo;
    if (speaks) out.kind = static_cast<Kind>(OneOf(kKinds, String(in, "kind")));
    if (speaks || out.what == Effect::Do::Print || out.what == Effect::Do::Refuse)
        out.text = TextFromJson(Member(in, "text"));
    switch (out.what) {
        case Effect::Do::Pass:
        case Effect::Do::Hold:
            break;
        case Effect::Do::Deliver:
            out.who = TextFromJson(Member(in, "from"));
            if (!ValidMask(out.who)) throw Misunderstood{"no nick!user@host"};
            break;
        case Effect::Do::Refuse:
            out.why = String(in, "why");
            out.of = Number(in, "of");
            [[fallthrough]];
        case Effect::Do::Send:
            out.who = NickFrom(Member(in, "to"));
            break;
        case Effect::Do::Echo:
            out.who = NickFrom(Member(in, "to"));
            out.client = Number(in, "client").value_or(0);
            out.of = Number(in, "of");
            break;
        case Effect::Do::Print:
            if (in.contains("style"))
                out.style = static_cast<Style>(OneOf(kStyles, String(in, "style")));
            break;
        case Effect::Do::Protect:
            out.who = NickFrom(Member(in, "peer"));
            if (!Member(in, "on").is_boolean()) throw Misunderstood{"on is neither true nor false"};
            out.on = in["on"].get<bool>();
            break;
        case Effect::Do::Table:
            if (!Member(in, "columns").is_array() || !Member(in, "rows").is_array())
                throw Misunderstood{"a table has columns and rows"};
            for (const json& head : in["columns"]) {
                if (!head.is_string()) throw Misunderstood{"a column's head is a string"};
                out.columns.push_back(head.get<std::string>());
            }
            for (const json& cells : in["rows"]) {
                if (!cells.is_array()) throw Misunderstood{"a row is no list"};
                out.rows.emplace_back();
                for (const json& cell : cells) out.rows.back().push_back(TextFromJson(cell));
            }
            break;
    }
    return out;
}

std::vector<Effect> ReadEffects(const json& in) {
    std::vector<Effect> out;
    if (!in.is_object() || !Member(in, "effects").is_array())
        throw Misunderstood{"effects is no list"};
    for (const json& effect : in["effects"]) out.push_back(ReadEffect(effect));
    return out;
}

void ReadResult(const json& result, Incoming& out) {
    if (!result.is_object() || !result.contains("version")) {
        out.effects = ReadEffects(result);
        out.what = Incoming::What::Reply;
        return;
    }
    if (result["version"] != kVersion) throw Misunderstood{"no common protocol version"};
    String(result, "daemon");
    if (!Member(result, "protect").is_array()) throw Misunderstood{"protect is no list"};
    for (const json& nick : result["protect"]) out.protect.push_back(NickFrom(nick));
    out.answered = Number(result, "answered");
    out.what = Incoming::What::Welcome;
}

}  // namespace

std::string EncodeText(const std::string& bytes) { return TextToJson(bytes); }

bool DecodeText(const std::string& text, std::string& bytes) {
    try {
        bytes = TextFromJson(json::parse(text, nullptr, false));
        return true;
    } catch (const Misunderstood&) {
        return false;
    }
}

bool ValidNick(const std::string& nick) {
    return !nick.empty() && nick.size() <= 128 && nick[0] != ':' &&
           std::none_of(nick.begin(), nick.end(), [](unsigned char c) {
               return c <= ' ' || c == 0x7f || c == '!' || c == ',';
           });
}

bool ValidMask(const std::string& mask) {
    return mask.size() <= 480 && ValidNick(NickOf(mask)) &&
           std::none_of(mask.begin(), mask.end(),
                        [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

std::string NickOf(const std::string& mask) { return mask.substr(0, mask.find('!')); }

std::string Hello(uint64_t id, const Greeting& greeting) {
    std::string params = With("version", std::to_string(kVersion)) + "," +
                         With("user", Quoted(greeting.user)) + "," +
                         With("network", Quoted(greeting.network)) + "," +
                         With("shim", Quoted(greeting.shim)) + "," + With("znc", Quoted(greeting.znc));
    if (!greeting.instance.empty()) params += "," + With("instance", Quoted(greeting.instance));
    if (greeting.seen) params += "," + With("seen", std::to_string(greeting.seen));
    if (greeting.given_back) params += "," + With("given_back", "true");
    return Request(id, "hello", params);
}

std::string Network(uint64_t id, const Surroundings& now) {
    json params = {{"connected", now.connected},
                   {"linelen", now.linelen},
                   {"chantypes", now.chantypes},
                   {"statusmsg", now.statusmsg},
                   {"status_prefix", now.status_prefix},
                   {"insecure_clients", now.insecure_clients},
                   {"admin", now.admin}};
    if (now.old_data) params["old_data"] = true;
    if (!now.casemapping.empty()) params["casemapping"] = now.casemapping;
    if (!now.loggers.empty()) params["loggers"] = now.loggers;
    std::string text = params.dump(-1, ' ', false, json::error_handler_t::replace);
    text = text.substr(1, text.size() - 2);
    return Request(id, "network", ValidMask(now.mask) ? text + "," + With("mask", TextToJson(now.mask)) : text);
}

std::string Out(uint64_t id, const std::string& to, Kind kind, const std::string& text,
                uint64_t client) {
    return Request(id, "out", With("to", TextToJson(to)) + KindOf(kind) + With("text", TextToJson(text)) +
                                  "," + With("client", std::to_string(client)));
}

std::string In(uint64_t id, const std::string& from, Kind kind, const std::string& text) {
    return Request(id, "in",
                   With("from", TextToJson(from)) + KindOf(kind) + With("text", TextToJson(text)));
}

std::string Command(uint64_t id, const std::string& text) {
    return Request(id, "command", With("text", TextToJson(text)));
}

std::string Nick(uint64_t id, const std::string& before, const std::string& after) {
    return Request(id, "nick", With("old", TextToJson(before)) + "," + With("new", TextToJson(after)));
}

std::string Quit(uint64_t id, const std::string& nick) {
    return Request(id, "quit", With("nick", TextToJson(nick)));
}

std::string Join(uint64_t id, const std::string& nick) {
    return Request(id, "join", With("nick", TextToJson(nick)));
}

std::string Seen(uint64_t seen) { return Notice("seen", With("seen", std::to_string(seen))); }

std::string Bye(const std::string& reason, std::optional<uint64_t> seen, bool given_back) {
    std::string params = With("reason", Quoted(reason));
    if (seen) params += "," + With("seen", std::to_string(*seen));
    if (given_back) params += "," + With("given_back", "true");
    return Notice("bye", params);
}

Incoming Parse(const std::string& line) {
    Incoming out;
    const json in = json::parse(line, nullptr, false);
    if (!in.is_object() || !in.contains("jsonrpc") || in["jsonrpc"] != "2.0") return out;
    if (in.contains("id") && in["id"].is_number_unsigned()) out.id = in["id"].get<uint64_t>();
    try {
        if (in.contains("method")) {
            if (!in["method"].is_string()) return out;
            const std::string method = in["method"].get<std::string>();
            const json none = json::object();
            const json& params = in.contains("params") ? in["params"] : none;
            out.what = Incoming::What::Unknown;
            if (in.contains("id")) return out;  // nobody may ask a module
            if (method == "effects") {
                out.what = Incoming::What::Effects;
                out.effects = ReadEffects(params);
            } else if (method == "bye") {
                out.what = Incoming::What::Bye;
                if (params.is_object() && params.contains("reason")) out.why = String(params, "reason");
            }
        } else if (in.contains("error") != in.contains("result") && in.contains("id")) {
            out.what = Incoming::What::Failed;
            if (in.contains("result"))
                ReadResult(in["result"], out);
            else
                out.why = String(in["error"].is_object() ? in["error"] : json::object(), "message");
        }
    } catch (const Misunderstood& which) {
        out.effects.clear();
        out.why = "otrd says what this module does not understand (" + which.why + ")";
    }
    return out;
}

}  // namespace wire
