#include "required.h"

#include <algorithm>

#include "target.h"

namespace guard {

using std::string;

namespace {

// `*` and `?`, in time that grows with both lengths at most.
bool Fits(const string& pattern, const string& name) {
    size_t p = 0, n = 0, star = string::npos, back = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            back = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
            p++, n++;
        } else if (star != string::npos) {
            p = star + 1;
            n = ++back;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == string::npos;
}

}  // namespace

void Required::Set(std::vector<wire::Rule> rules) {
    m_Rules = std::move(rules);
    for (wire::Rule& rule : m_Rules) rule.pattern = target::Fold(rule.pattern);
    m_bAny = std::any_of(m_Rules.begin(), m_Rules.end(), [](const auto& rule) { return rule.required; });
    m_bUnknown = m_bNotAll = false;
}

bool Required::OfName(const string& folded) const {
    for (const wire::Rule& rule : m_Rules)
        if (Fits(rule.pattern, folded)) return rule.required;
    return false;
}

bool Required::OfExactly(const string& folded) const {
    for (const wire::Rule& rule : m_Rules)
        if (Fits(rule.pattern, folded)) return rule.required && rule.pattern == folded;
    return false;
}

void Required::Learn(const string& name, const string& user) {
    if (!m_bAny || user.empty()) return;
    // Each rule is compared with it, and a server may send names without end.
    if (name.size() > kMaxName || user.size() > kMaxName) return ExpectMoreUsers();
    const string folded = target::Fold(name);
    if (!OfName(folded)) return;
    // With the sign in front, too: some servers take it for a part of the name.
    LearnOne(folded, target::Fold(user));
    LearnOne(folded, target::Fold(target::User(user)));
}

void Required::LearnOne(const string& folded, const string& word) {
    if (OfName(word)) return;
    const auto known = m_Users.find(word);
    if (known != m_Users.end()) {
        // Several people may have it: one to whom a rule applies is enough.
        if (!OfName(known->second)) known->second = folded;
    } else if (m_Users.size() < kMaxLearned)
        m_Users.emplace(word, folded);
    else
        m_bManyUsers = true;
}

// What begins as a channel is one, unless there is a rule for the nick behind that sign.
bool Required::Of(const string& target, const string& statusmsg) const {
    if (!Any()) return false;
    const bool person = target::MayBePerson(target);
    if (m_bUnknown) return person;
    for (const string& name : target::Names(target, statusmsg)) {
        if (name.find_first_of("!@%") != string::npos) continue;
        if (person ? OfName(name) : OfExactly(name)) return true;
        const auto user = m_Users.find(name);
        if (person && user != m_Users.end() && OfName(user->second)) return true;
    }
    return person && (m_bManyUsers || m_bNotAll) && !target::IsBare(target);
}

}  // namespace guard
