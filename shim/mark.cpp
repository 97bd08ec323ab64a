// The mark in front of what was decrypted, as the most liberal client would read it.
#include "mark.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <utility>
#include <vector>

#include "utf8.h"

namespace mark {

using utf8::At;
using utf8::kByte;
using utf8::Letter;

using Range = std::pair<uint32_t, uint32_t>;

template <size_t N>
static bool IsIn(const std::array<Range, N>& ranges, uint32_t code) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [code](const Range& range) { return code >= range.first && code <= range.second; });
}

// Blanks, controls, what changes the letter before it, and what is not shown at all.
static bool IsUnseen(uint32_t code) {
    // clang-format off
    static const std::array<Range, 33> kUnseen = {{
        {0, 0x20}, {0x7f, 0xa0}, {0xad, 0xad}, {0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5c7},
        {0x610, 0x61a}, {0x61c, 0x61c}, {0x64b, 0x65f}, {0x670, 0x670},
        {0x115f, 0x1160}, {0x1680, 0x1680}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x1ab0, 0x1aff},
        {0x1dc0, 0x1dff}, {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x20d0, 0x20ff},
        {0x2800, 0x2800}, {0x3000, 0x3000}, {0x302a, 0x302f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},
        {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
        {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}, {kByte + 0x80, kByte + 0xa0},
    }};
    // clang-format on
    if (code > ' ' && code < 0x7f) return false;  // as most letters are
    return IsIn(kUnseen, code);
}

static size_t Digits(const std::string& text, size_t at, size_t most, int (*is)(int)) {
    size_t count = 0;
    while (count < most && at + count < text.size() && is(static_cast<unsigned char>(text[at + count])))
        count++;
    return count;
}

// Behind the colours of IRC that begin there, or of a terminal, which irssi shows.
static size_t PastColours(const std::string& text, size_t at) {
    const char code = text[at++];
    if (code == '\x1b') {
        const size_t end = text.find_first_not_of("0123456789;", at + 1);
        return at < text.size() && text[at] == '[' && end != std::string::npos && text[end] == 'm' ? end + 1
                                                                                                   : at;
    }
    const bool bHex = code == '\x04';
    const auto colour = [&](size_t from) {
        const size_t count = Digits(text, from, bHex ? 6 : 2, bHex ? isxdigit : isdigit);
        return bHex && count < 6 ? 0 : count;
    };
    const size_t front = colour(at);
    if (!front) return at;
    at += front;
    const size_t back = at < text.size() && text[at] == ',' ? colour(at + 1) : 0;
    return back ? at + 1 + back : at;
}

static size_t PastUnseen(const std::string& text, size_t at) {
    while (at < text.size()) {
        if (text[at] == '\x03' || text[at] == '\x04' || text[at] == '\x1b') {
            at = PastColours(text, at);
            continue;
        }
        const Letter letter = At(text, at);
        if (!IsUnseen(letter.code)) break;
        at += letter.size;
    }
    return at;
}

