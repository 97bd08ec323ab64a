// Whom lines mean, who is closed, and how sentences are wrapped; without ZNC. In place of SHA-256 stands a short sum: what
// matters here is which names are one.
#include "closed.h"
#include "target.h"
#include "wrap.h"

#include <algorithm>
#include <cstdio>

using guard::Closed;
using guard::Level;
using std::string;

static int s_passed = 0, s_failed = 0;

static void Check(bool good, const string& what) {
    good ? s_passed++ : s_failed++;
    if (!good) printf("FAILED: %s\n", what.c_str());
}

static string Sum(const string& bytes) {
    uint64_t one = 14695981039346656037U, two = 88172645463325252U;
    for (const unsigned char c : bytes) {
        one = (one ^ c) * 1099511628211U;
        two = (two + c) * 6364136223846793005U + 1442695040888963407U;
    }
    char out[33];
    snprintf(out, sizeof out, "%016llx%016llx", static_cast<unsigned long long>(one),
             static_cast<unsigned long long>(two));
    return out;
}

static Closed Fresh() { return Closed(Sum, "salt"); }

static bool Stops(const Closed& closed, const string& line) {
    const target::Words words = target::Read(line);
    return std::any_of(words.targets.begin(), words.targets.end(),
                       [&](const string& t) { return closed.Of(t, "@+") != Level::Open; });
}

static void Lines() {
    Closed closed = Fresh();
    closed.Close("bob");
    closed.Learn("bob", "~idbob");
    for (const string line : {"PRIVMSG bob :x",
                              "privmsg BOB :x",
                              "\tPRIVMSG bob :x",
                              " \x01 NOTICE bob :x",
                              "PRIVMSG\tbob\t:x",
                              "PRIVMSG bob\t:x",
                              "@a=b PRIVMSG bob :x",
                              "@a=b :me!a@b PRIVMSG bob :x",
                              ":me PRIVMSG bob :x",
                              "CPRIVMSG bob #c :x",
                              "CNOTICE bob #c :x",
                              "TAGMSG bob",
                              "SQUERY bob :x",
                              "PRIVMSG :bob",
                              "PRIVMSG carol,bob :x",
                              "PRIVMSG bob,carol :x",
                              "PRIVMSG #c,bob :x",
                              "PRIVMSG ,,bob, :x",
                              "PRIVMSG bob!u@h :x",
                              "PRIVMSG bob@irc.test.net :x",
                              "PRIVMSG bob%host@server :x",
                              "PRIVMSG @bob :x",
                              "PRIVMSG +bob :x",
                              "PRIVMSG @+bob :x",
                              "PRIVMSG ~&@%+bob :x",
                              "PRIVMSG @!bob :x",
                              "PRIVMSG ~idbob :x",
                              "PRIVMSG idbob :x",
                              "PRIVMSG ~idbob@server :x",
                              "PRIVMSG idbob@server :x",
                              "PRIVMSG ~idbob%host@server :x",
                              "PRIVMSG carol!idbob@host,BoB :x",
                              "PRIVMSG \xef\xbd\x82\xef\xbd\x8f\xef\xbd\x82 :x"})
        Check(Stops(closed, line), "stops " + line);
    for (const string line : {"PRIVMSG carol :x", "PRIVMSG bobby :x", "PRIVMSG #bob :x", "PRIVMSG &bob :x",
                              "JOIN bob", "MODE bob +i", "PRIVMSG Q@CServe.quakenet.org :AUTH bob x",
                              "PRIVMSG $bob :x", "PRIVMSG X@channels.undernet.org :bob", "PRIVMSG carol :bob",
                              "WHOIS bob", "PRIVMSG", "", "@", ":", " "})
        Check(!Stops(closed, line), "lets through " + line);
}

static void WhateverStatusmsgSays() {
    Closed closed = Fresh();
    closed.Close("bob");
    for (const string target : {"+bob", "@bob", "@+bob", "~&@%+bob", "bob"})
        Check(closed.Of(target, "bo") != Level::Open && closed.Of(target, "") != Level::Open, target);
}

