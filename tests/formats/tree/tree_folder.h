// A folder with the tree of a checkpoint, as convert writes one: state.json and its tensors in
// model.safetensors.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/safetensors/safetensors_writer.h"
#include "formats/tensor_names.h"
#include "formats/tree/state_json.h"
#include "formats/view_key.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {

// The first name of each row, and where it is an alias of another row's, that one's.
inline std::vector<TensorPlace> places_of(const Checkpoint& checkpoint) {
  const TensorNames names(checkpoint.graph, checkpoint.root, checkpoint.limits);
  const std::vector<NamedTensor> found = names.below(checkpoint.root, ModuleView::Everything);
  std::vector<std::string> texts;
  for (const NamedTensor& tensor : found) texts.push_back(tensor.name);
  make_names_writable(texts);
  std::vector<TensorPlace> places(checkpoint.tensors.tensors().size());
  std::map<ViewKey, std::string> first;
  for (size_t i = 0; i < found.size(); ++i) {
    const uint32_t row = checkpoint.graph.index(found[i].node);
    if (!places[row].file.empty()) continue;
    const Tensor& tensor = checkpoint.tensors.tensors()[row];
    places[row] = {"model.safetensors", texts[i], ""};
    const auto [alias, is_new] = first.try_emplace(view_key(checkpoint.tensors, tensor), texts[i]);
    if (!is_new && element_count(tensor) != 0) places[row].alias_of = alias->second;
  }
  return places;
}

inline std::string tree_text(const Checkpoint& checkpoint) {
  return state_json(checkpoint.graph, checkpoint.root, checkpoint.tensors, places_of(checkpoint),
                    checkpoint.limits);
}

// Row-major, of whole-byte elements.
inline std::string tensor_bytes(const TensorTable& table, const Tensor& tensor) {
  const Storage& storage = table.storage_of(tensor);
  const uint64_t width = info(tensor.dtype).bits / 8;
  std::string bytes;
  std::vector<uint64_t> index(tensor.shape.size(), 0);
  for (uint64_t i = 0; i < element_count(tensor); ++i) {
    uint64_t at = tensor.offset;
    for (size_t d = 0; d < index.size(); ++d) at += index[d] * tensor.stride[d];
    bytes += as_text(storage.source->read_all(storage.offset + at * width, width));
    for (size_t d = index.size(); d-- > 0;) {
      if (++index[d] < tensor.shape[d]) break;
      index[d] = 0;
    }
  }
  return bytes;
}

inline std::string safetensors_with(const Checkpoint& checkpoint) {
  const std::vector<TensorPlace> places = places_of(checkpoint);
  std::vector<SafetensorsRecord> records;
  for (size_t row = 0; row < places.size(); ++row) {
    if (places[row].file.empty()) continue;
    const Tensor& tensor = checkpoint.tensors.tensors()[row];
    records.push_back({places[row].name, std::string(info(tensor.dtype).safetensors),
                       safetensors_shape(tensor), tensor_bytes(checkpoint.tensors, tensor)});
  }
  return safetensors_file(records);
}

inline void write_tree(const Checkpoint& checkpoint, const ScratchFolder& folder) {
  folder.write("state.json", tree_text(checkpoint));
  folder.write("model.safetensors", safetensors_with(checkpoint));
}

}  // namespace unbrine
