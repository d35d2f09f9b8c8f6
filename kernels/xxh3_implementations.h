// The ways to take bytes into an XXH3 state, from the slowest to the fastest. All leave equal
// states, and what is done once per chunk (reset, digest) need not be fast.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace unbrine {

struct Xxh3Implementation {
  const char* name;
  bool (*supported)();
  void (*update)(void* state, const uint8_t* bytes, size_t size);  // state: an XXH3_state_t
};

extern const Xxh3Implementation kXxh3Portable;
#if defined(__x86_64__)
extern const Xxh3Implementation kXxh3Avx2;
#endif

inline constexpr const Xxh3Implementation* kXxh3Implementations[] = {
    &kXxh3Portable,
#if defined(__x86_64__)
    &kXxh3Avx2,
#endif
};

}  // namespace unbrine
