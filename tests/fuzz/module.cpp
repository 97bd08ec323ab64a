// libFuzzer over what the module reads of otrd: lines, JSON, effects. Built by tests/fuzz/run, which installs
// simdjson; where that is missing, make -C shim test sees with WITHOUT_SIMDJSON that the rest fits.
#include <cstdint>
#include <cstdlib>
#include <string>
#ifndef WITHOUT_SIMDJSON
#include <simdjson.h>
#endif

#include "../../shim/protocol.h"

static void Promise(bool kept) {
    if (!kept) abort();
}

// What was understood can be said in turn, and is the same.
static void Again(const std::string& bytes) {
    std::string again;
    Promise(wire::DecodeText(wire::EncodeText(bytes), again) && again == bytes);
}

// What another library takes a line for.
struct Verdict {
    bool knows = true;  // not where it has a number that this library does not represent
    bool object = false;
    bool string = false;
    std::string text;  // of a string
};

#ifdef WITHOUT_SIMDJSON
Verdict Judge(const std::string& line);
#else
static Verdict Judge(const std::string& line) {
    static simdjson::dom::parser s_parser;
    simdjson::dom::element value;
    const auto error = s_parser.parse(line).get(value);
    Verdict verdict;
    verdict.knows = error != simdjson::NUMBER_ERROR;
    if (error) return verdict;
    verdict.object = value.is_object();
    verdict.string = value.is_string();
    if (verdict.string) verdict.text = value.get_string().value();
    return verdict;
}
#endif

static void Line(const std::string& line) {
    using What = wire::Incoming::What;
    const wire::Incoming in = wire::Parse(line);
    const bool speaks = in.what == What::Reply || in.what == What::Effects;
    Promise(in.effects.empty() || (speaks && in.why.empty()));
    Promise(in.protect.empty() || in.what == What::Welcome);
    for (const auto& nick : in.protect) Promise(wire::ValidNick(nick));
    for (const auto& effect : in.effects) {
        Again(effect.text);
        Again(effect.who);
        using Do = wire::Effect::Do;
        if (effect.what == Do::Send || effect.what == Do::Echo || effect.what == Do::Refuse ||
            effect.what == Do::Protect)
            Promise(wire::ValidNick(effect.who));
        if (effect.what == Do::Deliver) Promise(wire::ValidMask(effect.who));
    }
    // What another library does not take for JSON, nor do we.
    const Verdict judge = Judge(line);
    Promise(in.what == What::Damaged || !judge.knows || judge.object);
    std::string text;
    if (wire::DecodeText(line, text)) {
        Promise(!judge.knows || (judge.string ? judge.text == text : judge.object));
        Again(text);
    }
    wire::NetworkInfo now;
    now.mask = now.casemapping = now.status_prefix = line;
    now.loggers = {line, line};
    for (const auto& request :
         {wire::Out(1, line, wire::Kind::Text, line, 7), wire::In(1, line, wire::Kind::Ctcp, line),
          wire::Command(1, line), wire::Nick(1, line, line), wire::Bye(line, line, 7, true),
          wire::Hello(
              1, {line, line, "", "", line, 7, true, line, true, line, {line, line}, true, true, {line}}),
          wire::Network(1, now)})
        Promise(request.find('\n') == request.size() - 1 && Judge(request).object);
}

// The first byte says how long the pieces are in which the rest arrives.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const size_t piece = size_t(data[0]) * 8 + 1;
    const char* rest = reinterpret_cast<const char*>(data) + 1;
    size--;
    wire::LineBuffer lines;
    std::string line;
    for (size_t at = 0; at < size && !lines.TooLong(); at += piece) {
        lines.Push(rest + at, std::min(piece, size - at));
        while (lines.Next(line)) {
            Promise(line.size() < wire::kMaxLine && line.find('\n') == std::string::npos);
            Line(line);
        }
    }
    return 0;
}
