// UTF-8, letter by letter, as a liberal reader takes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace utf8 {

struct Letter {
    uint32_t code;
    size_t size;  // in bytes
};

// A byte that belongs to no letter is one of its own: above all others, its value added.
constexpr uint32_t kByte = 0x110000;

// The letter at this place. One that is written longer than it needs to be has the code of the short one.
inline Letter At(const std::string& text, size_t at) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(at);
    if (first < 0x80) return {first, 1};
    const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || at + size > text.size()) return {kByte + first, 1};
    uint32_t code = first & (0xff >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((byte(at + i) & 0xc0) != 0x80) return {kByte + first, 1};
        code = code << 6 | (byte(at + i) & 0x3f);
    }
    return {code, size};
}

}  // namespace utf8
