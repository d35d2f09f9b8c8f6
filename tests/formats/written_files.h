// What writers are given, and the files that come of it: selections made by hand or of all that a
// checkpoint holds, and layouts filled in one byte after the other.
#pragma once

#include <gtest/gtest.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/layout.h"
#include "formats/tensor_names.h"

namespace unbrine {

// Bytes that nobody reads.
class EmptySpace : public Source {
 public:
  explicit EmptySpace(uint64_t size) : size_(size) {}
  uint64_t size() const override { return size_; }

 private:
  void read_range(uint64_t, MutableByteSpan target) const override {
    std::ranges::fill(target, uint8_t{0});
  }
  uint64_t size_;
};

// Tensors to select, each in a storage of its own that holds zeros or `bytes`.
class SelectedTensors {
 public:
  SelectedTensors() : table_(Limits()) {
    table_.add_input(uint64_t{1} << 40);
    selection.table = &table_;
  }

  SelectedTensor& add(const std::string& name, DType dtype, const std::vector<uint64_t>& shape,
                      const std::string& bytes = {}) {
    Tensor tensor;
    tensor.dtype = dtype;
    tensor.shape = shape;
    tensor.stride = contiguous_stride(shape);
    Storage storage;
    storage.name = name;
    storage.size = byte_count(tensor);
    if (bytes.empty())
      storage.source = std::make_shared<EmptySpace>(storage.size);
    else
      storage.source =
          std::make_shared<MemorySource>(std::vector<uint8_t>(bytes.begin(), bytes.end()));
    tensor.storage = table_.add_storage(std::move(storage));
    return add_row(name, table_.add(tensor));
  }

  // A second name for what the tensor at `index` shows, as a row of its own.
  SelectedTensor& add_alias(const std::string& name, size_t index) {
    return add_row(name, table_.add(Tensor(selection.tensor(selection.tensors[index]))));
  }

  // What is added from here on goes to another file.
  void new_group(const std::string& stem) { selection.groups.push_back({stem}); }

  Selection selection;

 private:
  SelectedTensor& add_row(const std::string& name, uint32_t row) {
    selection.tensors.push_back({name, row, static_cast<uint32_t>(selection.groups.size() - 1)});
    return selection.tensors.back();
  }

  TensorTable table_;
};

// All tensors below the root by their names, with the object that they belong to.
inline Selection whole_object(const Checkpoint& checkpoint) {
  Selection selection;
  selection.table = &checkpoint.tensors;
  selection.graph = &checkpoint.graph;
  selection.root = checkpoint.root;
  const TensorNames names(checkpoint.graph, checkpoint.root, checkpoint.limits);
  for (const NamedTensor& tensor : names.below(checkpoint.root, ModuleView::Everything))
    selection.tensors.push_back({tensor.name, checkpoint.graph.index(tensor.node)});
  return selection;
}

inline std::string row_major_bytes(const TensorTable& table, const Tensor& tensor) {
  EXPECT_TRUE(is_contiguous(tensor));
  const Storage& storage = table.storage_of(tensor);
  const std::vector<uint8_t> bytes =
      storage.source->read_all(storage.offset + first_byte(tensor), byte_count(tensor));
  return {bytes.begin(), bytes.end()};
}

// The files whole, CRCs and all. Tensors must be contiguous and not cast.
inline std::vector<std::string> written_files(const Layout& layout, const Selection& selection) {
  std::vector<std::string> files;
  for (const LayoutFile& file : layout.files) {
    std::string& bytes = files.emplace_back(file.size, '\0');
    bytes.replace(0, file.header.size(), file.header);
    for (const LayoutText& text : file.texts)
      bytes.replace(text.offset, text.bytes.size(), text.bytes);
  }
  std::vector<uint32_t> crcs;
  for (const Slot& slot : layout.slots) {
    const Tensor& tensor = selection.tensor(selection.tensors[slot.selected]);
    const std::string bytes = row_major_bytes(*selection.table, tensor);
    EXPECT_EQ(bytes.size(), slot.size);
    EXPECT_EQ(slot.offset % layout.align, 0u);
    files[slot.file].replace(slot.offset, slot.size, bytes);
    crcs.push_back(libdeflate_crc32(0, bytes.data(), bytes.size()));
  }
  for (const CrcPlace& place : layout.crc_places)
    std::memcpy(&files[layout.slots[place.slot].file][place.offset], &crcs[place.slot], 4);
  return files;
}

inline Checkpoint read_back(const std::string& file) {
  return open_checkpoint(
      std::make_shared<MemorySource>(std::vector<uint8_t>(file.begin(), file.end())), Limits());
}

}  // namespace unbrine
