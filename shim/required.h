// Where nothing goes out in clear by policy: rules that otrd says, for lines that do not pass it.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "protocol.h"

namespace guard {

constexpr size_t kMaxLearned = 1024;  // user names; with one more, all of them are required
constexpr size_t kMaxName = 128;      // bytes of a name that is compared with the rules

class Required {
  public:
    // `unknown`: there were some in the registry, and otrd has not said them yet.
    explicit Required(bool unknown = false) : m_bUnknown(unknown) {}
    void Set(std::vector<wire::Rule> rules);
    bool Any() const { return m_bUnknown || m_bAny; }
    // A user name, by which some servers reach who has this nick, too.
    void Learn(const std::string& name, const std::string& user);
    // There are more than were learned.
    void ExpectMoreUsers() { m_bNotAll = true; }
    // Whether a target may be somebody to whom nothing goes out in clear.
    bool Of(const std::string& target, const std::string& statusmsg) const;

  private:
    void LearnOne(const std::string& folded, const std::string& word);
    bool OfName(const std::string& folded) const;
    bool OfExactly(const std::string& folded) const;
    std::vector<wire::Rule> m_Rules;                       // patterns are folded
    std::unordered_map<std::string, std::string> m_Users;  // user name to nick, both folded
    bool m_bUnknown = false, m_bAny = false, m_bManyUsers = false, m_bNotAll = false;
};

}  // namespace guard
