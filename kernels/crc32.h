// CRC-32 as in zip (polynomial 0xEDB88320, reflected), over pieces that may be computed apart.
#pragma once

#include <cstdint>

#include "formats/bytes.h"

namespace unbrine {

// Continues `crc` (0 to start) over `bytes`.
uint32_t crc32_update(uint32_t crc, ByteSpan bytes);

// CRC of A followed by B, from the CRC of each and the length of B in bytes.
uint32_t crc32_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b);

}  // namespace unbrine
