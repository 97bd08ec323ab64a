// Runs protocol.cpp over ../proto/vectors, which proto/tests/vectors.rs runs as well.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "protocol.h"

using nlohmann::json;
using What = wire::Incoming::What;

static int s_passed = 0, s_failed = 0;

static void Check(bool good, const std::string& file, const json& test) {
    good ? s_passed++ : s_failed++;
    if (!good) printf("FAILED %s: %s\n", file.c_str(), test["name"].get<std::string>().c_str());
}

static std::string Bytes(const json& text) {
    std::string bytes;
    if (!wire::DecodeText(text.dump(), bytes)) throw std::runtime_error("vector holds no text");
    return bytes;
}

static std::string FromB64(const json& b64) { return Bytes({{"b64", b64}}); }

// `line` is JSON, `raw` a text, `b64` what no JSON file can hold.
static std::string LineOf(const json& test) {
    if (test.contains("raw")) return test["raw"];
    return test.contains("b64") ? FromB64(test["b64"]) : test["line"].dump();
}

static wire::Kind KindOf(const json& kind) {
    const std::vector<std::string> kinds = {"text", "action", "notice", "ctcp", "ctcp_reply"};
    return wire::Kind(std::find(kinds.begin(), kinds.end(), kind) - kinds.begin());
}

static std::vector<std::string> Typed() {
    return {"start",     "refresh", "finish", "trust",  "distrust", "forget", "smp",
            "smp_abort", "genkey",  "policy", "ignore", "enable",   "info",   "fingerprint"};
}

// What the encoder writes for the parameters of a request.
static std::string Encode(const json& line) {
    const uint64_t id = line.value("id", uint64_t{0});
    const std::string method = line["method"];
    const json& p = line["params"];
    if (method == "hello") {
        const json closed = p.value("closed", json::object());
        return wire::Hello(
            id, {p["user"], p["network"], p["shim"], p["znc"], p.value("instance", ""),
                 p.value("ack", uint64_t{0}), p.value("returned", false), p.value("identity", ""),
                 p.value("by_name", false), closed.value("salt", ""),
                 closed.value("hashes", std::vector<std::string>()), closed.value("everybody", false),
                 closed.value("required", false), p.value("want", std::vector<std::string>())});
    }
    if (method == "out")
        return wire::Out(id, Bytes(p["to"]), KindOf(p["kind"]), Bytes(p["text"]), p["client"],
                         p.value("closed", false));
    if (method == "in") return wire::In(id, Bytes(p["from"]), KindOf(p["kind"]), Bytes(p["text"]));
    if (method == "command") return wire::Command(id, Bytes(p["text"]));
    const auto typed = Typed();
    if (std::find(typed.begin(), typed.end(), method) != typed.end()) {
        wire::TypedMethod out{method, {}, {}};
        for (const auto& [name, value] : p.items())
            if (value.is_boolean())
                out.flags.push_back(name);
            else
                out.texts.emplace_back(name, Bytes(value));
        return wire::Typed(id, out);
    }
    if (method == "state") return wire::State(id, p.value("from", uint64_t{0}));
    if (method == "nick") return wire::Nick(id, Bytes(p["old"]), Bytes(p["new"]));
    if (method == "quit") return wire::Quit(id, Bytes(p["nick"]));
    if (method == "join") return wire::Join(id, Bytes(p["nick"]));
    if (method == "ack") return wire::Ack(p["ack"]);
    if (method == "bye")
        return wire::Bye(p.value("why", ""), p["reason"],
                         p.contains("ack") ? std::optional<uint64_t>(p["ack"]) : std::nullopt,
                         p.value("returned", false));
    wire::NetworkInfo now;
    now.connected = p["connected"];
    if (p.contains("mask")) now.mask = Bytes(p["mask"]);
    now.linelen = p["linelen"];
    now.casemapping = p.value("casemapping", "");
    now.status_prefix = p["status_prefix"];
    if (p.contains("loggers")) now.loggers = p["loggers"].get<std::vector<std::string>>();
    now.insecure_clients = p["insecure_clients"];
    now.old_data = p.value("old_data", false);
    now.admin = p["admin"];
    return wire::Network(id, now);
}

