// A CRC is the remainder of the bytes, read as a polynomial over GF(2), modulo P. Appending n bytes
// multiplies that polynomial by x^(8n), so two CRCs combine by one multiplication modulo P.
#include "kernels/crc32.h"

#include <libdeflate.h>

namespace unbrine {
namespace {

// Reflected: the top bit is the coefficient of x^0.
constexpr uint32_t kPolynomial = 0xedb8'8320;
constexpr uint32_t kOne = 0x8000'0000;
constexpr uint32_t kXToThe8 = kOne >> 8;

constexpr uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = kOne; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = b >> 1 ^ ((b & 1) != 0 ? kPolynomial : 0);  // b times x
  }
  return product;
}

constexpr uint32_t x_to_the_8n(uint64_t n) {
  uint32_t power = kOne;
  for (uint32_t square = kXToThe8; n != 0; n >>= 1, square = multiply(square, square))
    if ((n & 1) != 0) power = multiply(power, square);
  return power;
}

}  // namespace

uint32_t crc32_update(uint32_t crc, ByteSpan bytes) {
  // libdeflate takes a null pointer as a wish to start anew.
  return bytes.empty() ? crc : libdeflate_crc32(crc, bytes.data(), bytes.size());
}

uint32_t crc32_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b) {
  return multiply(x_to_the_8n(size_b), crc_a) ^ crc_b;
}

}  // namespace unbrine
