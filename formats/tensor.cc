#include "formats/tensor.h"

#include <algorithm>
#include <numeric>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

bool has_no_elements(const Tensor& tensor) { return std::ranges::count(tensor.shape, 0u) != 0; }

std::string shape_text(const std::vector<uint64_t>& sizes) {
  std::string text = "(";
  for (const uint64_t size : sizes) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + ")";
}

[[noreturn]] void fail_too_large(const Tensor& tensor) {
  fail(ErrorCode::Corrupt, "shape ", shape_text(tensor.shape), " with stride ",
       shape_text(tensor.stride), " at ", tensor.offset, ": the size does not fit 64 bits");
}

// Elements from the start of the storage to just past the last one that the view touches.
uint64_t elements_reached(const Tensor& tensor) {
  uint64_t reached = tensor.offset;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    uint64_t step = 0;
    if (!checked_multiply(tensor.shape[i] - 1, tensor.stride[i], step) ||
        !checked_add(reached, step, reached))
      fail_too_large(tensor);
  }
  if (!checked_add(reached, 1, reached)) fail_too_large(tensor);
  return reached;
}

uint64_t bits_of(const Tensor& tensor, uint64_t elements) {
  uint64_t bits = 0;
  if (!checked_multiply(elements, info(tensor.dtype).bits, bits)) fail_too_large(tensor);
  return bits;
}

uint64_t checked_element_count(const Tensor& tensor) {
  uint64_t count = 1;
  for (const uint64_t size : tensor.shape)
    if (!checked_multiply(count, size, count)) fail_too_large(tensor);
  return count;
}

}  // namespace

uint64_t element_count(const Tensor& tensor) {
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(), uint64_t{1},
                         std::multiplies<>());
}

uint64_t byte_count(const Tensor& tensor) {
  return element_count(tensor) * info(tensor.dtype).bits / 8;
}

uint64_t byte_count(DType dtype, const std::vector<uint64_t>& shape) {
  uint64_t bits = info(dtype).bits;
  uint64_t count = 1;
  bool fits = true;
  for (const uint64_t size : shape) fits = fits && checked_multiply(count, size, count);
  if (!fits || !checked_multiply(count, bits, bits))
    fail(ErrorCode::Corrupt, "the size of its shape does not fit 64 bits");
  if (bits % 8 != 0) fail(ErrorCode::Corrupt, "its ", bits, " bits are not whole bytes");
  return bits / 8;
}

uint64_t first_byte(const Tensor& tensor) {
  return has_no_elements(tensor) ? 0 : tensor.offset * info(tensor.dtype).bits / 8;
}

bool is_contiguous(const Tensor& tensor) {
  uint64_t expected = 1;
  for (size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.stride[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

std::vector<uint64_t> contiguous_stride(const std::vector<uint64_t>& shape) {
  std::vector<uint64_t> stride(shape.size());
  uint64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    stride[i] = step;
    step *= std::max<uint64_t>(shape[i], 1);
  }
  return stride;
}

TensorTable::TensorTable(const Limits& limits)
    : limits_(limits), output_budget_(limits.free_output_bytes) {}

void TensorTable::add_input(uint64_t bytes) {
  if (!checked_add(input_bytes_, bytes, input_bytes_)) input_bytes_ = UINT64_MAX;
  uint64_t expanded = 0;
  if (!checked_multiply(input_bytes_, limits_.max_output_ratio, expanded)) expanded = UINT64_MAX;
  output_budget_ = std::max(expanded, limits_.free_output_bytes);
}

uint32_t TensorTable::add_storage(Storage storage) {
  const uint64_t available = storage.source->size();
  if (storage.offset > available || storage.size > available - storage.offset)
    fail(ErrorCode::Corrupt, "storage ", quoted(storage.name), ": needs ", storage.size,
         " bytes at byte ", storage.offset, " of a file of ", available);
  storages_.push_back(std::move(storage));
  swap_units_.push_back(0);
  return static_cast<uint32_t>(storages_.size() - 1);
}

uint32_t TensorTable::add(Tensor tensor) {
  check_limit("tensors:", tensors_.size() + 1, "max_tensors", limits_.max_tensors);
  check_limit("dimensions:", tensor.shape.size(), "max_rank", limits_.max_rank);
  if (tensor.storage >= storages_.size()) fail(ErrorCode::Corrupt, "tensor without a storage");
  check_geometry(tensor);
  check_byte_order(tensor);
  check_budget(tensor);
  tensors_.push_back(std::move(tensor));
  return static_cast<uint32_t>(tensors_.size() - 1);
}

void TensorTable::check_geometry(const Tensor& tensor) const {
  if (tensor.shape.size() != tensor.stride.size())
    fail(ErrorCode::Corrupt, "shape ", shape_text(tensor.shape), " and stride ",
         shape_text(tensor.stride), " differ in length");
  const uint64_t written = bits_of(tensor, checked_element_count(tensor));
  if (written % 8 != 0)
    fail(ErrorCode::Corrupt, "shape ", shape_text(tensor.shape), ": ", written,
         " bits are not whole bytes");
  if (has_no_elements(tensor)) return;  // nothing is read, so offset and stride say nothing
  const bool narrow = info(tensor.dtype).bits < 8;
  if (narrow && (tensor.offset != 0 || !is_contiguous(tensor)))
    fail(ErrorCode::Corrupt, "a strided view of elements narrower than a byte");
  const Storage& storage = storage_of(tensor);
  const uint64_t needed = (bits_of(tensor, elements_reached(tensor)) + 7) / 8;
  if (needed > storage.size)
    fail(ErrorCode::Corrupt, "shape ", shape_text(tensor.shape), " with stride ",
         shape_text(tensor.stride), " at ", tensor.offset, ": needs ", needed, " bytes of storage ",
         quoted(storage.name), ", which has ", storage.size);
}

// torch swaps a whole storage by the element size of its first user, so two sizes in one
// big-endian storage have no meaning that a reader could agree on.
void TensorTable::check_byte_order(const Tensor& tensor) {
  if (!storage_of(tensor).big_endian) return;
  uint8_t& unit = swap_units_[tensor.storage];
  const uint8_t wanted = info(tensor.dtype).swap_unit;
  if (unit != 0 && unit != wanted)
    fail(ErrorCode::Unsupported, "big-endian storage ", quoted(storage_of(tensor).name),
         " is viewed with elements of ", static_cast<int>(unit), " and of ",
         static_cast<int>(wanted), " bytes");
  unit = wanted;
}

void TensorTable::check_budget(const Tensor& tensor) {
  const uint64_t bytes = byte_count(tensor);
  if (!checked_add(output_bytes_, bytes, output_bytes_)) output_bytes_ = UINT64_MAX;
  check_limit("output bytes:", output_bytes_, "free_output_bytes", output_budget_);
}

}  // namespace unbrine
