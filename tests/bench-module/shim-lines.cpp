// For tests/bench: the module's half of a message, N times: one request written, one reply read.
//   shim-lines pass|private-out|private-in N

#include "../../shim/protocol.h"

#include <cstdlib>
#include <cstring>

int main(int argc, char** argv) {
    if (argc != 3) return 1;
    const std::string what = argv[1];
    const std::string text = "one of very many lines of a talk", otr(400, 'A');
    const std::string head = "{\"jsonrpc\":\"2.0\",\"result\":{\"effects\":[";
    std::string effects = "{\"do\":\"pass\"}";
    if (what == "private-out")
        effects = "{\"do\":\"send\",\"to\":\"bob\",\"kind\":\"text\",\"text\":\"" + otr +
                  "\"},{\"do\":\"echo\",\"to\":\"bob\",\"kind\":\"text\",\"text\":\"" + text +
                  "\",\"client\":1}";
    if (what == "private-in")
        effects =
            "{\"do\":\"deliver\",\"from\":\"bob!bob@127.0.0.1\",\"kind\":\"text\",\"text\":\"" + text + "\"}";
    wire::LineBuffer lines;
    size_t good = 0;
    const uint64_t n = static_cast<uint64_t>(atol(argv[2]));
    for (uint64_t id = 1; id <= n; id++) {
        const std::string request = what == "private-in"
                                        ? wire::In(id, "bob!bob@127.0.0.1", wire::Kind::Text, otr)
                                        : wire::Out(id, "bob", wire::Kind::Text, text, 1);
        const std::string reply = head + effects + "]},\"id\":" + std::to_string(id) + "}\n";
        lines.Push(reply.data(), reply.size());
        std::string line;
        while (lines.Next(line)) {
            const wire::Incoming in = wire::Parse(line);
            good += !request.empty() && in.id == id && !in.effects.empty();
        }
    }
    return good == n ? 0 : 1;
}
