#include "closed.h"

#include <algorithm>
#include <sstream>

#include "target.h"

namespace guard {

using std::string;

namespace {

constexpr size_t kDigits = 32;       // of a hash
constexpr size_t kMaxLooked = 1024;  // names whose level is kept at hand
constexpr size_t kMaxDigests = 256;  // names and addresses whose hash is,
constexpr size_t kMaxKnown = 128;    // and their bytes: a server may send longer ones without end
constexpr const char* kVersion = "1";

bool IsHash(const string& word) {
    return word.size() == kDigits && std::all_of(word.begin(), word.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

}  // namespace

// "1 SALT FLAGS HASH[:USER…][:@ADDRESS…] …": flags are e for everybody, u for more letters, - for neither;
// a hash has ? in front where it was only pending, ~ where its name has letters beyond ASCII, : at its end where
// more user names are unknown.
string Closed::Store() const {
    string out = string(kVersion) + " " + m_sSalt + " ";
    out += m_bEverybody ? (m_bMoreLetters ? "eu" : "e") : (m_bMoreLetters ? "u" : "-");
    for (const auto& [hash, entry] : m_Entries) {
        out += ' ';
        if (entry.level == Level::Pending) out += '?';
        if (entry.letters) out += '~';
        out += hash;
        for (const string& user : entry.users) out += ":" + user;
        for (const string& address : entry.addresses) out += ":@" + address;
        if (entry.vague && !entry.users.empty()) out += ":";
    }
    return out;
}

bool Closed::Load(const string& stored) {
    if (stored.empty()) return true;
    std::istringstream in(stored);
    string version, salt, flags, word;
    in >> version >> salt >> flags;
    bool good = version == kVersion && !salt.empty() && !flags.empty();
    if (good) {
        m_sSalt = salt;
        m_Digests.clear();
        m_bEverybody = flags.find('e') != string::npos;
        m_bMoreLetters = flags.find('u') != string::npos;
    }
    while (good && in >> word) {
        Entry entry;
        entry.level = word[0] == '?' ? Level::Pending : Level::Closed;
        if (word[0] == '?') word.erase(0, 1);
        entry.letters = word[0] == '~';
        if (entry.letters) word.erase(0, 1);
        std::istringstream parts(word);
        string hash, user;
        std::getline(parts, hash, ':');
        while (std::getline(parts, user, ':'))
            if (!user.empty() && user[0] == '@' && IsHash(user.substr(1)) &&
                entry.addresses.size() < kMaxAddresses)
                entry.addresses.push_back(user.substr(1));
            else if (IsHash(user) && entry.users.size() < kMaxUsers)
                entry.users.push_back(user);
        entry.vague = entry.users.empty() || (!word.empty() && word.back() == ':');
        good = !word.empty() && IsHash(hash) && m_Entries.size() < kMaxClosed;
        if (good && m_Entries.emplace(hash, entry).second) Count(entry, 1);
    }
    m_bEverybody |= !good;
    return good;
}

// Each line that somebody says asks for the same few names, and a hash takes longer than all else that the guard
// does with it.
string Closed::Digest(const string& folded) const {
    const auto it = m_Digests.find(folded);
    if (it != m_Digests.end()) return it->second;
    const string digest = m_Hash(m_sSalt + folded).substr(0, kDigits);
    if (folded.size() > kMaxKnown) return digest;
    if (m_Digests.size() >= kMaxDigests) m_Digests.clear();
    m_Digests.emplace(folded, digest);
    return digest;
}

void Closed::Changed() {
    m_uChanges++;
    m_Looked.clear();
}

void Closed::Count(const Entry& entry, int by) {
    m_iVague += entry.vague ? by : 0;
    m_iLetters += entry.letters ? by : 0;
    for (const string& user : entry.users)
        if ((m_Users[user] += by) <= 0) m_Users.erase(user);
}

void Closed::Add(const string& name, Level level) {
    const string folded = target::Fold(name), hash = Digest(folded);
    const auto it = m_Entries.find(hash);
    if (it != m_Entries.end()) {
        const bool same = it->second.level >= level && it->second.name == name;
        it->second.level = std::max(it->second.level, level);
        it->second.name = name;
        if (!same) Changed();
        return;
    }
    m_Exempt.erase(hash);
    if (m_Entries.size() >= kMaxClosed) {
        m_bEverybody = true;
    } else {
        Entry entry;
        entry.level = level;
        entry.name = name;
        entry.letters = target::HasMoreLetters(name);
        Count(entry, 1);
        m_Entries.emplace(hash, std::move(entry));
    }
    Changed();
}

void Closed::CloseEverybody() {
    if (m_bEverybody) return;
    m_bEverybody = true;
    Changed();
}

void Closed::Remove(Entries::iterator it) {
    Count(it->second, -1);
    m_Entries.erase(it);
    Changed();
}

void Closed::Lift(const string& name) {
    const auto it = m_Entries.find(Digest(target::Fold(name)));
    if (it != m_Entries.end() && it->second.level == Level::Pending) Remove(it);
}

void Closed::LiftAll() {
    for (auto it = m_Entries.begin(); it != m_Entries.end();) {
        const auto next = std::next(it);
        if (it->second.level == Level::Pending && !it->second.name.empty()) Remove(it);
        it = next;
    }
}

std::vector<string> Closed::Asked() const {
    std::vector<string> names;
    for (const auto& it : m_Entries)
        if (it.second.level == Level::Pending && !it.second.name.empty()) names.push_back(it.second.name);
    return names;
}

bool Closed::IsForgotten(const string& name) const {
    if (m_Entries.empty()) return false;
    const auto it = m_Entries.find(Digest(target::Fold(name)));
    return it != m_Entries.end() && it->second.level == Level::Pending && it->second.name.empty();
}

void Closed::Open(const string& name) {
    const string hash = Digest(target::Fold(name));
    const auto it = m_Entries.find(hash);
    if (it != m_Entries.end()) Remove(it);
    // Where the name is still closed by something else, the user's word counts for it alone.
    m_Looked.clear();
    if (Of(name, "") == Level::Closed && m_Exempt.size() < kMaxClosed) m_Exempt.insert(hash);
    Changed();
}

void Closed::OpenEverybody() {
    m_Entries.clear();
    m_Users.clear();
    m_Exempt.clear();
    m_iVague = m_iLetters = 0;
    m_bEverybody = false;
    Changed();
}

void Closed::Learn(const string& name, const string& user) {
    if (m_Entries.empty() || user.empty()) return;
    const auto it = m_Entries.find(Digest(target::Fold(name)));
    if (it == m_Entries.end()) return;
    Entry& entry = it->second;
    if (entry.name.empty() && entry.level == Level::Closed) entry.name = name;
    // With the sign in front, too: some servers take it for a part of the name.
    if (const auto bare = target::User(user); bare.size() < user.size() && !target::IsRank(user.front()))
        LearnOne(entry, Digest(target::Fold(user)));
    LearnOne(entry, Digest(target::Fold(target::User(user))));
}

void Closed::LearnOne(Entry& entry, const string& hash) {
    if (std::find(entry.users.begin(), entry.users.end(), hash) != entry.users.end()) return;
    if (entry.users.size() >= kMaxUsers && entry.vague) return;
    Count(entry, -1);
    if (entry.users.empty()) entry.vague = false;
    if (entry.users.size() < kMaxUsers)
        entry.users.push_back(hash);
    else
        entry.vague = true;
    Count(entry, 1);
    Changed();
}

void Closed::Met(const string& name, const string& address) {
    const auto it = m_Entries.find(Digest(target::Fold(name)));
    if (it == m_Entries.end()) return;
    std::vector<string>& known = it->second.addresses;
    const string hash = Digest(target::Fold(address));
    const auto at = std::find(known.begin(), known.end(), hash);
    if (at != known.end()) {
        std::rotate(at, at + 1, known.end());
        return;
    }
    if (known.size() >= kMaxAddresses) known.erase(known.begin());
    known.push_back(hash);
    Changed();
}

bool Closed::IsMet(const string& address) const {
    if (m_Entries.empty()) return false;
    const string hash = Digest(target::Fold(address));
    return std::any_of(m_Entries.begin(), m_Entries.end(), [&](const auto& it) {
        const std::vector<string>& known = it.second.addresses;
        return it.second.level == Level::Closed && std::find(known.begin(), known.end(), hash) != known.end();
    });
}

void Closed::Follow(const string& from, const string& to) {
    const auto old = m_Entries.find(Digest(target::Fold(from))),
               now = m_Entries.find(Digest(target::Fold(to)));
    if (old == now || old == m_Entries.end() || now == m_Entries.end()) return;
    now->second.addresses = old->second.addresses;
    Changed();
}

void Closed::ExpectMoreLetters() {
    if (m_bMoreLetters) return;
    m_bMoreLetters = true;
    Changed();
}

Level Closed::Holds(const string& name) const {
    const auto it = m_Entries.find(Digest(target::Fold(name)));
    return it == m_Entries.end() ? Level::Open : it->second.level;
}

// `doubt`: some servers may mean somebody who is closed. `alone`: this name and no other is read there.
Level Closed::Decide(const string& folded, bool doubt, bool alone) const {
    const string hash = Digest(folded);
    const auto it = m_Entries.find(hash);
    if (it != m_Entries.end()) return it->second.level;
    if (alone && m_Exempt.count(hash)) return Level::Open;
    return m_bEverybody || doubt ? Level::Closed : Level::Open;
}

Level Closed::OfSpeaker(const string& name) const {
    return Any() ? Decide(target::Fold(name), false, true) : Level::Open;
}

Level Closed::Of(const string& target, const string& statusmsg) const {
    if (!Any()) return Level::Open;
    const string key = target + '\n' + statusmsg;
    const auto it = m_Looked.find(key);
    if (it != m_Looked.end()) return it->second;
    if (m_Looked.size() >= kMaxLooked) m_Looked.clear();
    return m_Looked[key] = Reach(target, statusmsg);
}

Level Closed::Reach(const string& target, const string& statusmsg) const {
    // A channel is no person, unless the server called a person so.
    const bool person = target::MayBePerson(target);
    // Servers that compare letters beyond ASCII say CASEMAPPING=ascii all the same (Ergo does).
    const bool letters = (m_bMoreLetters || m_iLetters > 0) && target::HasMoreLetters(target);
    // The user's word for a nick says nothing of whose user name it is.
    const string whole = target::Fold(target);
    Level level = Level::Open;
    for (const string& name : target::Names(target, statusmsg)) {
        if (person)
            level = std::max(level, Decide(name, letters || m_Users.count(Digest(name)) > 0, name == whole));
        else
            level = std::max(level, Holds(name));
    }
    // By a user name, of somebody whose user names are not all known.
    const bool vague = person && m_iVague > 0 && !target::IsBare(target);
    return vague ? Level::Closed : level;
}

std::vector<string> Closed::Hashes() const {
    std::vector<string> hashes;
    for (const auto& [hash, entry] : m_Entries)
        if (entry.level == Level::Closed) hashes.push_back(hash);
    std::sort(hashes.begin(), hashes.end());
    return hashes;
}

std::vector<string> Closed::Names() const {
    std::vector<string> names;
    for (const auto& it : m_Entries)
        if (it.second.level == Level::Closed && !it.second.name.empty()) names.push_back(it.second.name);
    std::sort(names.begin(), names.end());
    return names;
}

size_t Closed::Unnamed() const {
    return static_cast<size_t>(std::count_if(m_Entries.begin(), m_Entries.end(), [](const auto& it) {
        return it.second.level == Level::Closed && it.second.name.empty();
    }));
}

}  // namespace guard
