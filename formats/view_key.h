// Which tensors are aliases of each other: the same elements, read in the same way.
#pragma once

#include <tuple>
#include <vector>

#include "formats/tensor.h"

namespace unbrine {

// Ordered; equal for aliases. Pointers in it: good for looking up, not for an order of output.
using ViewKey = std::tuple<const Source*, uint64_t, DType, std::vector<uint64_t>,
                           std::vector<uint64_t>, bool, bool>;

inline ViewKey view_key(const TensorTable& table, const Tensor& tensor) {
  const Storage& storage = table.storage_of(tensor);
  return {storage.source.get(),
          storage.offset + first_byte(tensor),
          tensor.dtype,
          tensor.shape,
          tensor.stride,
          tensor.conj,
          tensor.neg};
}

}  // namespace unbrine
