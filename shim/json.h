// JSON (RFC 8259) as the module needs it: strict, bounded, and without a tree of maps, for every
// private message passes through it twice. test-line.cpp runs it against a complete library.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace wire::json {

// Bytes of the UTF-8 sequence at `at`; 0 where there is none (RFC 3629: no surrogates, nothing
// overlong, nothing above U+10FFFF).
inline size_t Utf8(const char* at, const char* end) {
    const auto byte = [&](size_t i) { return at + i < end ? static_cast<unsigned char>(at[i]) : 0u; };
    const auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const unsigned first = byte(0), second = byte(1);
    if (first < 0x80) return at < end;
    if (first < 0xc2 || first > 0xf4 || !follows(1)) return 0;
    if (first < 0xe0) return 2;
    if (first < 0xf0) {
        if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
        return follows(2) ? 3 : 0;
    }
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
    return follows(2) && follows(3) ? 4 : 0;
}

// Whether a byte stands for itself between quotes.
inline bool Plain(char c) { return static_cast<signed char>(c) >= ' ' && c != '"' && c != '\\'; }

// Where such bytes end; eight at a time, for most texts hold nothing else.
inline const char* SkipPlain(const char* at, const char* end) {
    constexpr uint64_t kOnes = 0x0101010101010101, kHigh = 0x80 * kOnes;
    for (; end - at >= 8; at += 8) {
        uint64_t eight;
        memcpy(&eight, at, 8);
        const auto has = [&](uint64_t c) { return ((eight ^ c * kOnes) - kOnes) & ~(eight ^ c * kOnes); };
        if ((eight | (eight - ' ' * kOnes) | has('"') | has('\\')) & kHigh) break;
    }
    while (at < end && Plain(*at)) at++;
    return at;
}

// Appends a string with its quotes; what is not UTF-8 becomes U+FFFD.
inline void Quote(std::string& out, const std::string& text) {
    static const char kHex[] = "0123456789abcdef";
    out += '"';
    const char *at = text.data(), *const end = at + text.size();
    while (at < end) {
        const char* plain = at;
        at = SkipPlain(at, end);
        out.append(plain, at);
        if (at == end) break;
        const unsigned char c = static_cast<unsigned char>(*at);
        if (c >= 0x80) {
            const size_t length = Utf8(at, end);
            length ? out.append(at, length) : out.append("\xef\xbf\xbd");
            at += length ? length : 1;
            continue;
        }
        at++;
        const char* const kShort = "\"\"\\\\\bb\ff\nn\rr\tt";
        const char* found = kShort;
        while (*found && static_cast<unsigned char>(*found) != c) found += 2;
        out += '\\';
        if (*found)
            out += found[1];
        else
            out.append("u00").append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
    }
    out += '"';
}

// A value, and what is in it. Members keep their order; of two with one name the last counts.
struct Value {
    enum class Is { Nothing, Null, Bool, Natural, Number, String, List, Object };
    Is is = Is::Nothing;
    bool flag = false;
    uint64_t natural = 0;
    std::string text;
    std::vector<std::string> names;
    std::vector<Value> values;

    bool Has(Is what) const { return is == what; }
    Value* Find(const char* name) {
        for (size_t i = names.size(); i-- > 0;)
            if (names[i] == name) return &values[i];
        return nullptr;
    }
    const Value* Find(const char* name) const { return const_cast<Value*>(this)->Find(name); }
};

class Reader {
  public:
    Reader(const char* data, size_t length) : m_At(data), m_End(data + length) {}

    // The whole input as one value. False: it is no JSON.
    bool Read(Value& out) { return Any(out, 0) && (Blanks(), m_At == m_End); }

  private:
    static constexpr unsigned kMaxDepth = 32;
    const char *m_At, *m_End;

    void Blanks() {
        while (m_At < m_End && (*m_At == ' ' || *m_At == '\t' || *m_At == '\n' || *m_At == '\r'))
            m_At++;
    }
    bool Take(char c) {
        Blanks();
        if (m_At == m_End || *m_At != c) return false;
        m_At++;
        return true;
    }
    bool Word(const char* word) {
        const size_t length = strlen(word);
        if (static_cast<size_t>(m_End - m_At) < length || memcmp(m_At, word, length) != 0) return false;
        m_At += length;
        return true;
    }