static json Json(const std::string& bytes) { return json::parse(wire::EncodeText(bytes)); }

static json Rules(const std::vector<wire::Rule>& rules) {
    json out = json::array();
    for (const auto& rule : rules)
        out.push_back({{"pattern", Json(rule.pattern)}, {"required", rule.required}});
    return out;
}

static json Nicks(const std::vector<std::string>& nicks) {
    json out = json::array();
    for (const auto& nick : nicks) out.push_back(Json(nick));
    return out;
}

static json Written(const wire::PeerState& now) {
    json out = {{"state", now.state},
                {"trust", now.trust},
                {"policy", now.policy},
                {"waiting", now.waiting},
                {"smp", now.smp}};
    if (!now.fingerprint.empty()) out["fingerprint"] = now.fingerprint;
    if (!now.question.empty()) out["question"] = Json(now.question);
    return out;
}

static json Written(const wire::Effect& e) {
    using Do = wire::Effect::Do;
    const char* names[] = {"pass",    "send",   "deliver", "echo", "print", "table",
                           "protect", "refuse", "hold",    "open", "rules", "state"};
    const char* kinds[] = {"text", "action", "notice", "ctcp", "ctcp_reply"};
    const char* styles[] = {"plain", "good", "warn", "bad"};
    json out = {{"do", names[int(e.what)]}};
    const bool speaks = e.what == Do::Send || e.what == Do::Deliver || e.what == Do::Echo;
    if (speaks) out["kind"] = kinds[int(e.kind)];
    if (speaks || e.what == Do::Print || e.what == Do::Refuse) out["text"] = Json(e.text);
    if (e.what == Do::Deliver) out["from"] = Json(e.who);
    if (e.what == Do::Send || e.what == Do::Echo || e.what == Do::Refuse) out["to"] = Json(e.who);
    if (e.what == Do::Echo) out["client"] = e.client;
    if (e.of) out["of"] = *e.of;
    if (e.what == Do::Print && e.style != wire::Style::Plain) out["style"] = styles[int(e.style)];
    if (e.what == Do::Protect) out.update({{"peer", Json(e.who)}, {"on", e.on}});
    if (e.pending) out["pending"] = true;
    if (e.by_user) out["by_user"] = true;
    if (e.what == Do::Rules) out["rules"] = Rules(e.rules);
    if (e.what == Do::Refuse) out["why"] = e.why;
    if (!e.security.empty()) out["security"] = e.security;
    if (e.late) out["late"] = true;
    if (e.unexpected) out["unexpected"] = true;
    if (e.repeat) out["repeat"] = true;
    if (e.what == Do::State) {
        out.update(Written(*e.standing));
        out["peer"] = Json(e.who);
    }
    if (e.what == Do::Table) {
        out.update({{"columns", e.columns}, {"rows", json::array()}});
        for (const auto& row : e.rows) {
            out["rows"].push_back(json::array());
            for (const auto& cell : row) out["rows"].back().push_back(Json(cell));
        }
    }
    return out;
}

