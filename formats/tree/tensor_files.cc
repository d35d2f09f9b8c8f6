#include "formats/tree/tensor_files.h"

#include <algorithm>

#include "formats/blob/blob_reader.h"
#include "formats/error.h"
#include "formats/safetensors/safetensors_reader.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kSafetensors = ".safetensors";
constexpr std::string_view kBlob = ".blob";

}  // namespace

uint32_t TensorFiles::row(std::string_view file, std::string_view name, std::string_view alias_of) {
  const Rows& rows = file_rows(file);
  const std::string_view wanted = alias_of.empty() ? name : alias_of;
  const auto found = rows.find(wanted);
  if (found == rows.end())
    fail(ErrorCode::Corrupt, "the file ", quoted(file), " holds no tensor ", quoted(wanted));
  if (alias_of.empty()) return found->second;
  const auto [alias, is_new] =
      aliases_.try_emplace({std::string(file), std::string(name)}, found->second);
  if (is_new && name != alias_of)
    alias->second = checkpoint_.tensors.add(Tensor(checkpoint_.tensors.tensors()[found->second]));
  return alias->second;
}

uint32_t TensorFiles::row_as(uint32_t row, DType dtype, const std::vector<uint64_t>& shape) {
  const auto known = retyped_.find({row, dtype, shape});
  if (known != retyped_.end()) return known->second;
  const Tensor& bytes = checkpoint_.tensors.tensors()[row];
  Tensor tensor;
  tensor.dtype = dtype;
  tensor.storage = bytes.storage;
  tensor.shape = shape;
  tensor.stride = contiguous_stride(shape);
  const uint64_t available = byte_count(bytes);
  const uint32_t added = checkpoint_.tensors.add(std::move(tensor));
  const uint64_t needed = byte_count(checkpoint_.tensors.tensors()[added]);
  if (needed != available)
    fail(ErrorCode::Corrupt, "its shape and dtype need ", needed, " bytes, the file has ",
         available);
  return retyped_[{row, dtype, shape}] = added;
}

uint32_t TensorFiles::row_with_gradient(uint32_t row) {
  const auto [place, is_new] = with_gradient_.try_emplace(row, row);
  if (is_new && !checkpoint_.tensors.tensors()[row].requires_grad) {
    Tensor tensor = checkpoint_.tensors.tensors()[row];
    tensor.requires_grad = true;
    place->second = checkpoint_.tensors.add(std::move(tensor));
  }
  return place->second;
}

const TensorFiles::Rows& TensorFiles::file_rows(std::string_view file) {
  const auto known = files_.find(file);
  if (known != files_.end()) return known->second;
  return files_.emplace(file, read(file)).first->second;
}

TensorFiles::Rows TensorFiles::read(std::string_view file) {
  const bool is_blob = file.ends_with(kBlob);
  if (!is_blob && !file.ends_with(kSafetensors))
    fail(ErrorCode::Corrupt, "the file ", quoted(file), " is neither .safetensors nor .blob");
  std::map<std::string, std::string> before = std::move(checkpoint_.metadata);
  checkpoint_.metadata.clear();
  const Content content =
      is_blob ? read_blob(folder_, std::string(file) + ".json", checkpoint_) : read_named(file);
  const Graph& graph = checkpoint_.graph;
  const std::vector<NodeId> entries = graph.items(content.root).to_vector();
  Rows rows;
  for (size_t i = 0; i + 1 < entries.size(); i += 2)
    rows.emplace(graph.text(entries[i]), graph.index(entries[i + 1]));
  keep_metadata(rows, std::move(before));
  return rows;
}

// By its name: what else the bytes could be does not matter here.
Content TensorFiles::read_named(std::string_view file) {
  constexpr uint64_t kHeadBytes = 4096;
  const std::shared_ptr<const Source> source = folder_.open(file, checkpoint_);
  return in_context(quoted(file), [&] {
    const auto head = source->read_all(0, std::min(kHeadBytes, source->size()));
    const Probe probe{source, head, checkpoint_.limits};
    if (!looks_like_safetensors(probe)) fail(ErrorCode::Corrupt, "is no safetensors file");
    return read_safetensors(probe, checkpoint_);
  });
}

// The files' own metadata is the object's, but for notes that one name is kept for another.
void TensorFiles::keep_metadata(const Rows& rows, std::map<std::string, std::string> before) {
  std::erase_if(checkpoint_.metadata,
                [&](const auto& entry) { return rows.contains(entry.second); });
  before.merge(checkpoint_.metadata);
  checkpoint_.metadata = std::move(before);
}

}  // namespace unbrine
