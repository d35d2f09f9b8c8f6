// What the bits of each element type mean: a codec takes a value apart into a Number, exactly, and
// puts a Number together again with one rounding, to nearest even. A cast is the decode of one
// codec and the encode of another. Integer arithmetic on raw bits only, so that no compiler flag,
// floating environment or device can change a bit.
//
// NaNs keep their sign where the target has signed NaNs. The 16-bit and wider floats keep the top
// of the payload and set the quiet bit, as hardware does; each 8-bit float has one NaN per sign.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/backend.h"
#include "kernels/host_device.h"

namespace unbrine {

enum class NumberKind : uint8_t { Finite, Inf, NaN };

// A finite one is magnitude * 2^exponent with its sign; zero has a sign too. Of a NaN, magnitude is
// the payload: the bits below the exponent, the quiet bit at the top.
struct Number {
  NumberKind kind = NumberKind::Finite;
  bool negative = false;
  uint64_t magnitude = 0;
  int exponent = 0;
};

template <class Bits>
struct Encoded {
  Bits bits;
  bool overflowed = false;  // finite (or infinite, for an integer), but the type cannot hold it
  bool became_nan = false;
};

// Of a number that is not zero.
HD constexpr int highest_bit(uint64_t bits) { return 63 - std::countl_zero(bits); }
static_assert(highest_bit(1) == 0 && highest_bit(0xff) == 7 && highest_bit(~uint64_t{0}) == 63);

// magnitude / 2^shift, to nearest even. A negative shift multiplies; what it moves out is lost.
HD constexpr uint64_t round_shift(uint64_t magnitude, int shift) {
  if (shift <= 0) return magnitude << -shift;
  if (shift > 64) return 0;  // less than half of the unit
  const uint64_t kept = shift == 64 ? 0 : magnitude >> shift;
  const uint64_t half = uint64_t{1} << (shift - 1);
  const uint64_t dropped = magnitude & (half | (half - 1));
  return kept + (dropped + (kept & 1) > half ? 1 : 0);  // a tie is enough for an odd one
}
static_assert(round_shift(5, 1) == 2 && round_shift(7, 1) == 4 && round_shift(9, 3) == 1);
static_assert(round_shift(uint64_t{1} << 63, 64) == 0 && round_shift(~uint64_t{0}, 64) == 1);

// What the highest exponent of a float is used for.
enum class Specials : uint8_t {
  Ieee,        // infinities and NaNs
  NanOnly,     // numbers; all ones is NaN ("FN")
  NanAtMinus,  // numbers; the only NaN is where -0 would be, and the bias is one more ("FNUZ")
};

template <class BitsT, int kExponentBits, int kMantissaBits, Specials kSpecials = Specials::Ieee>
struct FloatCodec {
  using Bits = BitsT;
  static constexpr bool kIsFloat = true;
  static_assert(1 + kExponentBits + kMantissaBits == std::numeric_limits<Bits>::digits);
  static constexpr bool kHasInf = kSpecials == Specials::Ieee;
  static constexpr int kBias = (1 << (kExponentBits - 1)) - (kSpecials != Specials::NanAtMinus);
  static constexpr int kUnit = 1 - kBias - kMantissaBits;  // exponent of the smallest subnormal
  static constexpr uint64_t kSign = uint64_t{1} << (kExponentBits + kMantissaBits);
  static constexpr uint64_t kOne = uint64_t{1} << kMantissaBits;  // the bit that is not written
  static constexpr uint64_t kInf = kSign - kOne;                  // where there is one
  static constexpr uint64_t kLargest = kSpecials == Specials::Ieee      ? kInf - 1
                                       : kSpecials == Specials::NanOnly ? kSign - 2
                                                                        : kSign - 1;
  static constexpr int kPrecision = kMantissaBits + 1;
  static constexpr int kHighest = static_cast<int>(kLargest >> kMantissaBits) - kBias;

  HD static constexpr Number decode(Bits bits) {
    const bool negative = (bits & kSign) != 0;
    const uint64_t rest = bits & (kSign - 1);
    if (kSpecials == Specials::NanAtMinus && bits == kSign) return {NumberKind::NaN};
    if (kHasInf && rest == kInf) return {NumberKind::Inf, negative};
    const uint64_t mantissa = rest & (kOne - 1);
    if (rest > kLargest) return {NumberKind::NaN, negative, mantissa << (64 - kMantissaBits)};
    if (rest < kOne) return {NumberKind::Finite, negative, mantissa, kUnit};
    const int exponent = static_cast<int>(rest >> kMantissaBits);
    return {NumberKind::Finite, negative, mantissa | kOne, kUnit + exponent - 1};
  }

  HD static constexpr Encoded<Bits> encode(const Number& number, Overflow overflow) {
    if (number.kind == NumberKind::NaN) return {nan(number)};
    if (number.kind == NumberKind::Inf) return {infinite(number), false, !kHasInf};
    const uint64_t rest = rounded(number);
    if (rest <= kLargest) return {with_sign(number, rest)};
    if (overflow == Overflow::Saturate) return {with_sign(number, kLargest), true};
    return {infinite(number), true, !kHasInf};
  }

 private:
  // All but the sign; above kLargest if the rounded value is too large. The mantissa may carry into
  // the exponent: that is then the next power of two, as it should be.
  HD static constexpr uint64_t rounded(const Number& number) {
    if (number.magnitude == 0) return 0;
    const int highest = highest_bit(number.magnitude) + number.exponent - kMantissaBits;
    if (highest <= kUnit) return round_shift(number.magnitude, kUnit - number.exponent);
    const uint64_t mantissa = round_shift(number.magnitude, highest - number.exponent);
    return (static_cast<uint64_t>(highest - kUnit) << kMantissaBits) + mantissa;
  }