// Without what the module does not read.
static json Written(const wire::Account& account) {
    json out = {{"user", "alice"}, {"network", "libera"}, {"versions", {{"daemon", account.daemon}}}};
    if (!account.libotr.empty()) out["versions"]["libotr"] = account.libotr;
    if (!account.libgcrypt.empty()) out["versions"]["libgcrypt"] = account.libgcrypt;
    out["key"] = {{"state", account.key}};
    if (!account.qr.empty()) out["key"]["qr"] = account.qr;
    if (!account.fingerprint.empty()) out["key"]["fingerprint"] = account.fingerprint;
    if (account.made) out["key"]["made"] = *account.made;
    if (account.seconds) out["key"]["seconds"] = *account.seconds;
    out["default_policy"] = account.default_policy;
    if (!account.known_policy.empty()) out["known_policy"] = account.known_policy;
    out["peers"] = out["fingerprints"] = out["policies"] = json::array();
    for (const auto& peer : account.peers) {
        json one = Written(peer.standing);
        one.update({{"peer", Json(peer.nick)}, {"rule", peer.rule}});
        if (peer.since) one["since"] = *peer.since;
        if (peer.otr) one["otr"] = *peer.otr;
        out["peers"].push_back(one);
    }
    for (const auto& known : account.fingerprints) {
        json one = {{"peer", Json(known.nick)},
                    {"fingerprint", known.fingerprint},
                    {"trust", known.trust},
                    {"in_use", known.in_use}};
        if (known.first_used) one["first_used"] = *known.first_used;
        if (known.last_used) one["last_used"] = *known.last_used;
        out["fingerprints"].push_back(one);
    }
    for (const auto& [pattern, policy] : account.policies)
        out["policies"].push_back({{"pattern", pattern}, {"policy", policy}});
    out["ignore"] = account.ignore;
    out["enable"] = account.enable;
    if (account.next) out["next"] = *account.next;
    return out;
}

static std::string Word(wire::ByeReason why) {
    const char* words[] = {"", "ends", "taken_over", "unknown"};
    return words[int(why)];
}

// Whether the reader understands a line as the object `as`.
static bool Reads(const std::string& line, const json& as) {
    const wire::Incoming in = wire::Parse(line);
    json effects = json::array();
    for (const auto& effect : in.effects) effects.push_back(Written(effect));
    const bool sameId =
        in.id ? as.contains("id") && as["id"] == *in.id : !as.contains("id") || as["id"].is_null();
    if (as.contains("error"))
        return in.what == What::Failed && sameId && in.why == as["error"]["message"] &&
               in.code == as["error"]["code"];
    if (as.contains("method") && as["method"] == "bye")
        return in.what == What::Bye && in.why == as["params"]["reason"] &&
               Word(in.bye) == as["params"].value("why", "") &&
               in.reconnect == as["params"].value("reconnect", true);
    if (as.contains("method"))
        return in.what == What::Effects && in.why.empty() && effects == as["params"]["effects"];
    if (!sameId || !in.why.empty()) return false;
    if (as["result"].contains("effects")) return in.what == What::Reply && effects == as["result"]["effects"];
    if (as["result"].contains("fingerprints"))
        return in.what == What::State && in.account && Written(*in.account) == as["result"];
    const json last_processed = in.last_processed ? json(*in.last_processed) : json(), none = json::array();
    const json& result = as["result"];
    return in.what == What::Welcome && last_processed == result.value("last_processed", json()) &&
           in.has_state == !result.value("has", none).empty() && Nicks(in.protect) == result["protect"] &&
           Nicks(in.pending) == result.value("pending", none) &&
           in.everybody == result.value("everybody", false) && Rules(in.rules) == result.value("rules", none);
}

// Whether nothing of a line can be performed, and the module knows why.
static bool Refuses(const std::string& line) {
    const wire::Incoming in = wire::Parse(line);
    const bool says = in.what == What::Failed || in.what == What::Effects || in.what == What::Bye;
    return in.effects.empty() && in.protect.empty() && in.pending.empty() && in.rules.empty() &&
           (says ? !in.why.empty() : true) && in.what != What::Reply && in.what != What::Welcome;
}

static bool NickOrMask(const json& test) {
    std::string bytes;
    return wire::DecodeText(test["json"].dump(), bytes) &&
           (test.value("mask", false) ? wire::ValidMask(bytes) : wire::ValidNick(bytes));
}

static std::string Long(const json& text) {
    if (text.is_string()) return text;
    std::string out;
    for (size_t i = 0; i < text["times"]; i++) out += text["repeat"].get<std::string>();
    return out;
}

static bool LinesAre(const json& test, bool good) {
    wire::LineBuffer lines;
    json seen = json::array(), expected = json::array();
    for (const json& chunk : test["chunks"]) {
        const std::string bytes = Long(chunk);
        lines.Push(bytes.data(), bytes.size());
        for (std::string line; lines.Next(line);) seen.push_back(line);
    }
    for (const json& line : test["lines"]) expected.push_back(Long(line));
    return seen == expected && lines.TooLong() != good;
}

