// CRC-32 by folding (Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
// Instruction", Intel 2009), with the instruction that multiplies two or four pairs of 64-bit
// polynomials at once.
//
// Each lane of 128 bits is lo * x^64 + hi: reflected, the low half holds the higher powers. Moving
// it D bits ahead multiplies it by x^D. Its halves are multiplied by x^(D+64) and x^D modulo P
// instead, which leaves the same remainder and fits into 128 bits, and the bytes that stand there
// are added. What is left at the end is a short message that stands for the long one: libdeflate
// does it, together with the bytes behind it.
#if defined(__x86_64__)
#include <immintrin.h>
#include <libdeflate.h>

#include "kernels/crc32_implementations.h"
#include "kernels/crc32_polynomial.h"

#define TARGET_256 __attribute__((target("avx2,vpclmulqdq")))
#define TARGET_512 __attribute__((target("avx512f,vpclmulqdq")))

namespace unbrine {
namespace {

// Four registers, one after the other, hide the time that a multiplication takes.
constexpr size_t kStride256 = 4 * sizeof(__m256i);
constexpr size_t kStride512 = 4 * sizeof(__m512i);
constexpr size_t kWorthwhile = 512;  // bytes; the short message is a good part of fewer
static_assert(kWorthwhile >= kStride512);

// x^n modulo P in the upper half of 64 bits. One power less, because the product of two reflected
// polynomials of 64 bits has 127 bits and so stands one power too high among 128.
constexpr int64_t factor(uint64_t n) {
  return static_cast<int64_t>(uint64_t{polynomial_power(kXToThe1, n - 1)} << 32);
}

// Leaves the short message in `folded` and gives the size of the whole strides it stands for.
using Fold = size_t (*)(uint32_t crc, const uint8_t* bytes, size_t size, uint8_t* folded);

template <Fold fold, size_t kStride>
uint32_t update(uint32_t crc, const uint8_t* bytes, size_t size) {
  if (size < kWorthwhile) return libdeflate_crc32(crc, bytes, size);
  uint8_t folded[kStride];
  const size_t done = fold(crc, bytes, size, folded);
  // The start is already in the message, and libdeflate inverts its own: all ones give zero.
  const uint32_t folded_crc = libdeflate_crc32(0xffff'ffff, folded, kStride);
  return libdeflate_crc32(folded_crc, bytes + done, size - done);
}

TARGET_256 inline __m256i load_256(const uint8_t* bytes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
}

TARGET_256 inline void store_256(uint8_t* bytes, __m256i value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), value);
}

TARGET_256 inline __m256i step_256(__m256i value, __m256i factors, const uint8_t* ahead) {
  const __m256i lo = _mm256_clmulepi64_epi128(value, factors, 0x00);
  const __m256i hi = _mm256_clmulepi64_epi128(value, factors, 0x11);
  return _mm256_xor_si256(_mm256_xor_si256(lo, hi), load_256(ahead));
}

TARGET_256 size_t fold_256(uint32_t crc, const uint8_t* bytes, size_t size, uint8_t* folded) {
  constexpr int64_t kLo = factor(8 * kStride256 + 64);
  constexpr int64_t kHi = factor(8 * kStride256);
  const __m256i factors = _mm256_set_epi64x(kHi, kLo, kHi, kLo);
  __m256i a = _mm256_xor_si256(load_256(bytes), _mm256_set_epi64x(0, 0, 0, uint32_t{~crc}));
  __m256i b = load_256(bytes + 32);
  __m256i c = load_256(bytes + 64);
  __m256i d = load_256(bytes + 96);
  size_t done = kStride256;
  for (; size - done >= kStride256; done += kStride256) {
    a = step_256(a, factors, bytes + done);
    b = step_256(b, factors, bytes + done + 32);
    c = step_256(c, factors, bytes + done + 64);
    d = step_256(d, factors, bytes + done + 96);
  }
  store_256(folded, a);
  store_256(folded + 32, b);
  store_256(folded + 64, c);
  store_256(folded + 96, d);
  return done;
}

TARGET_512 inline __m512i step_512(__m512i value, __m512i factors, const uint8_t* ahead) {
  constexpr int kXorOfThree = 0x96;
  const __m512i lo = _mm512_clmulepi64_epi128(value, factors, 0x00);
  const __m512i hi = _mm512_clmulepi64_epi128(value, factors, 0x11);
  return _mm512_ternarylogic_epi64(lo, hi, _mm512_loadu_si512(ahead), kXorOfThree);
}

TARGET_512 size_t fold_512(uint32_t crc, const uint8_t* bytes, size_t size, uint8_t* folded) {
  constexpr int64_t kLo = factor(8 * kStride512 + 64);
  constexpr int64_t kHi = factor(8 * kStride512);
  const __m512i factors = _mm512_set4_epi64(kHi, kLo, kHi, kLo);
  const __m512i start = _mm512_set_epi64(0, 0, 0, 0, 0, 0, 0, uint32_t{~crc});
  __m512i a = _mm512_xor_si512(_mm512_loadu_si512(bytes), start);
  __m512i b = _mm512_loadu_si512(bytes + 64);
  __m512i c = _mm512_loadu_si512(bytes + 128);
  __m512i d = _mm512_loadu_si512(bytes + 192);
  size_t done = kStride512;
  for (; size - done >= kStride512; done += kStride512) {
    a = step_512(a, factors, bytes + done);
    b = step_512(b, factors, bytes + done + 64);
    c = step_512(c, factors, bytes + done + 128);
    d = step_512(d, factors, bytes + done + 192);
  }
  _mm512_storeu_si512(folded, a);
  _mm512_storeu_si512(folded + 64, b);
  _mm512_storeu_si512(folded + 128, c);
  _mm512_storeu_si512(folded + 192, d);
  return done;
}

bool supports_256() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("vpclmulqdq");
}

bool supports_512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq");
}

}  // namespace

const Crc32Implementation kCrc32Vpclmul256 = {"vpclmul256", supports_256,
                                              update<fold_256, kStride256>};
const Crc32Implementation kCrc32Vpclmul512 = {"vpclmul512", supports_512,
                                              update<fold_512, kStride512>};

}  // namespace unbrine
#endif
