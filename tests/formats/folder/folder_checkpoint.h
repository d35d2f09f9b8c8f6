// What a folder is read as: names and values, small enough to compare.
#pragma once

#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/tensor_names.h"

namespace unbrine {

// The bytes of a contiguous tensor as float32 numbers, whatever they are.
inline std::vector<float> floats_of(const Checkpoint& checkpoint, NodeId node) {
  const Tensor& tensor = checkpoint.tensors.tensors()[checkpoint.graph.index(node)];
  const Storage& storage = checkpoint.tensors.storage_of(tensor);
  const auto bytes =
      storage.source->read_all(storage.offset + first_byte(tensor), byte_count(tensor));
  std::vector<float> numbers(bytes.size() / sizeof(float));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(float));
  return numbers;
}

inline std::map<std::string, std::vector<float>> tensors_of(const Checkpoint& checkpoint) {
  const TensorNames names(checkpoint.graph, checkpoint.root, checkpoint.limits);
  std::map<std::string, std::vector<float>> tensors;
  for (const NamedTensor& tensor : names.below(checkpoint.root, ModuleView::StateDict))
    tensors[tensor.name] = floats_of(checkpoint, tensor.node);
  return tensors;
}

}  // namespace unbrine
