#include "formats/safetensors/safetensors_writer.h"

#include <algorithm>
#include <tuple>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/json.h"
#include "formats/safetensors/safetensors_format.h"
#include "formats/safetensors/shards.h"

namespace unbrine {
namespace {

constexpr uint64_t kAlignment = 8;

// The tensors of a shard in data order, with offsets that count from the end of the header.
std::vector<Slot> place_tensors(const Selection& selection, const Shard& shard, uint32_t file) {
  struct Placed {
    size_t order;  // by dtype
    std::string_view name;
    Slot slot;
  };
  std::vector<Placed> placed;
  placed.reserve(shard.selected.size());
  for (const uint32_t i : shard.selected) {
    const SelectedTensor& tensor = selection.tensors[i];
    placed.push_back({safetensors_data_order(selection.written_dtype(tensor)), tensor.name,
                      Slot{i, file, 0, selection.written_size(tensor)}});
  }
  std::ranges::sort(placed, {}, [](const Placed& at) { return std::tuple(at.order, at.name); });
  std::vector<Slot> slots;
  slots.reserve(placed.size());
  uint64_t offset = 0;
  for (const Placed& at : placed) {
    slots.push_back(at.slot);
    slots.back().offset = offset;
    if (!checked_add(offset, at.slot.size, offset))
      fail(ErrorCode::Limit, "the selected tensors need more than 2^64 bytes");
  }
  return slots;
}

uint64_t doubled(uint64_t size) {
  uint64_t twice = 0;
  if (!checked_multiply(size, 2, twice))
    fail(ErrorCode::Unsupported, "a dimension of ", size, " packed pairs does not fit 64 bits");
  return twice;
}

void write_metadata(JsonWriter& json, const std::map<std::string, std::string>& metadata) {
  if (metadata.empty()) return;
  json.key(kSafetensorsMetadataKey).begin_object();
  for (const auto& [key, text] : metadata) json.key(key).value(text);
  json.end_object();
}

void write_tensor(JsonWriter& json, const Selection& selection, const Slot& slot) {
  const SelectedTensor& tensor = selection.tensors[slot.selected];
  json.key(tensor.name).begin_object();
  json.key("dtype").value(info(selection.written_dtype(tensor)).safetensors);
  json.key("shape").begin_array();
  for (const uint64_t size : safetensors_shape(selection, tensor)) json.value(size);
  json.end_array().key("data_offsets").begin_array();
  json.value(slot.offset).value(slot.offset + slot.size).end_array().end_object();
}

std::string header_json(const Selection& selection, const std::vector<Slot>& slots,
                        const std::map<std::string, std::string>& metadata) {
  JsonWriter json;
  json.begin_object();
  write_metadata(json, metadata);
  for (const Slot& slot : slots) write_tensor(json, selection, slot);
  return json.end_object().take();
}

// The header with its length before it and spaces behind it, so that the data begins aligned.
std::string framed(std::string json) {
  json.append((kAlignment - json.size() % kAlignment) % kAlignment, ' ');
  std::string length(kSafetensorsLengthBytes, '\0');
  for (size_t i = 0; i < length.size(); ++i)
    length[i] = static_cast<char>(json.size() >> (8 * i) & 0xff);
  return json.insert(0, length);
}

void add_file(Layout& layout, const Selection& selection, const Shard& shard,
              const Limits& limits) {
  const auto index = static_cast<uint32_t>(layout.files.size());
  std::vector<Slot> slots = place_tensors(selection, shard, index);
  LayoutFile& file = layout.files.emplace_back();
  file.name = shard.name;
  file.header =
      framed(header_json(selection, slots, shard_metadata(selection, shard, layout.notes)));
  check_limit("bytes of safetensors header:", file.header.size() - kSafetensorsLengthBytes,
              "max_header_bytes", limits.max_header_bytes);
  file.size = file.header.size();
  for (Slot& slot : slots) {
    slot.offset = file.size;
    if (!checked_add(file.size, slot.size, file.size))
      fail(ErrorCode::Limit, "the selected tensors need more than 2^64 bytes");
  }
  layout.slots.insert(layout.slots.end(), slots.begin(), slots.end());
}

}  // namespace

std::vector<uint64_t> safetensors_shape(const Tensor& tensor) {
  std::vector<uint64_t> shape = tensor.shape;
  const Packing packing = info(tensor.dtype).packing;
  if (packing == Packing::TrailingPair || (packing == Packing::DoubledLast && shape.empty()))
    shape.push_back(2);
  else if (packing == Packing::DoubledLast)
    shape.back() = doubled(shape.back());
  return shape;
}

// There is a cast to and from dtypes of plain numbers only, which keep their shape.
std::vector<uint64_t> safetensors_shape(const Selection& selection,
                                        const SelectedTensor& selected) {
  const Tensor& tensor = selection.tensor(selected);
  return selected.cast ? tensor.shape : safetensors_shape(tensor);
}

Layout safetensors_layout(const Selection& selection, const WriteOptions& options) {
  Layout layout;
  for (const Shard& shard : split_into_shards(selection, ".safetensors", options.max_shard_size))
    add_file(layout, selection, shard, options.limits);
  return layout;
}

std::vector<SideFile> safetensors_side_files(const Layout& layout, const Selection& selection,
                                             std::span<const std::string> /*digests*/) {
  return shard_indexes(layout, selection);
}

}  // namespace unbrine
