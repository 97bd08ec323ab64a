// Whom nothing goes to in clear, by name and over restarts. No ZNC here: see target_test.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace guard {

constexpr size_t kMaxClosed = 1024;  // names; one more closes everybody
constexpr size_t kMaxUsers = 4;      // user names of one person; one more closes all user names
constexpr size_t kMaxAddresses = 8;  // the last user@host of one person

enum class Level {
    Open,
    Pending,  // until a conversation is private, or nobody waits for one any more
    Closed,   // until the user says finish
};

class Closed {
  public:
    // Gives hexadecimal digits, 32 at least.
    using Hash = std::string (*)(const std::string& bytes);
    Closed(Hash hash, std::string salt) : m_Hash(hash), m_sSalt(std::move(salt)) {}

    // What is kept in the registry: a salt and hashes, no name. False: it is damaged, and everybody
    // is closed.
    bool Load(const std::string& stored);
    std::string Store() const;

    bool Any() const { return m_bEverybody || !m_Entries.empty(); }
    // Somebody is held by exactly this name.
    Level Holds(const std::string& name) const;
    // Words that come from this name come from somebody who is closed.
    Level OfSpeaker(const std::string& name) const;
    // Words to this target may reach somebody who is closed.
    Level Of(const std::string& target, const std::string& statusmsg) const;

    void CloseEverybody();
    void Close(const std::string& name) { Add(name, Level::Closed); }
    void Pend(const std::string& name) { Add(name, Level::Pending); }
    // Lowers what was only pending. Not all: those of whom only the registry tells stay.
    void Lift(const std::string& name);
    void LiftAll();
    // The names of pending ones, as far as they are known.
    std::vector<std::string> Asked() const;
    // Pending since before the last start of ZNC, and otrd has not said so again.
    bool IsForgotten(const std::string& name) const;
    // The user's word.
    void Open(const std::string& name);
    void OpenEverybody();

    // The user name of somebody who is closed, by which some servers reach them, too.
    void Learn(const std::string& name, const std::string& user);
    // Where the words of somebody come from, as user@host. Some clients show what comes from there in the same
    // window, whatever the nick is, and write to that nick from then on.
    void Met(const std::string& name, const std::string& address);
    bool IsMet(const std::string& address) const;
    // Who changes nick takes them along.
    void Follow(const std::string& from, const std::string& to);
    // The server compares names by Unicode's tables, or by a rule that is not known here.
    void ExpectMoreLetters();

    bool Everybody() const { return m_bEverybody; }
    const std::string& Salt() const { return m_sSalt; }
    std::vector<std::string> Hashes() const;  // of those who are closed
    std::vector<std::string> Names() const;   // as far as they were met
    size_t Unnamed() const;
    uint64_t Changes() const { return m_uChanges; }

  private:
    struct Entry {
        Level level = Level::Open;
        std::string name;      // as it was last met; of a pending one, as otrd has said it
        bool vague = true;     // the user name is not known, or there are too many
        bool letters = false;  // the name has some beyond ASCII
        std::vector<std::string> users, addresses;
    };
    using Entries = std::unordered_map<std::string, Entry>;

    std::string Digest(const std::string& folded) const;
    void Add(const std::string& name, Level level);
    void LearnOne(Entry& entry, const std::string& hash);
    void Remove(Entries::iterator it);
    void Count(const Entry& entry, int by);
    void Changed();
    Level Decide(const std::string& folded, bool doubt, bool alone) const;
    Level Reach(const std::string& target, const std::string& statusmsg) const;

    Hash m_Hash;
    std::string m_sSalt;
    Entries m_Entries;                             // by hash
    std::unordered_map<std::string, int> m_Users;  // user names of the closed, by hash
    std::unordered_set<std::string> m_Exempt;      // opened by the user's word while all are closed
    mutable std::unordered_map<std::string, Level> m_Looked;         // targets since the last change
    mutable std::unordered_map<std::string, std::string> m_Digests;  // by name or address, folded
    int m_iVague = 0, m_iLetters = 0;
    bool m_bEverybody = false, m_bMoreLetters = false;
    uint64_t m_uChanges = 0;
};

}  // namespace guard
