#include "formats/text.h"

#include <algorithm>
#include <cstring>

namespace unbrine {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

struct Sequence {
  size_t length;  // bytes; 0 if no valid sequence starts here
  uint32_t code_point;
};

constexpr Sequence kInvalid = {0, 0};

bool is_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }

bool is_surrogate(uint32_t code_point) { return code_point >= 0xd800 && code_point <= 0xdfff; }

// The sequence at the front of `text`, which is not empty.
Sequence first_sequence(std::string_view text) {
  const uint8_t lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {1, lead};
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return kInvalid;
  uint32_t code_point = lead & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return kInvalid;
    code_point = code_point << 6 | (static_cast<uint8_t>(text[i]) & 0x3f);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code_point < kSmallest[length] || code_point > 0x10ffff || is_surrogate(code_point))
    return kInvalid;
  return {length, code_point};
}

size_t ascii_run(std::string_view text) {
  size_t length = 0;
  for (uint64_t eight; length + 8 <= text.size(); length += 8) {
    std::memcpy(&eight, text.data() + length, 8);
    if (eight & 0x8080'8080'8080'8080) break;
  }
  while (length < text.size() && static_cast<uint8_t>(text[length]) < 0x80) ++length;
  return length;
}

// Characters that a terminal obeys, or that change what the reader sees without being seen.
struct Range {
  uint32_t first, last;
};
constexpr Range kUnprintable[] = {
    {0x00, 0x1f},                                            // C0
    {0x7f, 0x9f},                                            // DEL, C1
    {0xad, 0xad},       {0x34f, 0x34f},   {0x61c, 0x61c},    // soft hyphen, joiner, bidi mark
    {0x115f, 0x1160},   {0x180b, 0x180f},                    // fillers
    {0x200b, 0x200f},                                        // zero width, bidi marks
    {0x2028, 0x202e},                                        // line separators, bidi embeddings
    {0x2060, 0x206f},                                        // invisible operators, bidi isolates
    {0x3164, 0x3164},   {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},  // filler, variation selectors, BOM
    {0xfff9, 0xfffb},                                        // interlinear annotation
    {0xe0000, 0xe0fff},                                      // tags, more variation selectors
};

bool is_printable(uint32_t code_point) {
  if (code_point >= 0x20 && code_point < 0x7f) return true;
  return std::ranges::none_of(kUnprintable, [&](const Range& range) {
    return code_point >= range.first && code_point <= range.last;
  });
}

std::string byte_escape(char byte) {
  const uint8_t value = static_cast<uint8_t>(byte);
  return {'\\', 'x', kHexDigits[value >> 4], kHexDigits[value & 15]};
}

std::string code_point_escape(uint32_t code_point) {
  if (code_point < 0x80) return byte_escape(static_cast<char>(code_point));
  std::string digits;
  for (; code_point != 0; code_point >>= 4)
    digits.insert(digits.begin(), kHexDigits[code_point & 15]);
  return "\\u{" + digits + "}";
}

std::string piece_of(std::string_view text, const Sequence& sequence) {
  if (sequence.length == 0) return byte_escape(text[0]);
  if (!is_printable(sequence.code_point)) return code_point_escape(sequence.code_point);
  return std::string(text.substr(0, sequence.length));
}

uint64_t rounded(uint64_t number, uint64_t unit) {
  return number / unit + (number % unit >= unit - unit / 2 ? 1 : 0);
}

// `count` hundredths (or tenths, or ones) without trailing zeros.
std::string decimal_text(uint64_t count, uint64_t per_one) {
  std::string fraction = std::to_string(per_one + count % per_one).substr(1);
  while (fraction.ends_with('0')) fraction.pop_back();
  return std::to_string(count / per_one) + (fraction.empty() ? "" : "." + fraction);
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  for (;;) {
    text.remove_prefix(ascii_run(text));
    if (text.empty()) return true;
    const Sequence sequence = first_sequence(text);
    if (sequence.length == 0) return false;
    text.remove_prefix(sequence.length);
  }
}

std::string escaped(std::string_view text, size_t longest) {
  std::string result;
  while (!text.empty()) {
    const Sequence sequence = first_sequence(text);
    const std::string piece = piece_of(text, sequence);
    if (piece.size() > longest - result.size()) return result + "...";
    result += piece;
    text.remove_prefix(std::max<size_t>(sequence.length, 1));
  }
  return result;
}

std::string Quote::operator()(std::string_view text) const { return "'" + escaped(text) + "'"; }

std::string repaired_utf8(std::string_view text) {
  if (is_valid_utf8(text)) return std::string(text);
  std::string result;
  while (!text.empty()) {
    const size_t length = first_sequence(text).length;
    result += length == 0 ? byte_escape(text[0]) : std::string(text.substr(0, length));
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return result;
}

void append_utf8(std::string& text, uint32_t point) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xc0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    text += static_cast<char>(0xe0 | point >> 12);
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xf0 | point >> 18);
    tail(12), tail(6), tail(0);
  }
}

std::string human_bytes(uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
  constexpr std::string_view kUnits[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
  size_t unit = 0;
  uint64_t scale = 1000;  // bytes in a unit
  while (unit + 1 < std::size(kUnits) && rounded(bytes, scale) >= 1000) {
    scale *= 1000;
    ++unit;
  }
  // As many decimals as leave three digits.
  uint64_t decimals = 100;
  while (decimals > 1 && rounded(bytes, scale / decimals) >= 1000) decimals /= 10;
  return decimal_text(rounded(bytes, scale / decimals), decimals) + " " + std::string(kUnits[unit]);
}

}  // namespace unbrine
