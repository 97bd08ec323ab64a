// JSON as the protocol has it: texts, strings, and members that are looked for by name.
// nlohmann's parser reads it; what it reads is laid out flat, one node after the other, so that a
// line needs no memory of its own. Nothing outside of protocol.cpp needs this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wire {

struct ParseError {
    std::string why;
};

namespace json {

using std::string_view;

class object;
class array;

// A value of the line that was read last. It is gone with the next line: ZNC runs its modules on one
// thread.
class element {
  public:
    explicit element(uint32_t at) : m_uAt(at) {}
    // The value as bool, uint64_t, string_view, object or array, if it is one.
    template <class T>
    std::optional<T> get() const;
    // The name it has in its object.
    string_view key() const;

  private:
    uint32_t m_uAt;
};

template <>
std::optional<bool> element::get() const;
template <>
std::optional<uint64_t> element::get() const;
template <>
std::optional<int64_t> element::get() const;
template <>
std::optional<string_view> element::get() const;
template <>
std::optional<object> element::get() const;
template <>
std::optional<array> element::get() const;

// Members of an object, or items of an array.
class children {
  public:
    class iterator {
      public:
        explicit iterator(uint32_t at) : m_uAt(at) {}
        element operator*() const { return element(m_uAt); }
        iterator& operator++();
        bool operator!=(const iterator& other) const { return m_uAt != other.m_uAt; }

      private:
        uint32_t m_uAt;
    };
    explicit children(uint32_t at) : m_uAt(at) {}
    iterator begin() const { return iterator(m_uAt + 1); }
    iterator end() const { return ++iterator(m_uAt); }
    size_t size() const;

  private:
    uint32_t m_uAt;
};
class object : public children {
    using children::children;
};
class array : public children {
    using children::children;
};

// A text is any bytes: a string where they are UTF-8 without NUL, otherwise {"b64": …}.
void PutText(std::string& out, string_view bytes);
// A string. Bytes that are no UTF-8 are lost.
void PutString(std::string& out, std::string bytes);

std::optional<element> Read(const std::string& line);

// A member, if it is there. Throws where it is there twice, for then it says nothing.
std::optional<element> Find(const object& in, string_view name);

// These throw ParseError where something is missing or something else.
element Member(const object& in, string_view name);
std::string Text(const element& value);

template <class T>
T As(const element& value, string_view name, const char* kind) {
    if (const auto out = value.get<T>()) return *out;
    throw ParseError{std::string(name) + " is no " + kind};
}

inline object Object(const element& value, string_view name) { return As<object>(value, name, "object"); }
inline array List(const object& in, string_view name) { return As<array>(Member(in, name), name, "list"); }
inline string_view String(const object& in, string_view name) {
    return As<string_view>(Member(in, name), name, "string");
}
std::optional<uint64_t> Number(const object& in, string_view name);

}  // namespace json
}  // namespace wire
