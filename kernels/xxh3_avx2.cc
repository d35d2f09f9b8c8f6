// xxhash.h compiled for AVX2, whatever the rest of the build is compiled for. There is no row for
// AVX-512: on Zen 4 it was not measurably faster than this.
//
// Only C headers: an inline function of the standard library, compiled here for AVX2, could be the
// copy that the linker keeps for the whole program. They come first, so that what they define stays
// outside the pragma.
#if defined(__x86_64__)
#include <immintrin.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/xxh3_implementations.h"

namespace unbrine {
namespace {

bool supported() { return __builtin_cpu_supports("avx2"); }

}  // namespace
}  // namespace unbrine

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

#define XXH_INLINE_ALL
#define XXH_VECTOR XXH_AVX2
#include <xxhash.h>

namespace unbrine {
namespace {

void update(void* state, const uint8_t* bytes, size_t size) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state), bytes, size);
}

}  // namespace
}  // namespace unbrine

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace unbrine {

const Xxh3Implementation kXxh3Avx2 = {"avx2", supported, update};

}  // namespace unbrine
#endif
