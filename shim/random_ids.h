// Random names and numbers of the module.
#pragma once

#include <cstdio>
#include <random>
#include <string>

// The random id of this load of the module.
static std::string NewInstance() {
    std::random_device random;
    std::string sName;
    for (int i = 0; i < 4; i++) sName += std::to_string(random());
    return sName;
}

// Names this network for good: otrd knows it again by this where it was moved or renamed.
static std::string NewIdentity() {
    std::random_device random;
    std::string sIdentity;
    for (int i = 0; i < 32; i++) sIdentity += "0123456789abcdef"[random() % 16];
    return sIdentity;
}

static bool IsIdentity(const std::string& sIdentity) {
    return sIdentity.size() == 32 && sIdentity.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Against lists of hashes of nicks that were made before.
static std::string NewSalt() {
    std::random_device random;
    std::string sSalt;
    for (int i = 0; i < 4; i++) {
        char digits[9];
        (void)snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(random()));
        sSalt += digits;
    }
    return sSalt;
}
