// Text from files is hostile: how it is made fit for a terminal, an error message and a name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace unbrine {

bool is_valid_utf8(std::string_view text);

// `text` with every control, format (bidi, zero-width) and invalid byte written as \xNN or \u{N},
// cut with "..." after `longest` bytes; safe to print on a terminal.
std::string escaped(std::string_view text, size_t longest = 200);

// escaped() between single quotes, for error messages. A function object, because for a std::string
// a call of a function of this name would find std::quoted as well.
struct Quote {
  std::string operator()(std::string_view text) const;
};
inline constexpr Quote quoted;

// `text` if it is valid UTF-8; otherwise with each byte that belongs to no valid sequence (lone
// surrogates among them) replaced by the four characters \xNN.
std::string repaired_utf8(std::string_view text);

// Appends a code point, a surrogate too, in UTF-8's form of at most four bytes.
void append_utf8(std::string& text, uint32_t point);

// "1.5 MB", "12 bytes": decimal units, three digits at most.
std::string human_bytes(uint64_t bytes);

}  // namespace unbrine
