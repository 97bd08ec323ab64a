#include <array>

#include "json.h"
#include "protocol.h"

namespace wire {

using json::string_view;

namespace {

constexpr std::array<string_view, 5> kKindWords = {"text", "action", "notice", "ctcp", "ctcp_reply"};

// A line to otrd, written member by member.
class Line {
  public:
    Line(string_view method, std::optional<uint64_t> id) {
        m_sLine.reserve(1024);  // longer than most messages are
        m_sLine = "{\"jsonrpc\":\"2.0\",";
        if (id) m_sLine.append("\"id\":").append(std::to_string(*id)).append(",");
        m_sLine.append("\"method\":\"").append(method).append("\",\"params\":{");
    }
    Line& Number(string_view name, uint64_t value) {
        Name(name) += std::to_string(value);
        return *this;
    }
    Line& Flag(string_view name, bool value) {
        Name(name) += value ? "true" : "false";
        return *this;
    }
    Line& Text(string_view name, string_view bytes) {
        json::PutText(Name(name), bytes);
        return *this;
    }
    Line& String(string_view name, const std::string& bytes) {
        json::PutString(Name(name), bytes);
        return *this;
    }
    Line& Strings(string_view name, const std::vector<std::string>& list) {
        Name(name) += '[';
        for (const std::string& each : list) {
            if (&each != &list.front()) m_sLine += ',';
            json::PutString(m_sLine, each);
        }
        m_sLine += ']';
        return *this;
    }
    Line& Closed(const HelloParams& params) {
        Name("closed") += '{';
        String("salt", params.salt).Strings("hashes", params.closed);
        if (params.everybody) Flag("everybody", true);
        if (params.required) Flag("required", true);
        m_sLine += '}';
        return *this;
    }
    std::string End() { return std::move(m_sLine.append("}}\n")); }

  private:
    std::string& Name(string_view name) {
        if (m_sLine.back() != '{') m_sLine += ',';
        return m_sLine.append("\"").append(name).append("\":");
    }
    std::string m_sLine;
};

}  // namespace

std::string Hello(uint64_t id, const HelloParams& params) {
    Line line("hello", id);
    line.Number("version", kVersion).String("user", params.user).String("network", params.network);
    line.String("shim", params.shim).String("znc", params.znc);
    if (!params.instance.empty()) line.String("instance", params.instance);
    if (params.ack) line.Number("ack", params.ack);
    if (params.returned) line.Flag("returned", true);
    if (!params.identity.empty()) line.String("identity", params.identity);
    if (params.by_name) line.Flag("by_name", true);
    if (!params.salt.empty()) line.Closed(params);
    if (!params.want.empty()) line.Strings("want", params.want);
    return line.End();
}

std::string Network(uint64_t id, const NetworkInfo& now) {
    Line line("network", id);
    line.Flag("connected", now.connected).Number("linelen", now.linelen);
    line.String("status_prefix", now.status_prefix);
    line.Number("insecure_clients", now.insecure_clients).Flag("admin", now.admin);
    if (now.old_data) line.Flag("old_data", true);
    if (!now.casemapping.empty()) line.String("casemapping", now.casemapping);
    if (!now.loggers.empty()) line.Strings("loggers", now.loggers);
    if (ValidMask(now.mask)) line.Text("mask", now.mask);
    return line.End();
}

std::string Out(uint64_t id, const std::string& to, Kind kind, const std::string& text, uint64_t client,
                bool closed) {
    Line line("out", id);
    line.Text("to", to).Text("kind", kKindWords[size_t(kind)]).Text("text", text);
    line.Number("client", client);
    if (closed) line.Flag("closed", true);
    return line.End();
}

std::string In(uint64_t id, const std::string& from, Kind kind, const std::string& text) {
    Line line("in", id);
    return line.Text("from", from).Text("kind", kKindWords[size_t(kind)]).Text("text", text).End();
}

std::string Command(uint64_t id, const std::string& text) {
    return Line("command", id).Text("text", text).End();
}

std::string Typed(uint64_t id, const TypedMethod& typed) {
    Line line(typed.method, id);
    for (const auto& [name, text] : typed.texts) line.Text(name, text);
    for (const auto& name : typed.flags) line.Flag(name, true);
    return line.End();
}

std::string State(uint64_t id, uint64_t from) {
    Line line("state", id);
    if (from) line.Number("from", from);
    return line.End();
}

std::string Nick(uint64_t id, const std::string& before, const std::string& after) {
    return Line("nick", id).Text("old", before).Text("new", after).End();
}

std::string Quit(uint64_t id, const std::string& nick) { return Line("quit", id).Text("nick", nick).End(); }

std::string Join(uint64_t id, const std::string& nick) { return Line("join", id).Text("nick", nick).End(); }

std::string Ack(uint64_t ack) { return Line("ack", std::nullopt).Number("ack", ack).End(); }

std::string Bye(const std::string& why, const std::string& reason, std::optional<uint64_t> ack,
                bool returned) {
    Line line("bye", std::nullopt);
    if (!why.empty()) line.String("why", why);
    line.String("reason", reason);
    if (ack) line.Number("ack", *ack);
    if (returned) line.Flag("returned", true);
    return line.End();
}

}  // namespace wire
