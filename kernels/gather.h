// A strided view becomes row-major: element i of the target is found in the source by writing i in
// the mixed base of the dimensions. Steps may be 0 (expanded views) or overlap.
#pragma once

#include <span>
#include <vector>

#include "kernels/backend.h"
#include "kernels/host_device.h"

namespace unbrine {

// Bytes from the start of the view to its element `index`, counted row-major. No count may be 0.
HD constexpr uint64_t gather_offset(uint64_t index, const GatherDim* dims, uint64_t rank) {
  uint64_t offset = 0;
  for (uint64_t i = rank; i-- > 0;) {
    offset += index % dims[i].count * dims[i].stride;
    index /= dims[i].count;
  }
  return offset;
}

// The same view with as few dimensions as possible: those of one element dropped, neighbours that
// step evenly through each other joined. A row-major view has one dimension, a scalar none.
std::vector<GatherDim> joined_dims(std::span<const GatherDim> dims);

// Copies the view to `target` on the CPU. item_size is 1, 2, 4, 8 or 16. Bytes of source and target
// must not overlap.
void gather(std::span<const GatherDim> dims, uint32_t item_size, const uint8_t* source,
            uint8_t* target);

}  // namespace unbrine