// What a string of JSON is made of: each character there is and any two bytes, as a complete library
// has them.
static bool AnyBytesAre(const std::string& bytes) {
    std::string dumped, again;
    try {
        dumped = json(bytes).dump();
    } catch (const json::exception&) {  // no UTF-8
    }
    const std::string written = wire::EncodeText(bytes);
    const bool string = !dumped.empty() && bytes.find('\0') == std::string::npos;
    return (string ? written == dumped : written.compare(0, 8, "{\"b64\":\"") == 0) &&
           wire::DecodeText(written, again) && again == bytes;
}

static bool CharactersAre() {
    for (unsigned c = 0; c <= 0x10ffff; c++) {
        std::string utf8;
        const auto more = [&](int shift) { utf8 += char(0x80 | (c >> shift & 0x3f)); };
        if (c < 0x80) {
            utf8 += char(c);
        } else if (c < 0x800) {
            utf8 += char(0xc0 | c >> 6), more(0);
        } else if (c < 0x10000) {
            utf8 += char(0xe0 | c >> 12), more(6), more(0);
        } else {
            utf8 += char(0xf0 | c >> 18), more(12), more(6), more(0);
        }
        if (!AnyBytesAre(utf8)) return false;
    }
    for (unsigned two = 0; two <= 0xffff; two++) {
        const std::string bytes = {char(two >> 8), char(two)};
        if (!AnyBytesAre(bytes) || !AnyBytesAre("long " + bytes + " long enough")) return false;
    }
    return true;
}

int main(int argc, char** argv) {
    const std::map<std::string, std::function<bool(const json&)>> tests = {
        {"accept-text.json",
         [](const json& t) {
             return wire::EncodeText(FromB64(t["bytes"])) == t["json"].dump() &&
                    Bytes(t["json"]) == FromB64(t["bytes"]);
         }},
        {"reject-text.json",
         [](const json& t) {
             std::string bytes;
             return !wire::DecodeText(t["json"].dump(), bytes);
         }},
        {"accept-nick.json", NickOrMask},
        {"reject-nick.json", [](const json& t) { return !NickOrMask(t); }},
        {"accept-requests.json",
         [](const json& t) {
             const std::string line = Encode(t["line"]);
             return line.find('\n') == line.size() - 1 && json::parse(line) == t["line"];
         }},
        {"reject-requests.json", [](const json& t) { return Refuses(LineOf(t)); }},
        {"reject-hello.json",
         [](const json& t) {
             const json reply = {{"jsonrpc", "2.0"}, {"id", 1}, {"result", t["params"]}};
             return Refuses(reply.dump());
         }},
        {"accept-replies.json", [](const json& t) { return Reads(LineOf(t), t["line"]); }},
        {"accept-newer.json", [](const json& t) { return Reads(LineOf(t), t["as"]); }},
        {"reject-replies.json", [](const json& t) { return Refuses(LineOf(t)); }},
        {"accept-lines.json", [](const json& t) { return LinesAre(t, true); }},
        {"reject-lines.json", [](const json& t) { return LinesAre(t, false); }},
    };
    size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(argc > 1 ? argv[1] : "../proto/vectors")) {
        const std::string file = entry.path().filename();
        if (file.rfind("control-", 0) == 0) continue;  // between front and worker
        files++;
        const json vectors = json::parse(std::ifstream(entry.path()));
        for (const json& test : vectors["cases"]) {
            bool good = false;
            try {
                good = tests.at(file)(test);
            } catch (const std::exception& e) {
                printf("%s: ", e.what());
            }
            Check(good, file, test);
        }
    }
    Check(files == tests.size(), "vectors", {{"name", "every file is there"}});
    Check(CharactersAre(), "characters",
          {{"name", "every character, and any two bytes alone and in a longer text"}});
    printf("%d passed, %d failed\n", s_passed, s_failed);
    return s_failed != 0;
}
