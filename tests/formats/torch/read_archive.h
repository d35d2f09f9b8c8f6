// Reads archives that tests have in memory, and says what they hold.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "formats/tensor_names.h"
#include "tests/support/error_of.h"
#include "tests/support/zip_builder.h"

namespace unbrine {

inline Checkpoint read_archive(const std::vector<uint8_t>& zip, const Limits& limits = {}) {
  return open_checkpoint(std::make_shared<MemorySource>(zip), limits);
}

inline Error archive_refusal(const std::vector<uint8_t>& zip) {
  return error_of([&] { read_archive(zip); });
}

// In the order of the file.
inline std::vector<std::string> tensor_names(const Checkpoint& checkpoint) {
  const TensorNames names(checkpoint.graph, checkpoint.root, checkpoint.limits);
  std::vector<std::string> list;
  for (const NamedTensor& tensor : names.below(checkpoint.root, ModuleView::Everything))
    list.push_back(tensor.name);
  return list;
}

// The tensor of that name; the first if there are several.
inline const Tensor& tensor_called(const Checkpoint& checkpoint, std::string_view name) {
  const TensorNames names(checkpoint.graph, checkpoint.root, checkpoint.limits);
  for (const NamedTensor& tensor : names.below(checkpoint.root, ModuleView::Everything))
    if (tensor.name == name)
      return checkpoint.tensors.tensors()[checkpoint.graph.index(tensor.node)];
  throw std::out_of_range("no tensor " + std::string(name));
}

// The bytes of the storage that a tensor looks into.
inline std::string storage_bytes(const Checkpoint& checkpoint, std::string_view name) {
  const Storage& storage = checkpoint.tensors.storage_of(tensor_called(checkpoint, name));
  const std::vector<uint8_t> bytes = storage.source->read_all(storage.offset, storage.size);
  return {bytes.begin(), bytes.end()};
}

// Every beginning of `content`, put in the place of the whole, must be refused.
template <class ZipWith>
void expect_refused_when_cut(std::string_view content, ZipWith zip_with) {
  for (size_t size = 0; size < content.size(); ++size) {
    const Error error = archive_refusal(zip_with(std::string(content.substr(0, size))));
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << size << ": " << error.what();
  }
}

}  // namespace unbrine
