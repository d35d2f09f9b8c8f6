#include "formats/safetensors/safetensors_writer.h"

#include <algorithm>
#include <tuple>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/json.h"
#include "formats/safetensors/safetensors_format.h"

namespace unbrine {
namespace {

constexpr uint64_t kAlignment = 8;

// The selected tensors in data order, with offsets that count from the end of the header.
std::vector<Slot> place_tensors(const Selection& selection) {
  std::vector<Slot> slots(selection.tensors.size());
  std::vector<size_t> order(slots.size());  // by dtype
  for (uint32_t i = 0; i < slots.size(); ++i) {
    const Tensor& tensor = selection.tensor(selection.tensors[i]);
    slots[i] = {.selected = i, .file = 0, .offset = 0, .size = byte_count(tensor)};
    order[i] = safetensors_data_order(tensor.dtype);
  }
  std::ranges::sort(slots, {}, [&](const Slot& slot) {
    const std::string_view name = selection.tensors[slot.selected].name;
    return std::tuple(order[slot.selected], name);
  });
  uint64_t offset = 0;
  for (Slot& slot : slots) {
    slot.offset = offset;
    if (!checked_add(offset, slot.size, offset))
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

void write_tensor(JsonWriter& json, std::string_view name, const Tensor& tensor, const Slot& slot) {
  json.key(name).begin_object().key("dtype").value(info(tensor.dtype).safetensors);
  json.key("shape").begin_array();
  for (const uint64_t size : safetensors_shape(tensor)) json.value(size);
  json.end_array().key("data_offsets").begin_array();
  json.value(slot.offset).value(slot.offset + slot.size).end_array().end_object();
}

std::string header_json(const Selection& selection, const std::vector<Slot>& slots) {
  JsonWriter json;
  json.begin_object();
  write_metadata(json, selection.metadata);
  for (const Slot& slot : slots) {
    const SelectedTensor& selected = selection.tensors[slot.selected];
    write_tensor(json, selected.name, selection.tensor(selected), slot);
  }
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

Layout safetensors_layout(const Selection& selection, const Limits& limits) {
  Layout layout;
  layout.slots = place_tensors(selection);
  LayoutFile& file = layout.files.emplace_back();
  file.header = framed(header_json(selection, layout.slots));
  check_limit("bytes of safetensors header:", file.header.size() - kSafetensorsLengthBytes,
              "max_header_bytes", limits.max_header_bytes);
  file.size = file.header.size();
  for (Slot& slot : layout.slots) {
    slot.offset = file.size;
    if (!checked_add(file.size, slot.size, file.size))
      fail(ErrorCode::Limit, "the selected tensors need more than 2^64 bytes");
  }
  return layout;
}

}  // namespace unbrine
