#include "target.h"

#include <algorithm>
#include <array>

namespace target {

using std::string;
using std::string_view;

namespace {

constexpr string_view kHosts = "!@%";      // end a name inside of a target
constexpr string_view kStatus = "@%~";     // stand before a name on some servers
constexpr string_view kChannels = "#&+!";  // RFC 2811
constexpr string_view kRanks = "@%~+";     // may do so, whatever STATUSMSG says now
constexpr string_view kMoreRanks = "&!";   // behind another one: in front they are channels
constexpr std::array<string_view, 6> kCommands = {"PRIVMSG", "NOTICE", "CPRIVMSG",
                                                  "CNOTICE", "SQUERY", "TAGMSG"};

// Commands of some servers that carry words to the people among their parameters.
constexpr std::array<string_view, 6> kMoreCommands = {"REDACT", "SCENE", "NPC", "NPCA", "WHISPER", "KILL"};
// What carries no words to one person, or to a service alone, or is for ZNC. Of everything else a server may
// know more than we do.
constexpr std::array<string_view, 68> kHarmless = {
    "ACCEPT", "ATTACH",   "AUTH",        "AUTHENTICATE", "AWAY",     "BATCH",   "BOTSERV",  "BS",
    "CAP",    "CHANSERV", "CHATHISTORY", "CS",           "DCCALLOW", "DETACH",  "DLINE",    "FILTER",
    "GLINE",  "GZLINE",   "HELP",        "HELPOP",       "HOSTSERV", "HS",      "IDENTIFY", "INFO",
    "INVITE", "ISON",     "JOIN",        "KICK",         "KLINE",    "KNOCK",   "LINKS",    "LIST",
    "LOGIN",  "LUSERS",   "MAP",         "MARKREAD",     "METADATA", "MODE",    "MONITOR",  "MOTD",
    "NAMES",  "NICK",     "NICKSERV",    "NS",           "OPER",     "PART",    "PASS",     "PING",
    "PONG",   "PROTOCTL", "QUIT",        "REGISTER",     "SETNAME",  "SILENCE", "STATS",    "TIME",
    "TOPIC",  "USER",     "USERHOST",    "USERIP",       "VERIFY",   "VERSION", "WATCH",    "WEBIRC",
    "WHO",    "WHOIS",    "WHOWAS",      "ZNC"};

bool IsBlank(unsigned char c) { return c <= ' ' || c == 0x7f; }

string_view Trimmed(string_view text) {
    while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
    while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
    return text;
}

// Takes the next word off the front, with the blanks before it.
template <class Ends>
string_view Word(string_view& text, Ends ends) {
    while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
    const auto end = std::find_if(text.begin(), text.end(), ends);
    const string_view word = text.substr(0, static_cast<size_t>(end - text.begin()));
    text.remove_prefix(word.size());
    return word;
}

void Add(std::vector<string>& all, string name) {
    if (!name.empty() && std::find(all.begin(), all.end(), name) == all.end()) all.push_back(std::move(name));
}

// A list of targets: the whole of it, and each.
void AddList(string_view list, std::vector<string>& all) {
    Add(all, string(list));
    while (list.find(',') != string_view::npos) {
        Add(all, string(list.substr(0, list.find(','))));
        list.remove_prefix(list.find(',') + 1);
    }
    Add(all, string(list));
}

char Lower(char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c + 32);
    switch (c) {
        case '[': return '{';
        case ']': return '}';
        case '\\': return '|';
        case '~': return '^';
        default: return c;
    }
}

// U+FF01 to U+FF5E are ASCII in full width; the Kelvin sign is a k, U+1FEF a grave accent. Nothing
// else outside of ASCII becomes ASCII by NFC, case or width. Gives the bytes taken, or 0.
size_t ToAscii(string_view text, char& out) {
    if (text.size() < 3) return 0;
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0), second = byte(1), third = byte(2);
    if (first == 0xef && second == 0xbc && third >= 0x81 && third <= 0xbf)
        out = static_cast<char>(third - 0x81 + 0x21);
    else if (first == 0xef && second == 0xbd && third >= 0x80 && third <= 0x9e)
        out = static_cast<char>(third - 0x80 + 0x60);
    else if (first == 0xe2 && second == 0x84 && third == 0xaa)
        out = 'k';
    else if (first == 0xe1 && second == 0xbf && third == 0xaf)
        out = '`';
    else
        return 0;
    return 3;
}

}  // namespace

