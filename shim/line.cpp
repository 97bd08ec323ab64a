#include "line.h"

#include <algorithm>
#include <array>

#include "json.h"

namespace wire {

using json::Value;
using Is = json::Value::Is;

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
const std::array<const char*, 8> kEffects = {"pass",  "send",  "deliver", "echo",
                                             "print", "table", "protect", "refuse"};
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

bool IsText(const std::string& bytes) {
    const char *at = bytes.data(), *const end = at + bytes.size();
    while ((at = json::SkipPlain(at, end)) < end) {
        const size_t length = *at == '\0' ? 0 : json::Utf8(at, end);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

void PutText(std::string& out, const std::string& bytes) {
    if (IsText(bytes)) return json::Quote(out, bytes);
    out += "{\"b64\":";
    json::Quote(out, ToBase64(bytes));
    out += '}';
}

std::string TextFrom(Value& text) {
    if (text.Has(Is::Object) && text.names.size() == 1 && text.names[0] == "b64" &&
        text.values[0].Has(Is::String))
        return FromBase64(text.values[0].text);
    if (!text.Has(Is::String) || text.text.find('\0') != std::string::npos)
        throw Misunderstood{"a text is a string without NUL, or b64"};
    return std::move(text.text);
}

// A request's line, member by member. Names are ours and hold nothing to be escaped.
class Params {
  public:
    Params(uint64_t id, const char* method) {
        m_Line.reserve(512);
        m_Line.append("{\"jsonrpc\":\"2.0\",\"id\":").append(std::to_string(id));
        m_Line.append(",\"method\":\"").append(method).append("\",\"params\":{");
    }
    Params& Text(const char* name, const std::string& bytes) {
        Name(name);
        PutText(m_Line, bytes);
        return *this;
    }
    Params& String(const char* name, const std::string& text) {
        Name(name);
        json::Quote(m_Line, text);
        return *this;
    }
    Params& Strings(const char* name, const std::vector<std::string>& texts) {
        Name(name);
        const char* before = "[";
        for (const std::string& text : texts) {
            m_Line += before;
            json::Quote(m_Line, text);
            before = ",";
        }
        m_Line += texts.empty() ? "[]" : "]";
        return *this;
    }
    Params& Number(const char* name, uint64_t number) {
        Name(name);
        m_Line += std::to_string(number);
        return *this;
    }
    Params& Bool(const char* name, bool flag) {
        Name(name);
        m_Line += flag ? "true" : "false";
        return *this;
    }
    std::string Line() { return std::move(m_Line += "}}\n"); }

  private:
    void Name(const char* name) {
        m_Line.append(m_Comma).append("\"").append(name).append("\":");
        m_Comma = ",";
    }
    std::string m_Line;
    const char* m_Comma = "";
};

Value& Member(Value& object, const char* name) {
    Value* const found = object.Find(name);
    if (!found) throw Misunderstood{std::string(name) + " is missing"};
    return *found;
}

std::string String(Value& object, const char* name) {
    Value& value = Member(object, name);
    if (!value.Has(Is::String)) throw Misunderstood{std::string(name) + " is no string"};
    return std::move(value.text);
}

template <size_t N>
size_t OneOf(const std::array<const char*, N>& words, const std::string& word) {
    const auto it = std::find(words.begin(), words.end(), word);
    if (it == words.end()) throw Misunderstood{"'" + word.substr(0, 32) + "' is not known here"};
    return static_cast<size_t>(it - words.begin());
}

std::string NickFrom(Value& value) {
    std::string nick = TextFrom(value);
    if (!ValidNick(nick)) throw Misunderstood{"no nick"};
    return nick;
}

Effect ReadEffect(Value& in) {
    if (!in.Has(Is::Object)) throw Misunderstood{"an effect is no object"};
    Effect out;
    out.what = static_cast<Effect::Do>(OneOf(kEffects, String(in, "do")));
    const bool speaks = out.what == Effect::Do::Send || out.what == Effect::Do::Deliver ||
                        out.what == Effect::Do::Echo;
    if (speaks) out.kind = static_cast<Kind>(OneOf(kKinds, String(in, "kind")));
    if (speaks || out.what == Effect::Do::Print || out.what == Effect::Do::Refuse)
        out.text = TextFrom(Member(in, "text"));
    switch (out.what) {
        case Effect::Do::Pass:
            break;
        case Effect::Do::Deliver:
            out.who = TextFrom(Member(in, "from"));
            if (!ValidMask(out.who)) throw Misunderstood{"no nick!user@host"};
            break;
        case Effect::Do::Refuse:
            out.why = String(in, "why");
            [[fallthrough]];
        case Effect::Do::Send:
            out.who = NickFrom(Member(in, "to"));
            break;
        case Effect::Do::Echo:
            out.who = NickFrom(Member(in, "to"));
            if (const Value* client = in.Find("client")) {
                if (!client->Has(Is::Natural)) throw Misunderstood{"client is no number"};
                out.client = client->natural;
            }
            break;
        case Effect::Do::Print:
            if (in.Find("style"))
                out.style = static_cast<Style>(OneOf(kStyles, String(in, "style")));
            break;
        case Effect::Do::Protect:
            out.who = NickFrom(Member(in, "peer"));
            if (!Member(in, "on").Has(Is::Bool)) throw Misunderstood{"on is neither true nor false"};
            out.on = Member(in, "on").flag;
            break;
        case Effect::Do::Table:
            if (!Member(in, "columns").Has(Is::List) || !Member(in, "rows").Has(Is::List))
                throw Misunderstood{"a table has columns and rows"};
            for (Value& head : Member(in, "columns").values) {
                if (!head.Has(Is::String)) throw Misunderstood{"a column's head is a string"};
                out.columns.push_back(std::move(head.text));
            }
            for (Value& cells : Member(in, "rows").values) {
                if (!cells.Has(Is::List)) throw Misunderstood{"a row is no list"};
                out.rows.emplace_back();
                for (Value& cell : cells.values) out.rows.back().push_back(TextFrom(cell));
            }
            break;
    }
    return out;
}

std::vector<Effect> ReadEffects(Value& in) {
    std::vector<Effect> out;
    if (!in.Has(Is::Object) || !Member(in, "effects").Has(Is::List))
        throw Misunderstood{"effects is no list"};
    for (Value& effect : Member(in, "effects").values) out.push_back(ReadEffect(effect));
    return out;
}

void ReadResult(Value& result, Incoming& out) {
    const Value* const version = result.Has(Is::Object) ? result.Find("version") : nullptr;
    if (!version) {
        out.effects = ReadEffects(result);
        out.what = Incoming::What::Reply;
        return;
    }
    if (!version->Has(Is::Natural) || version->natural != kVersion)
        throw Misunderstood{"no common protocol version"};
    String(result, "daemon");
    if (!Member(result, "protect").Has(Is::List)) throw Misunderstood{"protect is no list"};
    for (Value& nick : Member(result, "protect").values) out.protect.push_back(NickFrom(nick));
    out.what = Incoming::What::Welcome;
}

}  // namespace

std::string EncodeText(const std::string& bytes) {
    std::string out;
    PutText(out, bytes);
    return out;
}

bool DecodeText(const std::string& text, std::string& bytes) {
    try {
        Value value;
        if (!json::Reader(text.data(), text.size()).Read(value)) return false;
        bytes = TextFrom(value);
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

std::string Hello(uint64_t id, const std::string& user, const std::string& network,
                  const std::string& shim, const std::string& znc) {
    Params params(id, "hello");
    params.Number("version", kVersion).String("user", user).String("network", network);
    return params.String("shim", shim).String("znc", znc).Line();
}

std::string Network(uint64_t id, const Surroundings& now) {
    Params params(id, "network");
    params.Bool("connected", now.connected).Number("linelen", now.linelen);
    params.String("chantypes", now.chantypes).String("statusmsg", now.statusmsg);
    params.String("status_prefix", now.status_prefix);
    params.Number("insecure_clients", now.insecure_clients).Bool("admin", now.admin);
    if (!now.casemapping.empty()) params.String("casemapping", now.casemapping);
    if (!now.loggers.empty()) params.Strings("loggers", now.loggers);
    if (ValidMask(now.mask)) params.Text("mask", now.mask);
    return params.Line();
}

std::string Out(uint64_t id, const std::string& to, Kind kind, const std::string& text,
                uint64_t client) {
    Params params(id, "out");
    params.Text("to", to).String("kind", kKinds[size_t(kind)]).Text("text", text);
    return params.Number("client", client).Line();
}

std::string In(uint64_t id, const std::string& from, Kind kind, const std::string& text) {
    Params params(id, "in");
    return params.Text("from", from).String("kind", kKinds[size_t(kind)]).Text("text", text).Line();
}

std::string Command(uint64_t id, const std::string& text) {
    return Params(id, "command").Text("text", text).Line();
}

std::string Nick(uint64_t id, const std::string& before, const std::string& after) {
    return Params(id, "nick").Text("old", before).Text("new", after).Line();
}

std::string Quit(uint64_t id, const std::string& nick) {
    return Params(id, "quit").Text("nick", nick).Line();
}

std::string Join(uint64_t id, const std::string& nick) {
    return Params(id, "join").Text("nick", nick).Line();
}

std::string Bye(const std::string& reason) {
    std::string line = "{\"jsonrpc\":\"2.0\",\"method\":\"bye\",\"params\":{\"reason\":";
    json::Quote(line, reason);
    return line + "}}\n";
}

Incoming Parse(const std::string& line) {
    Incoming out;
    Value in;
    if (!json::Reader(line.data(), line.size()).Read(in) || !in.Has(Is::Object)) return out;
    const Value* const version = in.Find("jsonrpc");
    if (!version || !version->Has(Is::String) || version->text != "2.0") return out;
    const Value* const id = in.Find("id");
    if (id && id->Has(Is::Natural)) out.id = id->natural;
    try {
        Value* const result = in.Find("result");
        Value* const error = in.Find("error");
        if (const Value* method = in.Find("method")) {
            if (!method->Has(Is::String)) return out;
            out.what = Incoming::What::Unknown;
            if (id) return out;  // nobody may ask a module
            Value none;
            none.is = Is::Object;
            Value* const given = in.Find("params");
            Value& params = given ? *given : none;
            if (method->text == "effects") {
                out.what = Incoming::What::Effects;
                out.effects = ReadEffects(params);
            } else if (method->text == "bye") {
                out.what = Incoming::What::Bye;
                if (params.Has(Is::Object) && params.Find("reason")) out.why = String(params, "reason");
            }
        } else if (!error != !result && id) {
            out.what = Incoming::What::Failed;
            if (result) {
                ReadResult(*result, out);
            } else {
                Value none;
                none.is = Is::Object;
                out.why = String(error->Has(Is::Object) ? *error : none, "message");
            }
        }
    } catch (const Misunderstood& which) {
        out.effects.clear();
        out.why = "otrd says what this module does not understand (" + which.why + ")";
    }
    return out;
}

}  // namespace wire
