// One-dimensional tensors laid end to end, as ZeRO lays parameters before it cuts them into
// partitions.
#pragma once

#include <string>
#include <vector>

#include "formats/folder/assembled.h"

namespace unbrine {

class FlatPartition {
 public:
  // `rows` are tensors of the table. Throws Corrupt unless each has one dimension.
  FlatPartition(const TensorTable& table, const std::vector<uint32_t>& rows);

  uint64_t size() const { return ends_.empty() ? 0 : ends_.back(); }  // elements
  const std::vector<uint64_t>& ends() const { return ends_; }         // of each tensor

  // Views that together are elements [begin, begin + count), which the first of them puts at
  // `place` of a larger tensor. Throws Corrupt if there are not so many.
  std::vector<TensorPart> slice(uint64_t begin, uint64_t count, uint64_t place) const;

 private:
  std::vector<Tensor> tensors_;
  std::vector<uint64_t> ends_;
};

// A tensor of `shape` that is the parts one after the other. One part alone is viewed where it is.
// It is not in the table yet. Throws Corrupt unless they have just as many elements.
Tensor join_flat(TensorTable& table, const std::string& name, const std::vector<uint64_t>& shape,
                 const std::vector<TensorPart>& parts);

// Elements of a tensor of this shape. Throws Corrupt if they do not fit 64 bits.
uint64_t checked_elements(const std::vector<uint64_t>& shape);

}  // namespace unbrine
