// Casts between the element types: one definition for each pair, made of two codecs, that any
// backend can take.
//
// Floats are rounded once, to nearest even, and to integers toward zero. Values in range come out
// as torch's; where torch rounds twice (F64 and wide integers to 16- and 8-bit floats go by way of
// F32 there), they come out as the one rounding of the exact value.
#pragma once

#include <bit>
#include <type_traits>

#include "kernels/backend.h"
#include "kernels/codec.h"
#include "kernels/host_device.h"

namespace unbrine {

// True if the pair can lose nothing, so that there is nothing to count.
template <class From, class To>
HD constexpr bool keeps_every_value() {
  if constexpr (To::kIsFloat && From::kIsFloat)
    return To::kPrecision >= From::kPrecision && To::kUnit <= From::kUnit &&
           To::kHighest >= From::kHighest && (To::kHasInf || !From::kHasInf);
  else if constexpr (To::kIsFloat)
    return To::kPrecision >= From::kDigits && To::kHighest >= From::kDigits;
  else if constexpr (From::kIsFloat)
    return false;
  else
    return To::kDigits >= From::kDigits && (To::kSigned || !From::kSigned);
}

// Without the sign, of a finite number. Exact, but for integers of more than 53 bits, which are
// rounded to nearest even.
HD constexpr double size_of(const Number& number) {
  if (number.exponent < -1022)  // 2^exponent would be subnormal, which a device may flush
    return std::bit_cast<double>(
        CodecOf<DType::F64>::encode({.magnitude = number.magnitude, .exponent = number.exponent},
                                    Overflow::Inf)
            .bits);
  const double power = std::bit_cast<double>(static_cast<uint64_t>(1023 + number.exponent) << 52);
  return static_cast<double>(number.magnitude) * power;
}

// Its sign is as good as random, so there must be no branch on it.
HD constexpr double without_sign(double value) {
  return std::bit_cast<double>(std::bit_cast<uint64_t>(value) & ~(uint64_t{1} << 63));
}

// No cast makes a number of the other sign, so the sizes tell the error. The product in size_of is
// exact, so a compiler that contracts it with the subtraction changes nothing.
HD constexpr void note_error(const Number& before, const Number& after,
                             CastStatistics& statistics) {
  if (before.kind != NumberKind::Finite || after.kind != NumberKind::Finite) return;
  const double source = size_of(before);
  const double error = without_sign(size_of(after) - source);
  if (error == 0) return;
  if (error > statistics.max_abs_error) statistics.max_abs_error = error;
  if (source != 0 && error / source > statistics.max_rel_error)
    statistics.max_rel_error = error / source;
}

// One element; what is lost is added to `statistics`. Every value is a truth value, so a cast to
// Bool loses nothing. A float cast to its own type stays what it is, even a signalling NaN.
template <class From, class To>
HD constexpr typename To::Bits cast_element(typename From::Bits bits, Overflow overflow,
                                            CastStatistics& statistics) {
  if constexpr (std::is_same_v<From, To> && From::kIsFloat) return bits;
  const Number before = From::decode(bits);
  const Encoded<typename To::Bits> after = To::encode(before, overflow);
  if constexpr (!keeps_every_value<From, To>() && !std::is_base_of_v<BoolCodec, To>) {
    statistics.overflowed += after.overflowed;
    statistics.became_nan += after.became_nan;
    note_error(before, To::decode(after.bits), statistics);
  }
  return after.bits;
}

// Casts every element of `target`, which must not overlap `source`. Throws Unsupported if there is
// no such cast.
void cast_elements(const Cast& cast, ByteSpan source, MutableByteSpan target,
                   CastStatistics& statistics);

}  // namespace unbrine
