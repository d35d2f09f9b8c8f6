#include "formats/pickle/encoder.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "formats/error.h"

namespace unbrine {
namespace {

constexpr size_t kLongestLong1 = 255;  // bytes
constexpr size_t kMostDigits = 615;    // of an int that 255 bytes can hold

template <class Number>
void append_little_endian(std::string& bytes, Number number) {
  for (size_t i = 0; i < sizeof number; ++i)
    bytes += static_cast<char>(static_cast<uint64_t>(number) >> (8 * i) & 0xff);
}

// The magnitude, little endian, with a zero byte in front of a set top bit.
std::vector<uint8_t> magnitude_of(std::string_view digits) {
  std::vector<uint8_t> bytes;
  for (const char digit : digits) {
    unsigned carry = static_cast<unsigned>(digit - '0');
    for (uint8_t& byte : bytes) {
      carry += byte * 10u;
      byte = static_cast<uint8_t>(carry & 0xff);
      carry >>= 8;
    }
    if (carry != 0) bytes.push_back(static_cast<uint8_t>(carry));
  }
  if (!bytes.empty() && bytes.back() >= 0x80) bytes.push_back(0);
  return bytes;
}

void negate(std::vector<uint8_t>& bytes) {
  unsigned carry = 1;
  for (uint8_t& byte : bytes) {
    carry += static_cast<uint8_t>(~byte);
    byte = static_cast<uint8_t>(carry & 0xff);
    carry >>= 8;
  }
}

// Two's complement has one spelling: no byte that only repeats the sign of the one before.
void drop_sign_bytes(std::vector<uint8_t>& bytes) {
  while (bytes.size() > 1) {
    const uint8_t sign = bytes[bytes.size() - 2] >= 0x80 ? 0xff : 0;
    if (bytes.back() != sign) return;
    bytes.pop_back();
  }
}

std::vector<uint8_t> twos_complement(std::string_view decimal) {
  const bool negative = decimal.starts_with('-');
  std::vector<uint8_t> bytes = magnitude_of(decimal.substr(negative ? 1 : 0));
  if (negative) negate(bytes);
  drop_sign_bytes(bytes);
  return bytes;
}

std::string utf8_of_latin1(ByteSpan bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const uint8_t byte : bytes) {
    if (byte >= 0x80) text += static_cast<char>(0xc0 | byte >> 6);
    text += static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3f));
  }
  return text;
}

}  // namespace

PickleEncoder::PickleEncoder() {
  op(Op::Proto);
  bytes_ += '\x02';
}

void PickleEncoder::integer(int64_t value) {
  if (value >= 0 && value <= UINT8_MAX) {
    op(Op::BinInt1);
    append_little_endian(bytes_, static_cast<uint8_t>(value));
  } else if (value >= 0 && value <= UINT16_MAX) {
    op(Op::BinInt2);
    append_little_endian(bytes_, static_cast<uint16_t>(value));
  } else if (value >= INT32_MIN && value <= INT32_MAX) {
    op(Op::BinInt);
    append_little_endian(bytes_, static_cast<uint32_t>(value));
  } else {
    static_cast<void>(big_integer(std::to_string(value)));  // fits
  }
}

void PickleEncoder::count(uint64_t value) {
  if (value <= INT64_MAX) return integer(static_cast<int64_t>(value));
  static_cast<void>(big_integer(std::to_string(value)));  // fits
}

bool PickleEncoder::big_integer(std::string_view decimal) {
  if (decimal.size() > kMostDigits + 1) return false;
  const std::vector<uint8_t> bytes = twos_complement(decimal);
  if (bytes.size() > kLongestLong1) return false;
  op(Op::Long1);
  bytes_ += static_cast<char>(bytes.size());
  bytes_.append(bytes.begin(), bytes.end());
  return true;
}

void PickleEncoder::real(double value) {
  op(Op::BinFloat);
  append_little_endian(bytes_, __builtin_bswap64(std::bit_cast<uint64_t>(value)));
}

void PickleEncoder::text(std::string_view utf8) {
  if (utf8.size() > UINT32_MAX)
    fail(ErrorCode::Unsupported, "a string of ", utf8.size(),
         " bytes: pickles of protocol 2 hold at most ", UINT32_MAX);
  op(Op::BinUnicode);
  append_little_endian(bytes_, static_cast<uint32_t>(utf8.size()));
  bytes_ += utf8;
}

template <class Write>
void PickleEncoder::memoised(const std::string& key, Write write) {
  const auto known = words_.find(key);
  if (known != words_.end()) return get(known->second);
  write();
  words_.emplace(key, put());
}

void PickleEncoder::word(std::string_view utf8) {
  memoised(std::string("w").append(utf8), [&] { text(utf8); });
}

void PickleEncoder::global(std::string_view module, std::string_view name) {
  const std::string lines = std::string(module) + "\n" + std::string(name) + "\n";
  memoised(std::string("g").append(lines), [&] {
    op(Op::Global);
    bytes_ += lines;
  });
}

void PickleEncoder::latin1(ByteSpan bytes) { text(utf8_of_latin1(bytes)); }

void PickleEncoder::bytes(ByteSpan bytes) {
  global("_codecs", "encode");
  latin1(bytes);
  word("latin1");
  op(Op::Tuple2);
  op(Op::Reduce);
}

void PickleEncoder::byte_array(ByteSpan bytes) {
  global("__builtin__", "bytearray");
  latin1(bytes);
  word("latin-1");
  op(Op::Tuple2);
  op(Op::Reduce);
}

uint32_t PickleEncoder::put() {
  const uint32_t place = next_place_++;
  op(place <= UINT8_MAX ? Op::BinPut : Op::LongBinPut);
  append_place(place);
  return place;
}

void PickleEncoder::get(uint32_t place) {
  op(place <= UINT8_MAX ? Op::BinGet : Op::LongBinGet);
  append_place(place);
}

void PickleEncoder::append_place(uint32_t place) {
  if (place <= UINT8_MAX)
    append_little_endian(bytes_, static_cast<uint8_t>(place));
  else
    append_little_endian(bytes_, place);
}

std::string PickleEncoder::finish() {
  op(Op::Stop);
  return std::move(bytes_);
}

}  // namespace unbrine
