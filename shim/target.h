// Lines and names as the most liberal IRC server reads them. No ZNC here: see target_test.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace target {

// One spelling for all that any CASEMAPPING takes for the same: A-Z, []\~ and {}|^, full-width
// forms and the two other characters that stand for an ASCII one.
std::string Fold(std::string_view name);

// Whether a name has letters that only Unicode's tables can compare.
bool HasMoreLetters(std::string_view name);

// Every name, folded, that a server may read in a target: the target itself, without letters of
// STATUSMSG in front, and what stands before `!`, `@` or `%` of nick!user@host, nick@server and
// user%host.
std::vector<std::string> Names(std::string_view target, std::string_view statusmsg = "");

// What stands between commas and blanks in a name, without colons in front: a line to that name may reach
// any of them, for ZNC parts its targets.
std::vector<std::string> Pieces(std::string_view name);

// Nothing but a name: neither part of it can be read as a host, a mask or a channel.
bool IsBare(std::string_view target);

// Whether it may be a person, whatever CHANTYPES and STATUSMSG say: all that is no channel by
// RFC 2811 and no mask of servers. `&@name` may be one behind two signs of rank.
bool MayBePerson(std::string_view target);

// A sign of rank that may stand in front of a channel's name: STATUSMSG says which do.
bool IsRank(char c);

// A line to IRC that carries words, and to whom. Empty targets: another line.
struct Words {
    std::string command;               // in capitals
    std::vector<std::string> targets;  // by every reading of the line
    bool known =
        true;  // otherwise a command in no list of ours, of which each parameter but the last may be one
};
Words Read(std::string_view line);

// A user name without what a server writes in front of one that nobody vouched for.
std::string_view User(std::string_view user);

// Who a source speaks as: up to `!`, `@` or its end.
std::string_view Speaker(std::string_view source);

}  // namespace target
