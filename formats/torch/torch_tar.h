// torch.save of torch 0.1: a tar of four members.
//
//   sys_info   a dict
//   storages   pickle of a count; for each: pickle of (key, location, class), int64 elements, raw
//              elements; then a pickle of [(view key, root key, offset, elements), ...]
//   tensors    pickle of a count; for each: pickle of (key, storage key, class), int32 dimensions,
//              4 bytes of nothing, int64 sizes, int64 strides, int64 offset in elements
//   pickle     the object; a persistent id is the key of a tensor or storage in decimal, or the
//              tuple (class, source file, source text)
#pragma once

#include "formats/archive/archive.h"
#include "formats/checkpoint.h"

namespace unbrine {

bool is_torch_tar(const Archive& archive);

// Throws Corrupt, Unsupported, Limit.
Content read_torch_tar(const Archive& archive, Checkpoint& checkpoint);

}  // namespace unbrine
