// Long sentences in lines that a client does not have to wrap.
#include "wrap.h"

#include <algorithm>
#include <cctype>

namespace wrap {

static size_t Characters(const std::string& text) {
    return std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xc0) != 0x80; });
}

// Whether eight hexadecimal digits begin there, as groups of a fingerprint do.
static bool IsGroup(const std::string& text, size_t begin) {
    if (begin + 8 > text.size()) return false;
    return std::all_of(text.begin() + begin, text.begin() + begin + 8,
                       [](unsigned char c) { return isxdigit(c); });
}

// Whether a sentence may be cut between the blank before `at` and what follows.
static bool MayCut(const std::string& text, size_t at) {
    return !(at >= 9 && IsGroup(text, at - 9) && IsGroup(text, at));
}

// Whether a phrase ends before the blank before `at`.
static bool EndsPhrase(const std::string& text, size_t at) {
    return text[at] == '(' || (at >= 2 && std::string(".,:;)").find(text[at - 2]) != std::string::npos);
}

// Where the line that begins at `begin` ends: behind a blank, or at the end of all.
static size_t End(const std::string& text, size_t begin, size_t columns) {
    size_t word = 0, phrase = 0, column = 0;
    for (size_t at = begin; at < text.size(); at++) {
        if ((static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) continue;
        column++;
        if (text[at] != ' ') {
            if (column > columns && word) return phrase ? phrase : word;
            continue;
        }
        // The blank at the end of a line takes no room.
        if (at + 1 == text.size() || !MayCut(text, at + 1)) continue;
        if (column > columns + 1) return at + 1;  // the end of a long word
        word = at + 1;
        if (column > columns / 2 && EndsPhrase(text, word)) phrase = word;
    }
    return text.size();
}

std::vector<std::string> Lines(const std::string& sentence, size_t columns) {
    const size_t uMark = Characters(kGoesOn);
    std::vector<std::string> lines;
    size_t begin = 0;
    do {
        const bool bFirst = lines.empty();
        const size_t end = End(sentence, begin, bFirst ? columns : columns - uMark);
        lines.push_back((bFirst ? "" : kGoesOn) + sentence.substr(begin, end - begin));
        begin = end;
    } while (begin < sentence.size());
    return lines;
}

}  // namespace wrap
