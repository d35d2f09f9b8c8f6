#include "formats/folder/flat_partition.h"

#include <algorithm>

#include "formats/checked.h"
#include "formats/error.h"

namespace unbrine {

FlatPartition::FlatPartition(const TensorTable& table, const std::vector<uint32_t>& rows) {
  for (const uint32_t row : rows) {
    const Tensor& tensor = table.tensors()[row];
    if (tensor.shape.size() != 1)
      fail(ErrorCode::Corrupt, "a partition has ", tensor.shape.size(), " dimensions, expected 1");
    uint64_t end = 0;
    if (!checked_add(size(), tensor.shape[0], end))
      fail(ErrorCode::Corrupt, "its partitions do not fit 64 bits");
    tensors_.push_back(tensor);
    ends_.push_back(end);
  }
}

std::vector<TensorPart> FlatPartition::slice(uint64_t begin, uint64_t count, uint64_t place) const {
  if (begin > size() || count > size() - begin)
    fail(ErrorCode::Corrupt, "needs elements ", begin, " to ", begin + count, " of a partition of ",
         size());
  std::vector<TensorPart> parts;
  const auto first = std::ranges::upper_bound(ends_, begin);
  for (auto i = static_cast<size_t>(first - ends_.begin()); count != 0; ++i) {
    TensorPart part{tensors_[i], {place}};
    const uint64_t skipped = begin - (i == 0 ? 0 : ends_[i - 1]);
    const uint64_t taken = std::min(count, ends_[i] - begin);
    part.view.offset += skipped * part.view.stride[0];
    part.view.shape[0] = taken;
    if (taken != 0) parts.push_back(std::move(part));
    begin += taken;
    place += taken;
    count -= taken;
  }
  return parts;
}

Tensor join_flat(TensorTable& table, const std::string& name, const std::vector<uint64_t>& shape,
                 const std::vector<TensorPart>& parts) {
  const uint64_t count = checked_elements(shape);
  if (count != 0 && parts.empty()) fail(ErrorCode::Corrupt, "has no parts");
  const bool one =
      parts.size() == 1 && parts[0].view.shape[0] == count && is_contiguous(parts[0].view);
  const DType dtype = parts.empty() ? DType::F32 : parts[0].view.dtype;
  Tensor tensor = one ? parts[0].view : assemble(table, name, dtype, {count}, parts);
  tensor.shape = shape;
  tensor.stride = contiguous_stride(shape);
  return tensor;
}

uint64_t checked_elements(const std::vector<uint64_t>& shape) {
  uint64_t count = 1;
  for (const uint64_t size : shape)
    if (!checked_multiply(count, size, count))
      fail(ErrorCode::Corrupt, "the size of its shape does not fit 64 bits");
  return count;
}

}  // namespace unbrine