  HD static constexpr Bits with_sign(const Number& number, uint64_t rest) {
    if (kSpecials == Specials::NanAtMinus && rest == 0) return 0;
    return static_cast<Bits>(rest | number.negative * kSign);  // no branch: signs are random
  }

  HD static constexpr Bits infinite(const Number& number) {
    return kHasInf ? with_sign(number, kInf) : nan(Number{NumberKind::NaN, number.negative});
  }

  HD static constexpr Bits nan(const Number& number) {
    if (kSpecials == Specials::NanAtMinus) return static_cast<Bits>(kSign);
    if (sizeof(Bits) == 1) return with_sign(number, kSign - 1);
    return with_sign(number, kInf | kOne >> 1 | number.magnitude >> (64 - kMantissaBits));
  }
};

// A power of two and nothing else: the scales of blocks. Read only: it has neither zero nor sign,
// so hardly any tensor could be written as it.
struct PowerCodec {
  using Bits = uint8_t;
  static constexpr bool kIsFloat = true;
  static constexpr bool kHasInf = false;
  static constexpr int kUnit = -127;
  static constexpr int kPrecision = 1;
  static constexpr int kHighest = 127;

  HD static constexpr Number decode(Bits bits) {
    if (bits == 0xff) return {NumberKind::NaN};
    return {NumberKind::Finite, false, 1, kUnit + bits};
  }
};

// Rounds toward zero; what is out of range becomes the nearest number in it, and NaN becomes 0.
template <class Int>
struct IntegerCodec {
  using Bits = std::make_unsigned_t<Int>;
  static constexpr bool kIsFloat = false;
  static constexpr int kDigits = std::numeric_limits<Int>::digits;
  static constexpr bool kSigned = std::is_signed_v<Int>;
  static constexpr Bits kHighest = std::numeric_limits<Int>::max();

  HD static constexpr Number decode(Bits bits) {
    const bool negative = bits > kHighest;
    const Bits magnitude = negative ? static_cast<Bits>(0 - bits) : bits;
    return {NumberKind::Finite, negative, magnitude, 0};
  }

  HD static constexpr Encoded<Bits> encode(const Number& number, Overflow) {
    if (number.kind == NumberKind::NaN) return {0, false, true};
    constexpr uint64_t kLowest = kSigned ? uint64_t{kHighest} + 1 : 0;  // its magnitude
    const uint64_t bound = number.negative ? kLowest : kHighest;
    const bool overflowed = is_beyond(number, bound);
    const uint64_t magnitude = overflowed ? bound : truncated(number);
    return {static_cast<Bits>(number.negative ? 0 - magnitude : magnitude), overflowed};
  }

 private:
  HD static constexpr bool is_beyond(const Number& number, uint64_t bound) {
    if (number.kind == NumberKind::Inf) return true;
    if (number.magnitude == 0) return false;
    return highest_bit(number.magnitude) + number.exponent >= 64 || truncated(number) > bound;
  }

  HD static constexpr uint64_t truncated(const Number& number) {
    if (number.exponent >= 0) return number.exponent < 64 ? number.magnitude << number.exponent : 0;
    return number.exponent > -64 ? number.magnitude >> -number.exponent : 0;
  }
};

// Any byte but 0 is true, and so is any value, NaN among them. Nothing is out of its range.
struct BoolCodec {
  using Bits = uint8_t;
  static constexpr bool kIsFloat = false;
  static constexpr int kDigits = 1;
  static constexpr bool kSigned = false;

  HD static constexpr Number decode(Bits bits) {
    return {NumberKind::Finite, false, bits != 0 ? uint64_t{1} : 0, 0};
  }
  HD static constexpr Encoded<Bits> encode(const Number& number, Overflow) {
    return {number.kind != NumberKind::Finite || number.magnitude != 0 ? Bits{1} : Bits{0}};
  }
};

// One row per dtype that takes part in casts.
template <DType kDType>
struct CodecOf;
// clang-format off
template <> struct CodecOf<DType::F64> : FloatCodec<uint64_t, 11, 52> {};
template <> struct CodecOf<DType::F32> : FloatCodec<uint32_t, 8, 23> {};
template <> struct CodecOf<DType::F16> : FloatCodec<uint16_t, 5, 10> {};
template <> struct CodecOf<DType::BF16> : FloatCodec<uint16_t, 8, 7> {};
template <> struct CodecOf<DType::F8E5M2> : FloatCodec<uint8_t, 5, 2> {};
template <> struct CodecOf<DType::F8E4M3FN> : FloatCodec<uint8_t, 4, 3, Specials::NanOnly> {};
template <> struct CodecOf<DType::F8E5M2FNUZ> : FloatCodec<uint8_t, 5, 2, Specials::NanAtMinus> {};
template <> struct CodecOf<DType::F8E4M3FNUZ> : FloatCodec<uint8_t, 4, 3, Specials::NanAtMinus> {};
template <> struct CodecOf<DType::F8E8M0> : PowerCodec {};
template <> struct CodecOf<DType::I64> : IntegerCodec<int64_t> {};
template <> struct CodecOf<DType::I32> : IntegerCodec<int32_t> {};
template <> struct CodecOf<DType::I16> : IntegerCodec<int16_t> {};
template <> struct CodecOf<DType::I8> : IntegerCodec<int8_t> {};
template <> struct CodecOf<DType::U64> : IntegerCodec<uint64_t> {};
template <> struct CodecOf<DType::U32> : IntegerCodec<uint32_t> {};
template <> struct CodecOf<DType::U16> : IntegerCodec<uint16_t> {};
template <> struct CodecOf<DType::U8> : IntegerCodec<uint8_t> {};
template <> struct CodecOf<DType::Bool> : BoolCodec {};
// clang-format on

}  // namespace unbrine
