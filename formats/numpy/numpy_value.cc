#include "formats/numpy/numpy_value.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "formats/numpy/numpy_dtype.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// How a binary float is divided; the rest is the sign.
struct FloatParts {
  unsigned exponent;
  unsigned mantissa;
};

FloatParts parts_of(unsigned bytes) {
  return bytes == 2 ? FloatParts{5, 10} : bytes == 4 ? FloatParts{8, 23} : FloatParts{11, 52};
}

// The same value, of a NaN the same payload.
double widened(uint64_t bits, FloatParts parts) {
  const uint64_t largest = (uint64_t{1} << parts.exponent) - 1;
  const uint64_t bias = largest / 2;
  const uint64_t sign = bits >> (parts.exponent + parts.mantissa) << 63;
  const uint64_t exponent = bits >> parts.mantissa & largest;
  const uint64_t mantissa = bits & ((uint64_t{1} << parts.mantissa) - 1);
  if (exponent == 0) {
    const double size = std::ldexp(static_cast<double>(mantissa),
                                   1 - static_cast<int>(bias) - static_cast<int>(parts.mantissa));
    return sign != 0 ? -size : size;
  }
  const uint64_t wide = exponent == largest ? 2047 : exponent + 1023 - bias;
  return std::bit_cast<double>(sign | wide << 52 | mantissa << (52 - parts.mantissa));
}

// The float whose widened() this is, if there is one.
std::optional<uint64_t> narrowed(double number, FloatParts parts) {
  const uint64_t largest = (uint64_t{1} << parts.exponent) - 1;
  const auto bits = std::bit_cast<uint64_t>(number);
  const uint64_t sign = bits >> 63 << (parts.exponent + parts.mantissa);
  const auto wide = static_cast<int64_t>(bits >> 52 & 2047);
  const uint64_t mantissa = (bits & 0xf'ffff'ffff'ffff) >> (52 - parts.mantissa);
  const int64_t exponent = wide - 1023 + static_cast<int64_t>(largest / 2);
  uint64_t found = sign;
  if (wide == 2047)
    found |= largest << parts.mantissa | mantissa;
  else if (exponent >= 1 && exponent < static_cast<int64_t>(largest))
    found |= static_cast<uint64_t>(exponent) << parts.mantissa | mantissa;
  else if (exponent < 1)
    found |= static_cast<uint64_t>(std::ldexp(
        std::fabs(number), static_cast<int>(largest / 2) - 1 + static_cast<int>(parts.mantissa)));
  return std::bit_cast<uint64_t>(widened(found, parts)) == bits ? std::optional(found)
                                                                : std::nullopt;
}

// The number that `count` bytes are.
uint64_t bits_at(ByteSpan bytes, size_t at, size_t count, bool big_endian) {
  uint64_t bits = 0;
  for (size_t i = 0; i < count; ++i)
    bits |= uint64_t{bytes[at + i]} << 8 * (big_endian ? count - 1 - i : i);
  return bits;
}

void append_bits(std::vector<uint8_t>& bytes, uint64_t bits, size_t count, bool big_endian) {
  for (size_t i = 0; i < count; ++i)
    bytes.push_back(static_cast<uint8_t>(bits >> 8 * (big_endian ? count - 1 - i : i)));
}

int64_t sign_extended(uint64_t bits, size_t bytes) {
  const size_t unused = 64 - 8 * bytes;
  return static_cast<int64_t>(bits << unused) >> unused;
}

bool is_unsigned(DType dtype) {
  return dtype == DType::U8 || dtype == DType::U16 || dtype == DType::U32 || dtype == DType::U64;
}

// --- Text: four bytes for each code point ---

struct TextType {
  uint64_t length;
  bool big_endian;
};

std::optional<TextType> text_type(std::string_view type_string) {
  if (type_string.size() < 3 || type_string[1] != 'U') return std::nullopt;
  const DTypeRecord record = dtype_of_string(type_string);
  return TextType{record.item_size.value_or(0) / 4, type_string[0] == '>'};
}

std::optional<NumpyValue> text_of(const TextType& type, ByteSpan bytes) {
  if (bytes.size() != type.length * 4) return std::nullopt;
  std::string text;
  uint64_t point = 1;
  for (size_t at = 0; at < bytes.size(); at += 4) {
    point = bits_at(bytes, at, 4, type.big_endian);
    if (point > 0x10ffff) return std::nullopt;
    append_utf8(text, static_cast<uint32_t>(point));
  }
  return point == 0 ? std::nullopt : std::optional<NumpyValue>(std::move(text));
}

// Strict, but for surrogates.
std::optional<std::vector<uint8_t>> bytes_of_text(const TextType& type, std::string_view text) {
  std::vector<uint8_t> bytes;
  std::string again;
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<uint8_t>(text[at]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t point = length == 1 ? lead : lead & (0x7fu >> length);
    for (size_t i = 1; i < length && at + i < text.size(); ++i)
      point = point << 6 | (static_cast<uint8_t>(text[at + i]) & 0x3f);
    append_utf8(again, point);
    append_bits(bytes, point, 4, type.big_endian);
    at += length;
  }
  if (again != text || bytes.size() != type.length * 4) return std::nullopt;
  return bytes;
}

}  // namespace

