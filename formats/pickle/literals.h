// Values as pickles spell them: numbers and strings written as text (protocol 0), and integers of
// any length in two's complement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/bytes.h"

namespace unbrine {

// True for an optional minus and decimal digits without a needless leading zero: what all Pythons
// read alike (some take 010 as octal, some refuse it).
bool is_decimal(std::string_view text);

// The value of such a text, if it fits.
std::optional<int64_t> int64_of_decimal(std::string_view decimal);

// A Python float's repr: digits, point, exponent, inf, nan. The whole text must be one number.
std::optional<double> double_of_text(std::string_view text);

// Two's complement, little endian; no bytes are 0.
std::optional<int64_t> int64_of_bytes(ByteSpan integer);
std::string decimal_of_bytes(ByteSpan integer);  // takes time with the square of the length

// The fewest decimal digits of an integer that needs `count` bytes of two's complement.
uint64_t least_digits(uint64_t count);

// The bytes of a Python 2 string literal: quotes around, backslash escapes inside.
std::optional<std::string> bytes_of_string_literal(std::string_view literal);

// The UTF-8 of a raw-unicode-escape line: only \uXXXX and \UXXXXXXXX are escapes, other bytes are
// Latin-1. A surrogate is encoded by itself, as Python keeps it.
std::optional<std::string> utf8_of_raw_unicode(std::string_view line);

}  // namespace unbrine
