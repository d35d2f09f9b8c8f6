#include "formats/folder/assembled.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "formats/error.h"
#include "formats/folder/mosaic_source.h"

namespace unbrine {
namespace {

using Order = std::vector<size_t>;  // of dimensions, the slowest first

std::vector<uint64_t> reordered(const std::vector<uint64_t>& numbers, const Order& order) {
  std::vector<uint64_t> result;
  for (const size_t dim : order) result.push_back(numbers[dim]);
  return result;
}

bool lies_in_order(const Tensor& view, const Order& order) {
  return is_contiguous({.dtype = view.dtype,
                        .shape = reordered(view.shape, order),
                        .stride = reordered(view.stride, order)});
}

bool all_lie_in_order(const std::vector<TensorPart>& parts, const Order& order) {
  return std::ranges::all_of(
      parts, [&](const TensorPart& part) { return lies_in_order(part.view, order); });
}

// Row-major if that fits all parts, else as the largest part has it: shards of a transposed or
// channels-last tensor are stored as they lay in memory.
Order common_order(const std::vector<TensorPart>& parts, size_t rank) {
  Order order(rank);
  std::iota(order.begin(), order.end(), size_t{0});
  if (all_lie_in_order(parts, order)) return order;
  const auto largest = std::ranges::max_element(
      parts, {}, [](const TensorPart& part) { return element_count(part.view); });
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](size_t dim) { return largest->view.stride[dim]; });
  if (!all_lie_in_order(parts, order))
    fail(ErrorCode::Unsupported, "its parts do not lie in memory in one order");
  return order;
}

void require_alike(const std::vector<TensorPart>& parts, DType dtype, size_t rank,
                   const TensorTable& table) {
  for (const TensorPart& part : parts) {
    if (part.view.shape.size() != rank || part.first.size() != rank)
      fail(ErrorCode::Corrupt, "one part has ", part.view.shape.size(), " dimensions, expected ",
           rank);
    if (part.view.dtype != dtype)
      fail(ErrorCode::Corrupt, "one part is of ", info(part.view.dtype).torch_name, ", expected ",
           info(dtype).torch_name);
    const Tensor& first = parts.front().view;
    if (part.view.conj != first.conj || part.view.neg != first.neg ||
        table.storage_of(part.view).big_endian != table.storage_of(first).big_endian)
      fail(ErrorCode::Unsupported, "its parts differ in byte order, conjugation or sign");
  }
  if (info(dtype).bits < 8) fail(ErrorCode::Unsupported, "parts of elements narrower than a byte");
}

std::vector<MosaicBlock> blocks_of(const std::vector<TensorPart>& parts, const TensorTable& table,
                                   const Order& order) {
  std::vector<MosaicBlock> blocks;
  for (const TensorPart& part : parts) {
    const Storage& storage = table.storage_of(part.view);
    blocks.push_back({storage.source, storage.offset + first_byte(part.view),
                      reordered(part.first, order), reordered(part.view.shape, order)});
  }
  return blocks;
}

std::vector<uint32_t> storages_of(const std::vector<TensorPart>& parts) {
  std::set<uint32_t> rows;
  for (const TensorPart& part : parts) rows.insert(part.view.storage);
  return {rows.begin(), rows.end()};
}

}  // namespace

Tensor assemble(TensorTable& table, const std::string& name, DType dtype,
                const std::vector<uint64_t>& shape, const std::vector<TensorPart>& parts) {
  require_alike(parts, dtype, shape.size(), table);
  const Order order = common_order(parts, shape.size());
  auto whole = std::make_shared<MosaicSource>(reordered(shape, order), info(dtype).bits / 8u,
                                              blocks_of(parts, table, order));
  Storage storage;
  storage.name = name;
  storage.size = whole->size();
  storage.source = std::move(whole);
  storage.made_of = storages_of(parts);
  Tensor tensor = parts.empty() ? Tensor{} : parts.front().view;  // for conj, neg, requires_grad
  storage.big_endian = !parts.empty() && table.storage_of(tensor).big_endian;
  tensor.dtype = dtype;
  tensor.storage = table.add_storage(std::move(storage));
  tensor.offset = 0;
  tensor.shape = shape;
  tensor.stride.assign(shape.size(), 0);
  const std::vector<uint64_t> stride = contiguous_stride(reordered(shape, order));
  for (size_t i = 0; i < order.size(); ++i) tensor.stride[order[i]] = stride[i];
  return tensor;
}

}  // namespace unbrine
