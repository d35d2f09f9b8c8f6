// Arithmetic on sizes that come from a file: nothing wraps.
#pragma once

#include <cstdint>

namespace unbrine {

// Each returns false, and leaves `result` unspecified, when the true result needs more than 64
// bits.
[[nodiscard]] inline bool checked_add(uint64_t a, uint64_t b, uint64_t& result) {
  return !__builtin_add_overflow(a, b, &result);
}

[[nodiscard]] inline bool checked_multiply(uint64_t a, uint64_t b, uint64_t& result) {
  return !__builtin_mul_overflow(a, b, &result);
}

}  // namespace unbrine
