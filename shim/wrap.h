// Long sentences in lines that a client does not have to wrap. No ZNC here: see target_test.cpp.
#pragma once

#include <string>
#include <vector>

namespace wrap {

// The most characters that a line of *otr has, and what stands in front of a line that goes on: nobody
// whose words are quoted can begin a line that looks like a new one.
constexpr size_t kColumns = 100;
constexpr const char* kGoesOn = "\xe2\x80\xa6 ";

// A sentence in lines of at most `columns` characters, cut behind blanks: behind the end of a phrase
// where there is one in the second half, never within a fingerprint. A word that is longer stays whole.
// The lines together, without kGoesOn in front of them, are the sentence.
std::vector<std::string> Lines(const std::string& sentence, size_t columns = kColumns);

}  // namespace wrap
