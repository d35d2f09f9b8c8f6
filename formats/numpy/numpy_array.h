// An array of plain numbers and the bytes that hold it, on its way into the table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/numpy/numpy_dtype.h"
#include "formats/pickle/byte_values.h"
#include "formats/tensor.h"

namespace unbrine {

struct NumpyArray {
  ElementType type;
  std::vector<uint64_t> shape;
  bool fortran = false;                // first index fastest
  ByteRange bytes;                     // exactly as many as shape and type need
  std::string name;                    // of the storage, for messages
  std::vector<size_t> axes = {};       // numpy's transpose(axes) of the array of that shape, if any
  std::optional<uint32_t> crc32 = {};  // of the bytes, where a container records it
};

// Bytes that an array of this shape needs. Throws Corrupt if they do not fit 64 bits.
uint64_t array_bytes(const std::vector<uint64_t>& shape, uint64_t item_size);

// Adds a storage and a tensor; gives the tensor's row. Throws Corrupt if the bytes are too many or
// too few, and what TensorTable::add throws.
uint32_t add_array(TensorTable& table, const NumpyArray& array);

}  // namespace unbrine
