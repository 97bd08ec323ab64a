// JSON as the protocol has it: texts, strings, and members that are looked for by name. simdjson
// reads it and knows what UTF-8 is. Nothing outside of line.cpp needs this.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wire {

struct Misunderstood {
    std::string why;
};

namespace json {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;
using std::string_view;

// A text is any bytes: a string where they are UTF-8 without NUL, otherwise {"b64": …}.
void PutText(std::string& out, string_view bytes);
// A string. Bytes that are no UTF-8 are lost.
void PutString(std::string& out, std::string bytes);

// What is read stays until the next line is: ZNC runs its modules on one thread.
std::optional<element> Read(const std::string& line);

// A member, if it is there. Throws where it is there twice, for then it says nothing.
std::optional<element> Find(const object& in, string_view name);

// These throw Misunderstood where something is missing or something else.
element Member(const object& in, string_view name);
std::string Text(const element& value);

template <class T>
T As(const element& value, string_view name, const char* kind) {
    T out;
    if (value.get(out)) throw Misunderstood{std::string(name) + " is no " + kind};
    return out;
}

inline object Object(const element& value, string_view name) {
    return As<object>(value, name, "object");
}
inline array List(const object& in, string_view name) {
    return As<array>(Member(in, name), name, "list");
}
inline string_view String(const object& in, string_view name) {
    return As<string_view>(Member(in, name), name, "string");
}
std::optional<uint64_t> Number(const object& in, string_view name);

}  // namespace json
}  // namespace wire
