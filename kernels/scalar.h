// What may have to be done to one number while it is carried, as functors on raw bits: no compiler
// flag and no device can round, normalise or trap on the way. Every backend uses these.
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/host_device.h"

namespace unbrine {

// Shifts and masks, not an intrinsic: they vectorise, and mean the same on a device.
template <class Unit>
struct SwapBytes {
  HD constexpr Unit operator()(Unit bits) const {
    if constexpr (sizeof(Unit) == 8) {
      bits = bits >> 32 | bits << 32;
      bits = (bits >> 16 & 0x0000'ffff'0000'ffff) | (bits & 0x0000'ffff'0000'ffff) << 16;
      return (bits >> 8 & 0x00ff'00ff'00ff'00ff) | (bits & 0x00ff'00ff'00ff'00ff) << 8;
    } else if constexpr (sizeof(Unit) == 4) {
      bits = bits >> 16 | bits << 16;
      return (bits >> 8 & 0x00ff'00ff) | (bits & 0x00ff'00ff) << 8;
    } else if constexpr (sizeof(Unit) == 2) {
      return static_cast<Unit>(bits >> 8 | bits << 8);
    } else {
      return bits;
    }
  }
};
static_assert(SwapBytes<uint16_t>{}(0x0102) == 0x0201);
static_assert(SwapBytes<uint32_t>{}(0x01020304) == 0x04030201);
static_assert(SwapBytes<uint64_t>{}(0x0102030405060708) == 0x0807060504030201);

// Flips the top bit: exact for every value, zeros, infinities and NaNs among them.
template <class Unit>
struct NegateFloat {
  HD constexpr Unit operator()(Unit bits) const {
    return static_cast<Unit>(bits ^ Unit{1} << (std::numeric_limits<Unit>::digits - 1));
  }
};
static_assert(NegateFloat<uint32_t>{}(0x3f80'0000) == 0xbf80'0000);
static_assert(NegateFloat<uint16_t>{}(0x8000) == 0);

// Two's complement; the lowest number stays what it is, as in torch.
template <class Unit>
struct NegateInteger {
  HD constexpr Unit operator()(Unit bits) const { return static_cast<Unit>(0 - bits); }
};
static_assert(NegateInteger<uint8_t>{}(1) == 0xff);
static_assert(NegateInteger<uint16_t>{}(0x8000) == 0x8000);

// A bool may be stored as any byte; readers of the output may rely on 0 and 1.
struct NormalizeBool {
  HD constexpr uint8_t operator()(uint8_t bits) const { return bits != 0 ? 1 : 0; }
};
static_assert(NormalizeBool{}(2) == 1);

}  // namespace unbrine
