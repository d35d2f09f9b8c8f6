// The ways to compute the CRC of crc32.h, from the slowest to the fastest. All give equal results.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace unbrine {

struct Crc32Implementation {
  const char* name;
  bool (*supported)();
  uint32_t (*update)(uint32_t crc, const uint8_t* bytes, size_t size);
};

extern const Crc32Implementation kCrc32Libdeflate;
#if defined(__x86_64__)
extern const Crc32Implementation kCrc32Vpclmul256;
extern const Crc32Implementation kCrc32Vpclmul512;
#endif

inline constexpr const Crc32Implementation* kCrc32Implementations[] = {
    &kCrc32Libdeflate,
#if defined(__x86_64__)
    &kCrc32Vpclmul256,
    &kCrc32Vpclmul512,
#endif
};

}  // namespace unbrine
