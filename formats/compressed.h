// Whole checkpoints inside gzip, bzip2, xz, lzma or zlib: unpacked once, block by block, then read
// as what they are.
#pragma once

#include "formats/checkpoint.h"

namespace unbrine {

bool looks_like_compressed(const Probe& probe);

// The format of what is inside is named with that of the wrapper: "gzip+torch-zip". Throws Corrupt
// (damaged, truncated, bytes behind the last stream), Limit (more unpacked bytes than allowed), Io
// (no room for them), and what read_content throws.
Content read_compressed(const Probe& probe, Checkpoint& checkpoint);

}  // namespace unbrine
