#include "json.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

namespace wire::json {
namespace {

constexpr string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t kMaxDepth = 32;  // a cell of a table is in 7

std::string ToBase64(string_view bytes) {
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t three = 0;
        const size_t have = std::min<size_t>(3, bytes.size() - i);
        for (size_t k = 0; k < 3; k++)
            three = three << 8 | (k < have ? static_cast<unsigned char>(bytes[i + k]) : 0);
        for (size_t k = 0; k < 4; k++) out += k <= have ? kAlphabet[three >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

// As strict as otrd: padded, no blanks, no stray bits.
std::string FromBase64(string_view text) {
    std::string out;
    for (size_t i = 0; i + 4 <= text.size(); i += 4) {
        uint32_t four = 0;
        for (size_t k = 0; k < 4; k++) {
            const size_t value = kAlphabet.find(text[i + k]);
            four = four << 6 | (value == string_view::npos ? 0 : static_cast<uint32_t>(value));
        }
        for (int shift = 16; shift >= 0; shift -= 8) out += static_cast<char>(four >> shift & 255);
    }
    for (size_t pad = 0; pad < 2 && !out.empty() && text[text.size() - 1 - pad] == '='; pad++) out.pop_back();
    if (ToBase64(out) != text) throw ParseError{"b64 is damaged"};
    return out;
}

// What stands for itself in a string of JSON.
constexpr std::array<bool, 256> kPlain = [] {
    std::array<bool, 256> plain{};
    for (size_t c = ' '; c < plain.size(); c++) plain[c] = c != '"' && c != '\\';
    return plain;
}();

// Whether all of eight bytes do, as those of most texts: a byte that is below another, or the same,
// leaves its high bit set.
bool ArePlain(const char* eight) {
    constexpr uint64_t kEach = ~0ULL / 255, kHigh = kEach * 128;
    uint64_t bytes;
    memcpy(&bytes, eight, sizeof bytes);
    const uint64_t quotes = (bytes ^ kEach * '"') - kEach, slashes = (bytes ^ kEach * '\\') - kEach;
    return !(((bytes - kEach * ' ') | quotes | slashes) & ~bytes & kHigh);
}

bool IsAscii(const char* eight) {
    uint64_t bytes;
    memcpy(&bytes, eight, sizeof bytes);
    return !(bytes & 0x8080808080808080);
}

void Quote(std::string& out, string_view utf8) {
    constexpr string_view kBrief = "\b\f\n\r\t", kLetters = "bfnrt", kHex = "0123456789abcdef";
    size_t written = 0;
    out += '"';
    for (size_t i = 0; i < utf8.size(); i++) {
        while (i + 8 < utf8.size() && ArePlain(&utf8[i])) i += 8;
        const auto c = static_cast<unsigned char>(utf8[i]);
        if (kPlain[c]) continue;
        out.append(utf8, written, i - written);
        written = i + 1;
        out += '\\';
        const size_t brief = kBrief.find(static_cast<char>(c));
        if (c >= ' ')
            out += static_cast<char>(c);
        else if (brief != string_view::npos)
            out += kLetters[brief];
        else
            out.append("u00").append({kHex[c >> 4], kHex[c & 15]});
    }
    out.append(utf8, written);
    out += '"';
}

// Shortest forms only, no surrogates, nothing above U+10FFFF (RFC 3629, 4).
bool IsUtf8(string_view bytes) {
    const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
    for (size_t i = 0; i < bytes.size();) {
        while (i + 8 <= bytes.size() && IsAscii(&bytes[i])) i += 8;
        if (i == bytes.size()) break;
        const unsigned char lead = at(i++);
        if (lead < 0x80) continue;
        const size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || bytes.size() - i < more) return false;
        // The second byte tells the longer forms, the surrogates and what is too high.
        const unsigned char least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
        const unsigned char most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
        if (at(i) < least || at(i) > most) return false;
        for (size_t k = 1; k < more; k++)
            if ((at(i + k) & 0xc0) != 0x80) return false;
        i += more;
    }
    return true;
}

enum class Type : uint8_t { Other, Boolean, Number, Negative, String, Object, Array };

// Texts are in `s_Bytes`, from `at` on.
struct Span {
    uint32_t at = 0, length = 0;
};
struct Node {
    Type type = Type::Other;
    uint32_t end = 0;  // behind its last child
    Span key, text;
    uint64_t number = 0;  // a boolean, a number, or how many children there are
};

std::vector<Node> s_Nodes;
std::string s_Bytes;

// What nlohmann's parser calls. It stops where false is returned.
class Reader {
  public:
    bool null() { return Value(Type::Other); }
    bool boolean(bool value) { return Value(Type::Boolean, value); }
    bool number_integer(int64_t value) {  // below zero
        return Value(Type::Negative, static_cast<uint64_t>(value));
    }
    bool number_unsigned(uint64_t value) { return Value(Type::Number, value); }
    bool number_float(double, const std::string&) { return Value(Type::Other); }
    bool string(std::string& value) {
        Value(Type::String);
        s_Nodes.back().text = Keep(value);
        return true;
    }
    template <class Binary>
    bool binary(Binary&) {
        return false;
    }
    bool start_object(size_t) { return Open(Type::Object); }
    bool start_array(size_t) { return Open(Type::Array); }
    bool end_object() { return Close(); }
    bool end_array() { return Close(); }
    bool key(std::string& name) {
        m_Key = Keep(name);
        return true;
    }
    template <class Error>
    bool parse_error(size_t, const std::string&, const Error&) {
        return false;
    }

  private:
    bool Value(Type type, uint64_t number = 0) {
        if (m_uDepth > 0) s_Nodes[m_Open[m_uDepth - 1]].number++;
        Node node;
        node.type = type;
        node.end = static_cast<uint32_t>(s_Nodes.size()) + 1;
        node.key = m_Key;
        node.number = number;
        s_Nodes.push_back(node);
        m_Key = Span{};
        return true;
    }
    bool Open(Type type) {
        if (m_uDepth == kMaxDepth) return false;
        Value(type);
        m_Open[m_uDepth++] = s_Nodes.size() - 1;
        return true;
    }
    bool Close() {
        s_Nodes[m_Open[--m_uDepth]].end = static_cast<uint32_t>(s_Nodes.size());
        return true;
    }
    static Span Keep(const std::string& text) {
        const Span span{static_cast<uint32_t>(s_Bytes.size()), static_cast<uint32_t>(text.size())};
        s_Bytes += text;
        return span;
    }
    std::array<size_t, kMaxDepth> m_Open{};  // objects and arrays that have not ended
    size_t m_uDepth = 0;
    Span m_Key;
};

string_view In(const Span& span) { return string_view(s_Bytes).substr(span.at, span.length); }

}  // namespace

void PutText(std::string& out, string_view bytes) {
    if (bytes.find('\0') == string_view::npos && IsUtf8(bytes)) return Quote(out, bytes);
    out.append("{\"b64\":\"").append(ToBase64(bytes)).append("\"}");
}

void PutString(std::string& out, std::string bytes) {
    const auto isMore = [](char c) { return (c & 0x80) != 0; };
    if (!IsUtf8(bytes)) std::replace_if(bytes.begin(), bytes.end(), isMore, '?');
    Quote(out, bytes);
}

template <>
std::optional<bool> element::get() const {
    const Node& node = s_Nodes[m_uAt];
    return node.type == Type::Boolean ? std::optional<bool>(node.number) : std::nullopt;
}
template <>
std::optional<uint64_t> element::get() const {
    const Node& node = s_Nodes[m_uAt];
    return node.type == Type::Number ? std::optional<uint64_t>(node.number) : std::nullopt;
}
template <>
std::optional<int64_t> element::get() const {
    const Node& node = s_Nodes[m_uAt];
    const bool bNumber =
        node.type == Type::Negative || (node.type == Type::Number && node.number <= INT64_MAX);
    return bNumber ? std::optional<int64_t>(static_cast<int64_t>(node.number)) : std::nullopt;
}
template <>
std::optional<string_view> element::get() const {
    const Node& node = s_Nodes[m_uAt];
    return node.type == Type::String ? std::optional<string_view>(In(node.text)) : std::nullopt;
}
template <>
std::optional<object> element::get() const {
    return s_Nodes[m_uAt].type == Type::Object ? std::optional<object>(m_uAt) : std::nullopt;
}
template <>
std::optional<array> element::get() const {
    return s_Nodes[m_uAt].type == Type::Array ? std::optional<array>(m_uAt) : std::nullopt;
}
string_view element::key() const { return In(s_Nodes[m_uAt].key); }

children::iterator& children::iterator::operator++() {
    m_uAt = s_Nodes[m_uAt].end;
    return *this;
}
size_t children::size() const { return s_Nodes[m_uAt].number; }

std::optional<element> Read(const std::string& line) {
    s_Nodes.clear();
    s_Bytes.clear();
    // nlohmann skips a byte order mark, which is no JSON (RFC 8259, 8.1), and ends at a NUL.
    if (line.empty() || line[0] == '\xef' || line.find('\0') != std::string::npos) return std::nullopt;
    Reader reader;
    if (!nlohmann::json::sax_parse(line, &reader)) return std::nullopt;
    return element(0);
}

std::optional<element> Find(const object& in, string_view name) {
    std::optional<element> found;
    for (const element member : in) {
        if (member.key() != name) continue;
        if (found) throw ParseError{std::string(name) + " is there twice"};
        found = member;
    }
    return found;
}

element Member(const object& in, string_view name) {
    if (const auto found = Find(in, name)) return *found;
    throw ParseError{std::string(name) + " is missing"};
}

std::string Text(const element& value) {
    const auto coded = value.get<object>();
    if (coded && coded->size() == 1) return FromBase64(String(*coded, "b64"));
    const auto text = value.get<string_view>();
    if (!text || text->find('\0') != string_view::npos)
        throw ParseError{"a text is a string without NUL, or b64"};
    return std::string(*text);
}

std::optional<uint64_t> Number(const object& in, string_view name) {
    const auto value = Find(in, name);
    if (!value) return std::nullopt;
    return As<uint64_t>(*value, name, "number");
}

}  // namespace wire::json
