// The mark in front of what was decrypted: what can be one, and that nobody can type it. Without ZNC.
#include "mark.h"

#include <cstdio>

using std::string;

static int s_passed = 0, s_failed = 0;

static void Is(const string& got, const string& wanted, const string& what) {
    got == wanted ? s_passed++ : s_failed++;
    if (got != wanted) printf("FAILED: %s: %s, not %s\n", what.c_str(), got.c_str(), wanted.c_str());
}

static void IsValid(const string& mark, bool good) {
    Is(mark::Valid(mark) ? "valid" : "refused", good ? "valid" : "refused", "\"" + mark + "\"");
}

static void WhatCanBeOne() {
    for (const char* good :
         {"[OTR]", "(otr)", "*", ">>", "\xf0\x9f\x94\x92", "\xe2\x9c\x94", "a:", "=E=", "[sixteenletters]"})
        IsValid(good, true);
    // clang-format off
    for (const char* bad : {"", " ", "OTR", "[OTR] ", "[O R]", "1>", "[1]", "\x02*", "*\x03", "[seventeenletter]]",
                            "\xc3\xa9:", "\xef\xbc\xbb", "\xf0\x9f\x94\x92\xef\xb8\x8f", "\xf0\x9f\x94", "\xff",
                            "abcdef>", "[mine]", "\xe2\x80\x8b*", "\xf0\x9f\x8f\xbb", "\xd0\x9e]"})
        IsValid(bad, false);
    // clang-format on
}

static void WhatIsTakenOff() {
    const string otr = "[OTR]", lock = "\xf0\x9f\x94\x92";
    // clang-format off
    for (const string typed :
         {"[OTR] hi", "[OTR]hi", "[otr]   hi", "[OTR] [OTR] hi", "[OTR][oTr][OTR] hi", "  [OTR] hi", "\x02[OTR]\x02 hi",
          "\x03" "04[OTR]\x03 hi", "\x03" "4,12[O\x0fT\x1dR] hi", "\x04" "ff0000[OTR] hi", "\x04" "ff0000,00ff00[OTR] hi",
          "\x1b[1;31m[OTR] hi", "[\x1b[mOTR] hi", "[ O T R ] hi", "\xe2\x80\x8b[O\xe2\x80\x8dTR] hi", "\xc2\xa0[OTR] hi",
          "\xa0[OTR] hi", "\xef\xbc\xbb\xef\xbc\xaf\xef\xbc\xb4\xef\xbc\xb2\xef\xbc\xbd hi", "[O\xcc\x80TR] hi",
          "[\xc3\x92TR] hi", "[\xd0\x9e\xd0\xa2R] hi", "[\xce\x9fTR] hi", "[\xf0\x9d\x90\x8eTR] hi", "\x1f\x16\x11\x1e[OTR] hi",
          "\xef\xbb\xbf[OTR] hi", "\xe2\x80\xae[OTR] hi", "\t[OTR] hi", "[0TR] hi", "[\xef\xbc\x90TR] hi", "[O\xd6\x91TR] hi", "[\xd0\xbe\xd1\x82\xca\x80] hi",
          "[\xe1\xb4\x8f\xe1\xb4\x9b\xca\x80] hi"})
        Is(mark::Without(typed, otr), "hi", typed);
    // clang-format on
    Is(mark::Without("\x03,[OTR] hi", otr), "\x03,[OTR] hi", "a comma is seen");
    Is(mark::Without("[OTR]", otr), "", "nothing but the mark");
    Is(mark::Without(lock + "\xef\xb8\x8f " + lock + " hi", lock), "hi", "a variant of a symbol");
    for (const string typed : {"hi", "hi [OTR]", "[OT", "[OTR", "", " ", "\x02hi\x02",
                               "[NOT ENCRYPTED] [OTR] hi", "  hi", "\xff\xfe"})
        Is(mark::Without(typed, otr), typed, typed);
    Is(mark::Without("ih ]RTO[\xe2\x80\xae x", otr), "ih ]RTO[ x", "turned around");
}

static void WhatBeginsAsAWarning() {
    const string warning = "[NOT ENCRYPTED] ";
    // clang-format off
    for (const char* typed :
         {"[NOT ENCRYPTED] hi", "[NOT ENCRYPTED]hi", "[not encrypted] hi", " [NOT ENCRYPTED] hi", "\x02[NOT\x02 ENCRYPTED] hi",
          "\x03" "04[NOT ENCRYPTED]\x03 hi", "[N\xd0\x9eT ENCRYPTED] hi", "\xef\xbc\xbbNOT ENCRYPTED] hi",
          "[N\xcc\x81OT\xe2\x80\x8b ENCRYPTED] hi", "[NOTENCRYPTED]"})
        Is(mark::Begins(typed, warning) ? "begins" : "does not", "begins", typed);
    // clang-format on
    for (const char* typed :
         {"", "hi", "[NOT", "[NOT ENCRYPTED", "see [NOT ENCRYPTED] above", "\\[NOT ENCRYPTED] hi"})
        Is(mark::Begins(typed, warning) ? "begins" : "does not", "does not", typed);
}

int main() {
    WhatCanBeOne();
    WhatIsTakenOff();
    WhatBeginsAsAWarning();
    printf("mark: %d checks, %d failed\n", s_passed + s_failed, s_failed);
    return s_failed != 0;
}
