#include "formats/tree/base64.h"

#include <array>

namespace unbrine {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNoDigit = 0xff;

constexpr std::array<uint8_t, 256> values_of_digits() {
  std::array<uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (size_t i = 0; i < kDigits.size(); ++i)
    values[static_cast<uint8_t>(kDigits[i])] = static_cast<uint8_t>(i);
  return values;
}
constexpr std::array<uint8_t, 256> kValues = values_of_digits();

void append_digits(std::string& text, uint32_t bits, size_t digits) {
  for (size_t i = 0; i < digits; ++i) text += kDigits[bits >> (18 - 6 * i) & 63];
}

// The bits of up to four digits, from bit 23 down; none if one of them is no digit.
std::optional<uint32_t> bits_of(std::string_view digits) {
  uint32_t bits = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    const uint8_t value = kValues[static_cast<uint8_t>(digits[i])];
    if (value == kNoDigit) return std::nullopt;
    bits |= uint32_t{value} << (18 - 6 * i);
  }
  return bits;
}

}  // namespace

void append_base64(std::string& text, ByteSpan bytes) {
  text.reserve(text.size() + (bytes.size() + 2) / 3 * 4);
  size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3)
    append_digits(text, uint32_t{bytes[at]} << 16 | uint32_t{bytes[at + 1]} << 8 | bytes[at + 2],
                  4);
  const size_t rest = bytes.size() - at;
  if (rest == 0) return;
  append_digits(text, uint32_t{bytes[at]} << 16 | (rest == 2 ? uint32_t{bytes[at + 1]} << 8 : 0),
                rest + 1);
  text.append(3 - rest, '=');
}

std::optional<std::vector<uint8_t>> bytes_of_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::vector<uint8_t> bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (size_t at = 0; at < text.size(); at += 4) {
    std::string_view digits = text.substr(at, 4);
    if (at + 4 == text.size())
      for (int i = 0; i < 2 && digits.ends_with('='); ++i) digits.remove_suffix(1);
    const std::optional<uint32_t> bits = bits_of(digits);
    const size_t count = digits.size() - 1;
    if (!bits || (count < 3 && (*bits & (0xff'ffffu >> 8 * count)) != 0)) return std::nullopt;
    for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(*bits >> (16 - 8 * i)));
  }
  return bytes;
}

}  // namespace unbrine