// Letters of other alphabets that look as those of ASCII do.
static uint32_t LooksLike(uint32_t code) {
    // U+00C0 to U+017F without what is above or below them.
    static const char kLatin[] =
        "aaaaaaaceeeeiiiidnooooo*ouuuuypsaaaaaaaceeeeiiiidnooooo/ouuuuypy"
        "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllll"
        "nnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
    // clang-format off
    static const std::pair<uint32_t, char> kOthers[] = {
        {0x391, 'a'}, {0x392, 'b'}, {0x395, 'e'}, {0x396, 'z'}, {0x397, 'h'}, {0x399, 'i'}, {0x39a, 'k'},
        {0x280, 'r'}, {0x39c, 'm'}, {0x39d, 'n'}, {0x39f, 'o'}, {0x3a1, 'p'}, {0x3a4, 't'}, {0x3a5, 'y'}, {0x3a7, 'x'},
        {0x3b1, 'a'}, {0x3bd, 'v'}, {0x3bf, 'o'}, {0x3c1, 'p'}, {0x3f2, 'c'}, {0x3f3, 'j'}, {0x3f9, 'c'},
        {0x405, 's'}, {0x406, 'i'}, {0x408, 'j'}, {0x410, 'a'}, {0x412, 'b'}, {0x415, 'e'}, {0x41a, 'k'},
        {0x41c, 'm'}, {0x41d, 'h'}, {0x41e, 'o'}, {0x420, 'p'}, {0x421, 'c'}, {0x422, 't'}, {0x423, 'y'},
        {0x425, 'x'}, {0x42f, 'r'}, {0x430, 'a'}, {0x435, 'e'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'},
        {0x432, 'b'}, {0x433, 'r'}, {0x43a, 'k'}, {0x43c, 'm'}, {0x43d, 'h'}, {0x442, 't'}, {0x443, 'y'}, {0x445, 'x'}, {0x455, 's'}, {0x456, 'i'}, {0x458, 'j'}, {0x4ae, 'y'}, {0x4bb, 'h'},
        {0x501, 'd'}, {0x51b, 'q'}, {0x51c, 'w'}, {0x51d, 'w'}, {0x13a1, 'r'}, {0x13a2, 't'}, {0x13c0, 'g'},
        {0x1d00, 'a'}, {0x1d04, 'c'}, {0x1d05, 'd'}, {0x1d07, 'e'}, {0x1d0a, 'j'}, {0x1d0b, 'k'}, {0x1d0d, 'm'},
        {0x66d, '*'}, {0x204e, '*'}, {0x2217, '*'}, {0x2731, '*'}, {0xfe61, '*'},
        {0x1d0f, 'o'}, {0x1d18, 'p'}, {0x1d1b, 't'}, {0x1d1c, 'u'}, {0x1d20, 'v'}, {0x1d21, 'w'}, {0x1d22, 'z'},
    };
    // clang-format on
    if (code >= 0xff01 && code <= 0xff5e) code -= 0xfee0;  // full width
    if (code == '0') return 'o';
    if (code < 0xc0) return code;
    if (code <= 0x17f) return static_cast<unsigned char>(kLatin[code - 0xc0]);
    if (code >= 0x1d400 && code < 0x1d6a4) return 'a' + (code - 0x1d400) % 26;
    for (const auto& one : kOthers)
        if (one.first == code) return static_cast<unsigned char>(one.second);
    return code;
}

static uint32_t Folded(uint32_t code) {
    code = LooksLike(code);
    return code >= 'A' && code <= 'Z' ? code + 'a' - 'A' : code;
}

// Where the text goes on behind one mark, or npos.
static size_t PastMark(const std::string& text, size_t at, const std::string& mark) {
    for (size_t i = PastUnseen(mark, 0); i < mark.size(); i = PastUnseen(mark, i)) {
        const Letter wanted = At(mark, i);
        at = PastUnseen(text, at);
        if (at >= text.size()) return std::string::npos;
        const Letter seen = At(text, at);
        if (Folded(seen.code) != Folded(wanted.code)) return std::string::npos;
        at += seen.size;
        i += wanted.size;
    }
    return at;
}

bool Begins(const std::string& text, const std::string& words) {
    return PastMark(text, 0, words) != std::string::npos;
}

std::string Without(const std::string& text, const std::string& mark) {
    size_t end = 0;
    for (size_t at = PastMark(text, 0, mark); at != std::string::npos; at = PastMark(text, at, mark))
        end = at;
    std::string rest = text.substr(end ? PastUnseen(text, end) : 0);
    for (const char* turn : {"\xe2\x80\xad", "\xe2\x80\xae"})
        for (size_t at = rest.find(turn); at != std::string::npos; at = rest.find(turn, at))
            rest.erase(at, 3);
    return rest;
}

bool Valid(const std::string& mark) {
    static const std::array<Range, 5> kSymbols = {
        {{0x25a0, 0x2767}, {0x2794, 0x27bf}, {0x2b00, 0x2bff}, {0x1f300, 0x1f3fa}, {0x1f400, 0x1faff}}};
    size_t letters = 0;
    bool bLetterLast = true;
    for (size_t i = 0; i < mark.size();) {
        const Letter letter = At(mark, i);
        const bool bAscii =
            letter.code > ' ' && letter.code < 0x7f && !isdigit(static_cast<int>(letter.code));
        if (!bAscii && !IsIn(kSymbols, letter.code)) return false;
        bLetterLast = bAscii && isalpha(static_cast<int>(letter.code));
        i += letter.size;
        letters++;
    }
    if (!letters || letters > kMost || bLetterLast) return false;
    // Where its letters are some client's colours, one client would see it and another would not.
    for (size_t i = 0; i < mark.size(); i += At(mark, i).size)
        // clang-format off
        for (const char* code : {"\x03", "\x04", "\x1b", "\x03" "1", "\x04" "000000"})
            // clang-format on
            if (!Without(mark.substr(0, i) + code + mark.substr(i), mark).empty()) return false;
    return true;
}

}  // namespace mark
