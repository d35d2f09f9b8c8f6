// A CRC is the remainder of the bytes, read as a polynomial over GF(2), modulo P. Appending n bytes
// multiplies that polynomial by x^(8n), so two CRCs combine by one multiplication modulo P.
#include "kernels/crc32.h"

#include <libdeflate.h>

#include "kernels/cpu_features.h"
#include "kernels/crc32_implementations.h"
#include "kernels/crc32_polynomial.h"

namespace unbrine {
namespace {

uint32_t update_by_libdeflate(uint32_t crc, const uint8_t* bytes, size_t size) {
  return libdeflate_crc32(crc, bytes, size);
}

}  // namespace

const Crc32Implementation kCrc32Libdeflate = {"libdeflate", [] { return true; },
                                              update_by_libdeflate};

uint32_t crc32_update(uint32_t crc, ByteSpan bytes) {
  static const Crc32Implementation& fastest = fastest_supported(kCrc32Implementations);
  return bytes.empty() ? crc : fastest.update(crc, bytes.data(), bytes.size());
}

uint32_t crc32_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b) {
  return polynomial_product(polynomial_power(kXToThe8, size_b), crc_a) ^ crc_b;
}

}  // namespace unbrine
