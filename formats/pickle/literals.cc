#include "formats/pickle/literals.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "formats/text.h"

namespace unbrine {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Value of a hexadecimal digit, or 16.
uint32_t hex_value(char c) {
  if (is_digit(c)) return static_cast<uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint32_t>(c - 'A' + 10);
  return 16;
}

// Takes exactly `count` hexadecimal digits off the front of `text`.
std::optional<uint32_t> take_hex(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text.substr(0, count)) {
    if (hex_value(c) == 16) return std::nullopt;
    value = value << 4 | hex_value(c);
  }
  text.remove_prefix(count);
  return value;
}

}  // namespace

// --- Numbers ---

bool is_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  return std::all_of(text.begin(), text.end(), is_digit);
}

std::optional<int64_t> int64_of_decimal(std::string_view decimal) {
  int64_t value = 0;
  const char* const end = decimal.data() + decimal.size();
  const auto [stopped, error] = std::from_chars(decimal.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::optional<double> double_of_text(std::string_view text) {
  if (text.find('(') != text.npos) return std::nullopt;  // C's nan(...) is not Python's
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

// --- Two's complement ---

std::optional<int64_t> int64_of_bytes(ByteSpan integer) {
  if (integer.empty()) return 0;
  const uint8_t filler = integer.back() & 0x80 ? 0xff : 0;
  while (integer.size() > 8 && integer.back() == filler)
    integer = integer.first(integer.size() - 1);
  if (integer.size() > 8 || (integer.back() & 0x80) != (filler & 0x80)) return std::nullopt;
  uint64_t value = filler == 0 ? 0 : UINT64_MAX;
  for (size_t i = integer.size(); i > 0; --i) value = value << 8 | integer[i - 1];
  return static_cast<int64_t>(value);
}

namespace {

constexpr uint64_t kLimb = 1'000'000'000;  // nine decimal digits

// limbs = limbs * 256 + byte; the least significant limb is first.
void shift_in(std::vector<uint32_t>& limbs, uint8_t byte) {
  uint64_t carry = byte;
  for (uint32_t& limb : limbs) {
    carry += uint64_t{limb} << 8;
    limb = static_cast<uint32_t>(carry % kLimb);
    carry /= kLimb;
  }
  if (carry != 0) limbs.push_back(static_cast<uint32_t>(carry));
}

std::string joined_limbs(const std::vector<uint32_t>& limbs) {
  std::string text = limbs.empty() ? "0" : std::to_string(limbs.back());
  for (size_t i = limbs.size(); i > 1; --i) {
    const std::string digits = std::to_string(limbs[i - 2]);
    text.append(9 - digits.size(), '0').append(digits);
  }
  return text;
}

std::vector<uint8_t> negated(ByteSpan integer) {
  std::vector<uint8_t> bytes(integer.begin(), integer.end());
  bool carry = true;
  for (uint8_t& byte : bytes) {
    byte = static_cast<uint8_t>(~byte + carry);
    carry = carry && byte == 0;
  }
  return bytes;
}

}  // namespace

std::string decimal_of_bytes(ByteSpan integer) {
  const bool is_negative = !integer.empty() && (integer.back() & 0x80) != 0;
  std::vector<uint8_t> magnitude(integer.begin(), integer.end());
  if (is_negative) magnitude = negated(integer);
  std::vector<uint32_t> limbs;
  for (size_t i = magnitude.size(); i > 0; --i) shift_in(limbs, magnitude[i - 1]);
  return (is_negative ? "-" : "") + joined_limbs(limbs);
}

// An integer that needs n bytes is at least 2^(8n - 9) away from 0; a bit is log10(2) digits.
uint64_t least_digits(uint64_t count) {
  if (count < 2) return 1;
  return (8 * count - 9) * 30'102 / 100'000 + 1;
}

// --- Text ---

namespace {

// The character that a backslash before `c` means, or -1 if it means none.
int simple_escape(char c) {
  switch (c) {
    case '\\': return '\\';
    case '\'': return '\'';
    case '"': return '"';
    case 'a': return '\a';
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'v': return '\v';
    default: return -1;
  }
}

// One to three octal digits; Python keeps the low eight bits.
char take_octal(std::string_view& text) {
  uint32_t value = 0;
  for (int i = 0; i < 3 && !text.empty() && text[0] >= '0' && text[0] <= '7'; ++i) {
    value = value * 8 + static_cast<uint32_t>(text[0] - '0');
    text.remove_prefix(1);
  }
  return static_cast<char>(value);
}

// `text` begins after a backslash.
bool take_escape(std::string_view& text, std::string& bytes) {
  if (text.empty()) return false;
  const char c = text[0];
  if (c >= '0' && c <= '7') {
    bytes += take_octal(text);
    return true;
  }
  text.remove_prefix(1);
  if (c == 'x') {
    const std::optional<uint32_t> value = take_hex(text, 2);
    if (value) bytes += static_cast<char>(*value);
    return value.has_value();
  }
  const int meant = simple_escape(c);
  if (meant < 0) bytes += '\\';  // no escape: both characters stay
  bytes += meant < 0 ? c : static_cast<char>(meant);
  return true;
}

// `text` begins after a backslash. A backslash before anything but u and U is itself, and so is
// what follows it: \\u0041 are seven characters.
bool take_unicode_escape(std::string_view& text, std::string& utf8) {
  const char c = text.empty() ? '\0' : text[0];
  if (c != 'u' && c != 'U') {
    utf8 += '\\';
    if (text.empty()) return true;
    append_utf8(utf8, static_cast<uint8_t>(c));
    text.remove_prefix(1);
    return true;
  }
  text.remove_prefix(1);
  const std::optional<uint32_t> point = take_hex(text, c == 'u' ? 4 : 8);
  if (!point || *point > 0x10ffff) return false;
  append_utf8(utf8, *point);
  return true;
}

}  // namespace

std::optional<std::string> bytes_of_string_literal(std::string_view literal) {
  const bool is_quoted = literal.size() >= 2 && literal.front() == literal.back() &&
                         (literal.front() == '\'' || literal.front() == '"');
  if (!is_quoted) return std::nullopt;
  std::string_view text = literal.substr(1, literal.size() - 2);
  std::string bytes;
  while (!text.empty()) {
    const char c = text[0];
    text.remove_prefix(1);
    if (c != '\\') {
      bytes += c;
    } else if (!take_escape(text, bytes)) {
      return std::nullopt;
    }
  }
  return bytes;
}

std::optional<std::string> utf8_of_raw_unicode(std::string_view line) {
  std::string utf8;
  while (!line.empty()) {
    const char c = line[0];
    line.remove_prefix(1);
    if (c != '\\') {
      append_utf8(utf8, static_cast<uint8_t>(c));
    } else if (!take_unicode_escape(line, utf8)) {
      return std::nullopt;
    }
  }
  return utf8;
}

}  // namespace unbrine
