// The mark in front of what was decrypted, which nobody may be able to type. No ZNC here: see mark_test.cpp.
#pragma once

#include <string>

namespace mark {

// The most letters of a mark.
constexpr size_t kMost = 16;

// Whether this can be a mark: letters and punctuation of ASCII, or symbols; no blanks, no digits, and a
// letter not at the end, where the text of somebody could go on.
bool Valid(const std::string& mark);

// Whether a reader could take the front of the text for these words: in colours, wide, in other case,
// with marks above them, with blanks and letters that are not seen between them.
bool Begins(const std::string& text, const std::string& words);

// The text without the mark at its front, however often it is there: in colours, wide, with marks above
// it, with blanks and letters that are not seen in it. Nor has it letters that turn a line around.
std::string Without(const std::string& text, const std::string& mark);

}  // namespace mark
