// Whether boxes fill a larger box exactly.
#pragma once

#include <cstdint>
#include <vector>

namespace unbrine {

struct Box {
  std::vector<uint64_t> first;
  std::vector<uint64_t> sizes;
};

// Throws Corrupt if some element of `shape` lies in no box or in two, or a box reaches out of it;
// Unsupported if the boxes are cut along more than a few dimensions. Time and memory grow with the
// number of boxes, not with its square.
void require_tiling(const std::vector<uint64_t>& shape, const std::vector<Box>& boxes);

}  // namespace unbrine