std::optional<NumpyValue> numpy_value(std::string_view type_string, ByteSpan bytes) {
  if (const auto type = text_type(type_string)) return text_of(*type, bytes);
  const DTypeRecord record = dtype_of_string(type_string);
  if (!record.type || bytes.size() != record.item_size) return std::nullopt;
  const auto [dtype, big_endian] = *record.type;
  const DTypeInfo& row = info(dtype);
  const size_t unit = row.is_complex ? bytes.size() / 2 : bytes.size();
  const uint64_t bits = bits_at(bytes, 0, unit, big_endian);
  const FloatParts parts = parts_of(static_cast<unsigned>(unit));
  if (row.is_complex)
    return std::pair(widened(bits, parts), widened(bits_at(bytes, unit, unit, big_endian), parts));
  if (row.is_floating) return widened(bits, parts);
  if (dtype == DType::Bool) return bits > 1 ? std::nullopt : std::optional<NumpyValue>(bits == 1);
  if (!is_unsigned(dtype)) return sign_extended(bits, unit);
  if (bits <= INT64_MAX) return static_cast<int64_t>(bits);
  return bits;
}

namespace {

std::optional<std::vector<uint8_t>> integer_bytes(const ElementType& type, uint64_t bits,
                                                  bool is_negative) {
  const size_t size = info(type.dtype).bits / 8;
  std::vector<uint8_t> bytes;
  append_bits(bytes, bits, size, type.big_endian);
  const uint64_t kept = bits_at(bytes, 0, size, type.big_endian);
  const bool fits = is_unsigned(type.dtype)
                        ? !is_negative && kept == bits
                        : static_cast<uint64_t>(sign_extended(kept, size)) == bits &&
                              (is_negative || bits <= INT64_MAX);
  return fits ? std::optional(std::move(bytes)) : std::nullopt;
}

std::optional<std::vector<uint8_t>> float_bytes(const ElementType& type,
                                                std::initializer_list<double> numbers) {
  const size_t unit = info(type.dtype).bits / 8 / numbers.size();
  std::vector<uint8_t> bytes;
  for (const double number : numbers) {
    const auto bits = narrowed(number, parts_of(static_cast<unsigned>(unit)));
    if (!bits) return std::nullopt;
    append_bits(bytes, *bits, unit, type.big_endian);
  }
  return bytes;
}

}  // namespace

std::optional<std::vector<uint8_t>> numpy_bytes(std::string_view type_string,
                                                const NumpyValue& value) {
  if (const auto type = text_type(type_string)) {
    const auto* text = std::get_if<std::string>(&value);
    return text ? bytes_of_text(*type, *text) : std::nullopt;
  }
  const DTypeRecord record = dtype_of_string(type_string);
  if (!record.type) return std::nullopt;
  const DTypeInfo& row = info(record.type->dtype);
  const auto* pair = std::get_if<std::pair<double, double>>(&value);
  const auto* real = std::get_if<double>(&value);
  if (row.is_complex)
    return pair ? float_bytes(*record.type, {pair->first, pair->second}) : std::nullopt;
  if (row.is_floating) return real ? float_bytes(*record.type, {*real}) : std::nullopt;
  if (row.dtype == DType::Bool) {
    const auto* truth = std::get_if<bool>(&value);
    return truth ? std::optional(std::vector<uint8_t>{*truth}) : std::nullopt;
  }
  if (const auto* number = std::get_if<int64_t>(&value))
    return integer_bytes(*record.type, static_cast<uint64_t>(*number), *number < 0);
  if (const auto* number = std::get_if<uint64_t>(&value))
    return integer_bytes(*record.type, *number, false);
  return std::nullopt;
}

}  // namespace unbrine
