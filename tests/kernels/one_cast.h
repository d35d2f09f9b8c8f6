// Casts of single elements, given and compared as bits.
#pragma once

#include <bit>
#include <cstring>

#include "kernels/cast.h"

namespace unbrine {

struct Outcome {
  uint64_t bits = 0;
  CastStatistics lost = {};
};

inline Outcome cast(DType from, uint64_t bits, DType to, Overflow overflow = Overflow::Inf) {
  uint8_t source[8];
  std::memcpy(source, &bits, sizeof source);
  uint8_t target[8] = {};
  Outcome outcome;
  cast_elements({from, to, overflow}, ByteSpan(source, info(from).bits / 8),
                MutableByteSpan(target, info(to).bits / 8), outcome.lost);
  std::memcpy(&outcome.bits, target, sizeof target);
  return outcome;
}

inline uint64_t bits_of(double value) { return std::bit_cast<uint64_t>(value); }
inline uint64_t bits_of(float value) { return std::bit_cast<uint32_t>(value); }
inline uint64_t sign_of(DType dtype) { return uint64_t{1} << (info(dtype).bits - 1); }

// What the bits of any castable type mean; exact but for long integers.
inline double value_of(DType dtype, uint64_t bits) {
  return std::bit_cast<double>(cast(dtype, bits, DType::F64).bits);
}

}  // namespace unbrine
