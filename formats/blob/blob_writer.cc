#include "formats/blob/blob_writer.h"

#include "formats/blob/blob_index.h"
#include "formats/checked.h"
#include "formats/error.h"
#include "formats/json.h"
#include "formats/safetensors/safetensors_writer.h"
#include "formats/safetensors/shards.h"

namespace unbrine {
namespace {

void check_options(const WriteOptions& options) {
  if (!is_blob_alignment(options.align))
    fail(ErrorCode::Usage, "an alignment of ", options.align, " bytes is not a power of two");
  if (options.max_shard_size != 0)
    fail(ErrorCode::Usage, "a blob is not split into shards: only safetensors files are");
}

uint64_t aligned(uint64_t offset, uint64_t align) {
  uint64_t end = 0;
  if (!checked_add(offset, align - 1, end))
    fail(ErrorCode::Limit, "the selected tensors need more than 2^64 bytes");
  return end & ~(align - 1);
}

void add_file(Layout& layout, const Selection& selection, const Shard& shard) {
  LayoutFile file;
  file.name = shard.name;
  for (const uint32_t i : shard.selected) {
    const uint64_t size = selection.written_size(selection.tensors[i]);
    layout.slots.push_back({i, static_cast<uint32_t>(layout.files.size()), file.size, size});
    if (!checked_add(file.size, size, file.size))
      fail(ErrorCode::Limit, "the selected tensors need more than 2^64 bytes");
    file.size = aligned(file.size, layout.align);
  }
  layout.files.push_back(std::move(file));
}

void write_tensor(JsonWriter& json, const Selection& selection, const Slot& slot,
                  const std::string& digest) {
  const SelectedTensor& tensor = selection.tensors[slot.selected];
  json.begin_object().key("name").value(tensor.name);
  json.key("dtype").value(info(selection.written_dtype(tensor)).safetensors);
  json.key("shape").begin_array();
  for (const uint64_t size : safetensors_shape(selection, tensor)) json.value(size);
  json.end_array().key("offset").value(slot.offset).key("size").value(slot.size);
  json.key("digest").value(digest).end_object();
}

std::string index_json(const Layout& layout, const Selection& selection, const Shard& shard,
                       std::span<const Slot> slots, std::span<const std::string> digests) {
  std::vector<std::string> told;  // by the layout already
  JsonWriter json;
  json.begin_object().key("schema").value(kBlobSchema).key("file").value(shard.name);
  json.key("size").value(layout.files[shard.group].size).key("align").value(layout.align);
  json.key("metadata").begin_object();
  for (const auto& [key, text] : shard_metadata(selection, shard, told)) json.key(key).value(text);
  json.end_object().key("tensors").begin_array();
  for (size_t i = 0; i < slots.size(); ++i) write_tensor(json, selection, slots[i], digests[i]);
  return json.end_array().end_object().take() + "\n";
}

}  // namespace

Layout blob_layout(const Selection& selection, const WriteOptions& options) {
  check_options(options);
  Layout layout;
  layout.align = options.align;
  for (const Shard& shard : split_into_shards(selection, kBlobSuffix, 0)) {
    add_file(layout, selection, shard);
    shard_metadata(selection, shard, layout.notes);
  }
  return layout;
}

std::vector<SideFile> blob_side_files(const Layout& layout, const Selection& selection,
                                      std::span<const std::string> digests) {
  std::vector<SideFile> indexes;
  std::span<const Slot> slots = layout.slots;  // in the order of the shards
  for (const Shard& shard : split_into_shards(selection, kBlobSuffix, 0)) {
    const size_t count = shard.selected.size();
    indexes.push_back(
        {selection.groups[shard.group].stem + std::string(kBlobIndexSuffix),
         index_json(layout, selection, shard, slots.first(count), digests.first(count))});
    slots = slots.subspan(count);
    digests = digests.subspan(count);
  }
  return indexes;
}

}  // namespace unbrine
