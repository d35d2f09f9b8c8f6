// Polynomials over GF(2) modulo that of zip's CRC-32, reflected: the top bit is the coefficient of
// x^0, so a shift to the right multiplies by x.
#pragma once

#include <stdint.h>

namespace unbrine {

inline constexpr uint32_t kCrc32Polynomial = 0xedb8'8320;  // without its x^32
inline constexpr uint32_t kXToThe0 = 0x8000'0000;
inline constexpr uint32_t kXToThe1 = kXToThe0 >> 1;
inline constexpr uint32_t kXToThe8 = kXToThe0 >> 8;

constexpr uint32_t polynomial_product(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = kXToThe0; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = b >> 1 ^ ((b & 1) != 0 ? kCrc32Polynomial : 0);  // b times x
  }
  return product;
}

constexpr uint32_t polynomial_power(uint32_t base, uint64_t exponent) {
  uint32_t power = kXToThe0;
  for (; exponent != 0; exponent >>= 1, base = polynomial_product(base, base))
    if ((exponent & 1) != 0) power = polynomial_product(power, base);
  return power;
}
static_assert(polynomial_power(kXToThe1, 8) == kXToThe8);
static_assert(polynomial_power(kXToThe1, 32) == kCrc32Polynomial);

}  // namespace unbrine