string Fold(string_view name) {
    string folded;
    folded.reserve(name.size());
    while (!name.empty()) {
        char c = name.front();
        const size_t taken = static_cast<unsigned char>(c) < 0x80 ? 0 : ToAscii(name, c);
        folded += Lower(c);
        name.remove_prefix(taken ? taken : 1);
    }
    return folded;
}

bool HasMoreLetters(string_view name) {
    return std::any_of(name.begin(), name.end(), [](unsigned char c) { return c >= 0x80; });
}

std::vector<string> Names(string_view target, string_view statusmsg) {
    std::vector<string> names;
    Add(names, Fold(target));
    string_view rest = Trimmed(target);
    for (;;) {
        const string folded = Fold(rest);
        Add(names, folded);
        Add(names, folded.substr(0, folded.find_first_of(kHosts)));
        if (rest.empty()) return names;
        const auto among = [&](string_view signs) { return signs.find(rest.front()) != string_view::npos; };
        const bool first = rest.size() == Trimmed(target).size();
        if (!among(kRanks) && !among(statusmsg) && (first || !among(kMoreRanks))) return names;
        rest.remove_prefix(1);
    }
}

std::vector<string> Pieces(string_view name) {
    std::vector<string> pieces;
    const auto ends = [](char c) { return IsBlank(static_cast<unsigned char>(c)) || c == ','; };
    while (!name.empty()) {
        name.remove_prefix(std::min(name.find_first_not_of(':'), name.size()));
        const auto end = static_cast<size_t>(std::find_if(name.begin(), name.end(), ends) - name.begin());
        Add(pieces, string(name.substr(0, end)));
        name.remove_prefix(std::min(end + 1, name.size()));
    }
    return pieces;
}

bool IsBare(string_view target) {
    return !target.empty() && MayBePerson(target) && target.front() != ':' &&
           std::none_of(target.begin(), target.end(),
                        [](unsigned char c) {
                            return IsBlank(c) || c == ',' ||
                                   kHosts.find(static_cast<char>(c)) != string_view::npos;
                        }) &&
           target.front() != '~';
}

bool MayBePerson(string_view target) {
    target = Trimmed(target);
    target.remove_prefix(std::min(target.find_first_not_of(kStatus), target.size()));
    if (target.empty() || target.front() == '$' || target.front() == '*') return false;
    if (kChannels.find(target.front()) == string_view::npos) return true;
    // A user name may begin with it.
    if (target.front() == '+' && target.find_first_of("%@") != string_view::npos) return true;
    // In front of a sign of rank these are signs of rank themselves to some servers.
    const auto among = [](string_view signs, char c) { return signs.find(c) != string_view::npos; };
    return target.size() > 1 && target.front() != '#' &&
           (among(kRanks, target[1]) || among(kMoreRanks, target[1]));
}

bool IsRank(char c) { return kRanks.find(c) != string_view::npos || kMoreRanks.find(c) != string_view::npos; }

string_view User(string_view user) {
    user.remove_prefix(std::min(user.find_first_not_of("~^+=-"), user.size()));
    return user;
}

// Each parameter behind which there is another one, which may be text.
static void ReadUnknown(string_view rest, std::vector<string>& targets) {
    for (;;) {
        const string_view word = Word(rest, IsBlank);
        if (word.empty() || word.front() == ':' || Trimmed(rest).empty()) return;
        AddList(word, targets);
    }
}

Words Read(string_view line) {
    const auto isSpace = [](char c) { return c == ' '; };
    Words words;
    string_view rest = line;
    while (!rest.empty() && IsBlank(rest.front())) rest.remove_prefix(1);
    if (!rest.empty() && rest.front() == '@') Word(rest, isSpace);
    while (!rest.empty() && IsBlank(rest.front())) rest.remove_prefix(1);
    if (!rest.empty() && rest.front() == ':') Word(rest, isSpace);
    words.command = Word(rest, IsBlank);
    for (char& c : words.command)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (std::find(kCommands.begin(), kCommands.end(), words.command) == kCommands.end()) {
        words.known =
            std::find(kMoreCommands.begin(), kMoreCommands.end(), words.command) != kMoreCommands.end();
        if (words.known || std::find(kHarmless.begin(), kHarmless.end(), words.command) == kHarmless.end())
            ReadUnknown(rest, words.targets);
        return words;
    }
    string_view again = rest;
    // A tabulator parts words on some servers only.
    for (string_view list : {Word(rest, isSpace), Word(again, IsBlank)}) {
        if (!list.empty() && list.front() == ':') list.remove_prefix(1);
        AddList(list, words.targets);
    }
    return words;
}

string_view Speaker(string_view source) { return source.substr(0, source.find_first_of("!@")); }

}  // namespace target