// Whatever the server calls somebody: to that name nothing goes.
static void NamesThatAreNone() {
    for (const string& name : {string("#trap"), string("$trap"), string("@trap"), string("bo%b"),
                               string("bo!b"), string("carol@irc.test.net"), string(129, 'n'), string("*"),
                               string("a,b"), string("~x"), string("&x")}) {
        Closed closed = Fresh();
        closed.Close(name);
        Check(Stops(closed, "PRIVMSG " + name + " :x"), "closed: " + name);
        Check(!Stops(closed, "PRIVMSG carol :x"), "open beside " + name);
    }
}

static void PiecesOfNames() {
    const auto pieces = [](const char* name) {
        string all;
        for (const string& piece : target::Pieces(name)) all += "<" + piece + ">";
        return all;
    };
    Check(pieces("bob") == "<bob>", "a nick is one");
    Check(pieces("bob,carol") == "<bob><carol>", "commas");
    Check(pieces(",,bob, \tcarol,") == "<bob><carol>", "empty ones");
    Check(pieces("::bob :carol") == "<bob><carol>", "colons");
    Check(pieces("bo:b") == "<bo:b>", "inside it is a letter");
    Check(pieces(":, ").empty() && pieces("").empty(), "none");
}

static void WordOfTheUser() {
    Closed closed = Fresh();
    closed.Pend("bob");
    closed.Lift("bob");
    Check(closed.Of("bob", "") == Level::Open, "what was pending is lifted");
    closed.Close("bob");
    closed.Pend("bob");
    closed.Lift("bob");
    closed.LiftAll();
    Check(closed.Of("BOB", "") == Level::Closed, "what is closed is not");
    closed.Open("Bob");
    Check(closed.Of("bob", "") == Level::Open && !closed.Any(), "the user opens it");
    closed.Close("b[b");
    Check(closed.Of("b{b", "") == Level::Closed, "letters that are one by some CASEMAPPING");
    closed.Open("b{b");
    closed.Close("bob");
    closed.Learn("bob", "carol");
    Check(closed.Of("carol", "") == Level::Closed, "a user name is a name");
    closed.Open("carol");
    Check(closed.Of("carol", "") == Level::Open && closed.Of("CAROL", "") == Level::Open,
          "the user's word counts for it");
    for (const string reaches : {"carol@x", "carol%h", "~carol", "@carol", "carol!u@h"})
        Check(closed.Of(reaches, "") == Level::Closed, "and for no user name: " + reaches);
    closed.ExpectMoreLetters();
    Check(closed.Of("bj\xc3\xb6rk", "") == Level::Closed, "letters nobody here can compare");
    Check(closed.OfSpeaker("bj\xc3\xb6rk") == Level::Open, "but he speaks for himself");
}

static void Bounds() {
    Closed closed = Fresh();
    for (size_t i = 0; i < guard::kMaxClosed; i++) closed.Close("nick" + std::to_string(i));
    Check(!closed.Everybody() && closed.Of("carol", "") == Level::Open, "full, and not over");
    closed.Close("nick5");
    Check(!closed.Everybody(), "the same again takes no room");
    closed.Close("one");
    Check(closed.Everybody() && closed.Of("carol", "") == Level::Closed, "one more closes everybody");
    Check(closed.Of("#channel", "") == Level::Open, "but no channel");
    for (const string& channel : {string("&local"), string("+plus"), string("@#channel"), string("~&local")})
        Check(closed.Of(channel, "@+") == Level::Open, channel + " is a channel");
    for (const string& signs : {string("~&@%+bob"), string("&@bob"), string("+&bob"), string("!~bob")})
        Check(closed.Of(signs, "@+") == Level::Closed, signs + " may be bob");
    Closed again(Sum, "other");
    Check(again.Load(closed.Store()) && again.Of("carol", "") == Level::Closed, "after a restart, too");
    again.Open("carol");
    Check(again.Of("carol", "") == Level::Open && again.Of("dave", "") == Level::Closed, "one by one");
    again.OpenEverybody();
    Check(!again.Any(), "and all at once");

    Closed users = Fresh();
    users.Close("bob");
    Check(users.Of("Q@server", "") == Level::Closed, "who knows what their user name is");
    for (size_t i = 0; i < guard::kMaxUsers; i++) users.Learn("bob", "u" + std::to_string(i));
    Check(users.Of("Q@server", "") == Level::Open, "known");
    users.Learn("bob", "another");
    Check(users.Of("another@server", "") == Level::Closed, "too many are all");
    const auto changes = users.Changes();
    for (size_t i = 0; i < 100; i++) users.Learn("bob", "more" + std::to_string(i));
    Check(users.Changes() == changes, "and more of them are nothing new to be stored");
    users.Open("bob");
    Check(users.Of("u1@server", "") == Level::Open && !users.Any(), "gone with him");
}

