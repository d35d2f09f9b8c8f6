#include "formats/numpy/numpy_array.h"

#include <algorithm>

#include "formats/checked.h"
#include "formats/error.h"

namespace unbrine {
namespace {

uint64_t item_size_of(const NumpyArray& array) { return info(array.type.dtype).bits / 8; }

std::vector<uint64_t> stride_of(const NumpyArray& array) {
  std::vector<uint64_t> shape = array.shape;
  if (!array.fortran) return contiguous_stride(shape);
  std::ranges::reverse(shape);
  std::vector<uint64_t> stride = contiguous_stride(shape);
  std::ranges::reverse(stride);
  return stride;
}

// A permutation, or Corrupt.
void check_axes(const NumpyArray& array) {
  std::vector<size_t> sorted = array.axes;
  std::ranges::sort(sorted);
  bool complete = sorted.size() == array.shape.size();
  for (size_t i = 0; complete && i < sorted.size(); ++i) complete = sorted[i] == i;
  if (!complete) fail(ErrorCode::Corrupt, "its order of axes is none of its dimensions");
}

std::vector<uint64_t> permuted(const std::vector<uint64_t>& numbers,
                               const std::vector<size_t>& axes) {
  std::vector<uint64_t> result;
  for (const size_t axis : axes) result.push_back(numbers[axis]);
  return result;
}

Tensor tensor_of(const NumpyArray& array) {
  Tensor tensor;
  tensor.dtype = array.type.dtype;
  tensor.shape = array.shape;
  tensor.stride = stride_of(array);
  if (array.axes.empty()) return tensor;
  check_axes(array);
  tensor.shape = permuted(tensor.shape, array.axes);
  tensor.stride = permuted(tensor.stride, array.axes);
  return tensor;
}

Storage storage_of(const NumpyArray& array) {
  Storage storage;
  storage.name = array.name;
  storage.source = array.bytes.source;
  storage.offset = array.bytes.offset;
  storage.size = array.bytes.size;
  storage.big_endian = array.type.big_endian;
  storage.has_crc = array.crc32.has_value();
  if (storage.has_crc) storage.crc32 = *array.crc32;
  return storage;
}

}  // namespace

uint64_t array_bytes(const std::vector<uint64_t>& shape, uint64_t item_size) {
  uint64_t bytes = item_size;
  uint64_t extent = 1;  // as if no dimension were 0: strides must fit too
  for (const uint64_t size : shape)
    if (!checked_multiply(bytes, size, bytes) ||
        !checked_multiply(extent, std::max<uint64_t>(size, 1), extent))
      fail(ErrorCode::Corrupt, "its shape does not fit 64 bits");
  return bytes;
}

uint32_t add_array(TensorTable& table, const NumpyArray& array) {
  const uint64_t wanted = array_bytes(array.shape, item_size_of(array));
  if (wanted != array.bytes.size)
    fail(ErrorCode::Corrupt, "has ", array.bytes.size, " bytes of data, its shape and dtype need ",
         wanted);
  Tensor tensor = tensor_of(array);
  tensor.storage = table.add_storage(storage_of(array));
  return table.add(std::move(tensor));
}

}  // namespace unbrine