    bool Any(Value& out, unsigned depth) {
        Blanks();
        if (m_At == m_End || depth > kMaxDepth) return false;
        switch (*m_At) {
            case '{': return Object(out, depth);
            case '[': return List(out, depth);
            case '"':
                out.is = Value::Is::String;
                return String(out.text);
            case 't':
            case 'f':
                out.is = Value::Is::Bool;
                out.flag = *m_At == 't';
                return Word(out.flag ? "true" : "false");
            case 'n':
                out.is = Value::Is::Null;
                return Word("null");
            default: return Number(out);
        }
    }

    bool Object(Value& out, unsigned depth) {
        out.is = Value::Is::Object;
        m_At++;
        if (Take('}')) return true;
        out.names.reserve(4);
        out.values.reserve(4);
        do {
            Blanks();
            out.names.emplace_back();
            out.values.emplace_back();
            if (m_At == m_End || *m_At != '"' || !String(out.names.back()) || !Take(':') ||
                !Any(out.values.back(), depth + 1))
                return false;
        } while (Take(','));
        return Take('}');
    }

    bool List(Value& out, unsigned depth) {
        out.is = Value::Is::List;
        m_At++;
        if (Take(']')) return true;
        do {
            out.values.emplace_back();
            if (!Any(out.values.back(), depth + 1)) return false;
        } while (Take(','));
        return Take(']');
    }

    bool String(std::string& out) {
        m_At++;
        for (;;) {
            const char* plain = m_At;
            m_At = SkipPlain(m_At, m_End);
            out.append(plain, m_At);
            if (m_At == m_End) return false;
            if (*m_At == '"') return m_At++, true;
            if (*m_At == '\\') {
                if (!Escape(out)) return false;
                continue;
            }
            const size_t length = static_cast<unsigned char>(*m_At) < 0x80 ? 0 : Utf8(m_At, m_End);
            if (length == 0) return false;
            out.append(m_At, length);
            m_At += length;
        }
    }

    bool Escape(std::string& out) {
        m_At++;
        if (m_At == m_End) return false;
        const char c = *m_At++;
        const char* const kShort = "\"\"\\\\//b\bf\fn\nr\rt\t";
        for (const char* pair = kShort; *pair; pair += 2)
            if (*pair == c) return out += pair[1], true;
        uint32_t code = 0, low = 0;
        if (c != 'u' || !Hex(code)) return false;
        if (code >= 0xd800 && code < 0xdc00) {
            if (!Word("\\u") || !Hex(low) || low < 0xdc00 || low > 0xdfff) return false;
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        } else if (code >= 0xdc00 && code <= 0xdfff) {
            return false;
        }
        const auto put = [&](uint32_t bits) { out += static_cast<char>(bits); };
        if (code < 0x80) return put(code), true;
        if (code < 0x800) {
            put(0xc0 | code >> 6);
        } else {
            if (code < 0x10000) {
                put(0xe0 | code >> 12);
            } else {
                put(0xf0 | code >> 18);
                put(0x80 | (code >> 12 & 63));
            }
            put(0x80 | (code >> 6 & 63));
        }
        return put(0x80 | (code & 63)), true;
    }

    bool Hex(uint32_t& out) {
        for (int i = 0; i < 4; i++, m_At++) {
            if (m_At == m_End) return false;
            const char c = *m_At;
            const bool digit = c >= '0' && c <= '9', lower = c >= 'a' && c <= 'f';
            if (!digit && !lower && !(c >= 'A' && c <= 'F')) return false;
            out = out << 4 | static_cast<uint32_t>(digit ? c - '0' : (c | 32) - 'a' + 10);
        }
        return true;
    }

    bool Digits() {
        const char* start = m_At;
        while (m_At < m_End && *m_At >= '0' && *m_At <= '9') m_At++;
        return m_At > start;
    }

    bool Number(Value& out) {
        const bool negative = *m_At == '-';
        m_At += negative;
        const char* start = m_At;
        if (!Digits() || (*start == '0' && m_At - start > 1)) return false;
        const char* end = m_At;
        if (m_At < m_End && *m_At == '.' && (m_At++, !Digits())) return false;
        if (m_At < m_End && (*m_At == 'e' || *m_At == 'E')) {
            m_At++;
            if (m_At < m_End && (*m_At == '+' || *m_At == '-')) m_At++;
            if (!Digits()) return false;
        }
        out.is = !negative && m_At == end ? Value::Is::Natural : Value::Is::Number;
        for (; out.Has(Value::Is::Natural) && start < end; start++) {
            const uint64_t digit = static_cast<uint64_t>(*start - '0');
            if (out.natural > (UINT64_MAX - digit) / 10) out.is = Value::Is::Number;
            out.natural = out.natural * 10 + digit;
        }
        return true;
    }
};

}  // namespace wire::json
