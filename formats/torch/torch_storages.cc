#include "formats/torch/torch_storages.h"

#include "formats/safetensors/safetensors_format.h"
#include "formats/torch/allowed_names.h"

namespace unbrine {
namespace {

constexpr uint32_t kNotSelected = UINT32_MAX;

bool is_packed_pair(DType dtype, const std::vector<uint64_t>& shape) {
  return dtype == DType::F4 && !shape.empty() && shape.back() % 2 == 0;
}

}  // namespace

TorchView torch_view(DType dtype, std::vector<uint64_t> shape, uint64_t size) {
  switch (dtype) {
    case DType::QInt8:
    case DType::QUInt8:
    case DType::QInt32:
    case DType::QUInt4x2:
    case DType::QUInt2x4:
      return {*dtype_by_safetensors_name(info(dtype).safetensors), std::move(shape), size};
    case DType::BC32: shape.push_back(2); return {DType::BF16, std::move(shape), size};
    default: break;
  }
  if (has_torch_dtype(dtype)) return {dtype, std::move(shape), size};
  if (!is_packed_pair(dtype, shape)) return {DType::U8, {size}, size};
  shape.back() /= 2;
  return {DType::F4E2M1x2, std::move(shape), size};
}

TorchStorages::TorchStorages(const Selection& selection)
    : selection_(selection), first_of_row_(selection.table->tensors().size(), kNotSelected) {
  for (uint32_t i = 0; i < selection.tensors.size(); ++i) {
    const SelectedTensor& tensor = selection.tensors[i];
    if (first_of_row_[tensor.row] != kNotSelected) continue;
    first_of_row_[tensor.row] = i;
    ViewKey key = view_key(*selection.table, selection.tensor(tensor));
    const auto next = static_cast<uint32_t>(views_.size());
    if (index_.try_emplace({std::move(key), selection.written_dtype(tensor)}, next).second)
      views_.push_back({i});
  }
}

// A row that is not selected itself may be an alias of one that is.
std::optional<uint32_t> TorchStorages::find(uint32_t row) const {
  ViewKey key = view_key(*selection_.table, selection_.table->tensors()[row]);
  const uint32_t first = first_of_row_[row];
  if (first != kNotSelected)
    return index_.at({std::move(key), selection_.written_dtype(selection_.tensors[first])});
  const auto at = index_.lower_bound({key, DType{}});
  if (at == index_.end() || at->first.first != key) return std::nullopt;
  return at->second;
}

std::optional<uint32_t> TorchStorages::storage_of(uint32_t row) {
  const std::optional<uint32_t> at = find(row);
  if (!at) return std::nullopt;
  View& view = views_[*at];
  if (!view.storage) {
    view.storage = static_cast<uint32_t>(storages_.size());
    storages_.push_back(view.first);
  }
  return view.storage;
}

TorchView TorchStorages::view_of(uint32_t row) const {
  const SelectedTensor& tensor = selection_.tensors[views_[find(row).value()].first];
  return torch_view(selection_.written_dtype(tensor), selection_.tensor(tensor).shape,
                    selection_.written_size(tensor));
}

void TorchStorages::mark_inline(uint32_t row) {
  if (const std::optional<uint32_t> at = find(row)) views_[*at].is_inline = true;
}

std::vector<SharedSlot> TorchStorages::shared() const {
  std::vector<SharedSlot> shared;
  for (uint32_t i = 0; i < selection_.tensors.size(); ++i) {
    const View& view = views_[find(selection_.tensors[i].row).value()];
    if (view.storage && view.first != i) shared.push_back({i, *view.storage});
  }
  return shared;
}

std::vector<std::string> TorchStorages::unplaced() const {
  std::vector<std::string> names;
  for (const SelectedTensor& tensor : selection_.tensors) {
    const View& view = views_[find(tensor.row).value()];
    if (!view.storage && !view.is_inline) names.push_back(tensor.name);
  }
  return names;
}

}  // namespace unbrine
