// A tensor that is kept in parts: the table gets one storage that puts them together.
#pragma once

#include <string>
#include <vector>

#include "formats/tensor.h"

namespace unbrine {

struct TensorPart {
  Tensor view;                  // of a storage of the table
  std::vector<uint64_t> first;  // where its first element goes
};

// Adds a storage for the whole and gives a view of it, which is not in the table yet. The parts
// must be of `dtype`, and lie in memory in one order of dimensions. Throws Corrupt (gaps, overlaps,
// another dtype), Unsupported (parts with gaps between their elements, mixed byte orders).
Tensor assemble(TensorTable& table, const std::string& name, DType dtype,
                const std::vector<uint64_t>& shape, const std::vector<TensorPart>& parts);

}  // namespace unbrine
