#include "json.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace wire::json {
namespace {

constexpr string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t kMaxDepth = 32;  // a cell of a table is in 7

std::string ToBase64(string_view bytes) {
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
    for (size_t pad = 0; pad < 2 && !out.empty() && text[text.size() - 1 - pad] == '='; pad++)
        out.pop_back();
    if (ToBase64(out) != text) throw Misunderstood{"b64 is damaged"};
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

bool IsUtf8(string_view bytes) { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

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

std::optional<element> Read(const std::string& line) {
    static simdjson::dom::parser s_parser;
    constexpr size_t kShort = 1024;  // of most lines; it grows with a longer one
    if (s_parser.capacity() == 0 && s_parser.allocate(kShort, kMaxDepth)) return std::nullopt;
    element out;
    // A byte order mark is no JSON (RFC 8259, 8.1), and skipped by some versions of the library.
    if (line.empty() || line[0] == '\xef' || s_parser.parse(line).get(out)) return std::nullopt;
    return out;
}

std::optional<element> Find(const object& in, string_view name) {
    std::optional<element> found;
    for (const auto field : in) {
        if (field.key != name) continue;
        if (found) throw Misunderstood{std::string(name) + " is there twice"};
        found = field.value;
    }
    return found;
}

element Member(const object& in, string_view name) {
    if (const auto found = Find(in, name)) return *found;
    throw Misunderstood{std::string(name) + " is missing"};
}

std::string Text(const element& value) {
    object coded;
    string_view text;
    if (!value.get(coded) && coded.size() == 1) return FromBase64(String(coded, "b64"));
    if (value.get(text) || text.find('\0') != string_view::npos)
        throw Misunderstood{"a text is a string without NUL, or b64"};
    return std::string(text);
}

std::optional<uint64_t> Number(const object& in, string_view name) {
    const auto value = Find(in, name);
    if (!value) return std::nullopt;
    return As<uint64_t>(*value, name, "number");
}

}  // namespace wire::json