// A hash is made once for a name, but not kept for all names that a server ever sends.
static void Hashes() {
    static size_t s_made = 0;
    Closed closed([](const string& bytes) { return s_made++, Sum(bytes); }, "salt");
    closed.Close("bob");
    const auto said = [&](const string& name) {
        closed.Learn(name, "user");
        closed.Met(name, "user@host");
        return closed.OfSpeaker(name);
    };
    Check(said("BOB") == Level::Closed && said("Carol") == Level::Open, "who speaks");
    size_t before = s_made;
    Check(said("bob") == Level::Closed && said("carol") == Level::Open, "who speaks again");
    Check(s_made == before, "hashes of known names are made anew");
    for (int i = 0; i < 1000; i++) closed.OfSpeaker("name" + std::to_string(i));
    const string longest(500, 'x');
    closed.OfSpeaker(longest);
    before = s_made;
    closed.OfSpeaker("name0");
    closed.OfSpeaker(longest);
    Check(s_made == before + 2, "hashes are kept without end");
    Check(said("bob") == Level::Closed && said("carol") == Level::Open, "who speaks after many others");
    // Those of another salt are of no use.
    Closed other(Sum, "other");
    other.Close("dave");
    Check(closed.OfSpeaker("dave") == Level::Open, "before");
    Check(closed.Load(other.Store()) && closed.OfSpeaker("dave") == Level::Closed, "after");
}

static void Registry() {
    Closed closed = Fresh();
    closed.Close("bob");
    closed.Learn("bob", "~idbob");
    closed.Pend("carol");
    closed.ExpectMoreLetters();
    for (size_t i = 0; i <= guard::kMaxAddresses; i++) closed.Met("bob", "b@host" + std::to_string(i));
    closed.Met("carol", "c@host");
    const string stored = closed.Store();
    Check(stored.find("bob") == string::npos && stored.find("carol") == string::npos, "no name in it");
    Closed again(Sum, "another salt");
    Check(again.Load(stored) && again.Store().size() == stored.size(), "read and written again");
    Check(again.Of("BOB", "") == Level::Closed && again.Of("carol", "") == Level::Pending, "levels");
    Check(again.IsMet("B@Host1") && again.IsMet("b@host8") && !again.IsMet("b@host0"), "the last addresses");
    Check(!again.IsMet("c@host"), "of whom is closed");
    again.Close("robert");
    again.Follow("bob", "robert");
    again.Open("bob");
    Check(again.IsMet("b@host8"), "they go along");
    again.Open("robert");
    Check(!again.IsMet("b@host8"), "gone with the last of them");
    again = Closed(Sum, "another salt");
    Check(again.Load(stored), "read once more");
    Check(again.Of("idbob@x", "") == Level::Closed && again.Of("Q@x", "") == Level::Closed, "user names");
    Check(again.Names().empty() && again.Unnamed() == 1, "names are met again");
    again.Learn("bob", "idbob");
    Check(again.Names() == std::vector<string>{"bob"}, "met");
    again.LiftAll();
    Check(again.Of("carol", "") == Level::Pending && again.IsForgotten("CAROL"),
          "whom only the registry knows");
    again.Learn("carol", "idcarol");
    Check(again.IsForgotten("carol"), "also once they are met");
    Closed word = again;
    word.Open("carol");
    Check(word.Of("carol", "") == Level::Open, "until the user's word");
    again.Pend("carol");
    Check(!again.IsForgotten("carol") && again.Asked().size() == 1, "otrd says it again");
    again.LiftAll();
    Check(again.Of("carol", "") == Level::Open, "pending ends with its otrd");
    Check(again.Hashes().size() == 1 && again.Hashes()[0].size() == 32, "hashes");
    for (const string damaged : {"2 salt -", "1", "1 salt", "1 salt - zz", "1 salt - ?", "x"}) {
        Closed closes = Fresh();
        Check(!closes.Load(damaged) && closes.Of("carol", "") == Level::Closed, "damaged: " + damaged);
    }
}

static void Speakers() {
    for (const string source : {"bob", "bob!u@h", "bob@h", "bob!", "bob@", "bob!u"})
        Check(target::Speaker(source) == "bob", "speaker of " + source);
}

// The lines one below the other.
static string Below(const std::vector<string>& lines) {
    string all;
    for (const string& line : lines) all += (all.empty() ? "" : "\n") + line;
    return all;
}

static string Joined(const std::vector<string>& lines) {
    string all;
    for (const string& line : lines) all += all.empty() ? line : line.substr(string(wrap::kGoesOn).size());
    return all;
}

static void Wraps(const string& sentence, const string& into, size_t columns = 30) {
    const std::vector<string> lines = wrap::Lines(sentence, columns);
    Check(Below(lines) == into, "wrapped: " + sentence);
    Check(Joined(lines) == sentence, "whole: " + sentence);
}

static void Wrapping() {
    Wraps("", "");
    Wraps("short", "short");
    Wraps("exactly thirty characters long", "exactly thirty characters long");
    Wraps("exactly thirty characters long as well", "exactly thirty characters long \n… as well");
    Wraps("The end of a phrase, then a word", "The end of a phrase, \n… then a word");
    Wraps("And before a bracket (as here)", "And before a bracket (as here)");
    Wraps("And before a bracket (as it is here)", "And before a bracket \n… (as it is here)");
    Wraps("Not at one, which comes too early on", "Not at one, which comes too \n… early on");
    Wraps("ends with a blank: ", "ends with a blank: ");
    Wraps("thirty characters and a blank: ", "thirty characters and a blank: ");
    const string print = "94A1353B 60A58E73 82CE8999 CBBD7B92 5E9EBB87";
    Wraps("[bob] New: " + print + ". Say trust", "[bob] New: \n… " + print + ". \n… Say trust", 48);
    const string word(40, 'x');
    Wraps(word, word);
    Wraps("a " + word + " b", "a \n… " + word + " \n… b");
    // Characters count, not bytes.
    string umlauts;
    for (int i = 0; i < 30; i++) umlauts += "ü";
    Wraps(umlauts, umlauts);
    Wraps(umlauts + " " + umlauts, umlauts + " \n… " + umlauts);
    // Whoever is quoted begins no line as *otr does.
    const std::vector<string> quoted = wrap::Lines("[bob] They ask: " + string(90, 'x') + " [bob] Yes.");
    Check(quoted.size() > 1 && quoted.back().rfind("[bob]", 0) != 0, "begins as *otr does");
    string text;
    for (int i = 0; i < 400; i++) {
        text += string(1 + i * 7 % 19, static_cast<char>('a' + i % 26)) + (i % 5 ? " " : ". ");
        const std::vector<string> lines = wrap::Lines(text);
        Check(Joined(lines) == text, "whole: " + text);
        // A blank at its end takes no room, and the sign of three bytes is one character.
        for (const string& line : lines) Check(line.size() <= wrap::kColumns + 3, "wide: " + line);
    }
}

int main() {
    Wrapping();
    Lines();
    WhateverStatusmsgSays();
    NamesThatAreNone();
    PiecesOfNames();
    WordOfTheUser();
    Bounds();
    Hashes();
    Registry();
    Speakers();
    printf("%d passed, %d failed\n", s_passed, s_failed);
    return s_failed != 0;
}
