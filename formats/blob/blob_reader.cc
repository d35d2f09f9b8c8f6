#include "formats/blob/blob_reader.h"

#include <algorithm>

#include "formats/blob/blob_index.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kHeadBytes = 256;

bool begins_as_index(const fs::path& file) {
  try {
    const FileSource source(file);
    const std::vector<uint8_t> head = source.read_all(0, std::min(kHeadBytes, source.size()));
    const std::string_view text = as_text(head);
    const size_t start = text.find_first_not_of(" \t\r\n");
    const std::string_view schema = kBlobSchema.substr(0, kBlobSchema.find('/'));
    return start != std::string_view::npos && text[start] == '{' &&
           text.find(schema) != std::string_view::npos;
  } catch (const Error&) {
    return false;
  }
}

fs::path index_beside(fs::path blob) { return blob += ".json"; }

uint32_t add_row(const std::shared_ptr<const Source>& blob, const BlobEntry& entry,
                 TensorTable& table) {
  Tensor tensor;
  tensor.dtype = entry.dtype;
  tensor.shape = entry.shape;
  tensor.stride = contiguous_stride(entry.shape);
  Storage storage;
  storage.name = entry.name;
  storage.source = blob;
  storage.offset = entry.offset;
  storage.size = entry.size;
  tensor.storage = table.add_storage(std::move(storage));
  return table.add(std::move(tensor));
}

void require_size(const Source& blob, const BlobIndex& index) {
  if (blob.size() != index.size)
    fail(ErrorCode::Corrupt, quoted(index.file), ": has ", blob.size(), " bytes, its index says ",
         index.size, blob.size() < index.size ? ": truncated download?" : "");
}

Content read_tensors(const FolderFiles& folder, const BlobIndex& index, Checkpoint& checkpoint) {
  const std::shared_ptr<const Source> blob = folder.open(index.file, checkpoint);
  require_size(*blob, index);
  checkpoint.metadata.insert(index.metadata.begin(), index.metadata.end());
  const NodeId root = checkpoint.graph.add_container(NodeKind::Dict);
  for (const BlobEntry& entry : index.tensors) {
    const uint32_t row = add_row(blob, entry, checkpoint.tensors);
    checkpoint.graph.set(root, entry.name, checkpoint.graph.add_tensor(row));
  }
  return {root, "blob"};
}

// Two blobs whose files were exchanged would be read as each other.
void require_named(const BlobIndex& index, std::string_view blob_file) {
  if (index.file != blob_file)
    fail(ErrorCode::Corrupt, "is the index of ", quoted(index.file), ", not of ",
         quoted(blob_file));
}

}  // namespace

bool looks_like_blob(const fs::path& file) {
  const std::string name = file.filename().native();
  if (name.ends_with(kBlobIndexSuffix)) return begins_as_index(file);
  return name.ends_with(kBlobSuffix) && begins_as_index(index_beside(file));
}

Content read_blob(const FolderFiles& folder, std::string_view index_file, Checkpoint& checkpoint) {
  const std::shared_ptr<const Source> source = folder.open(index_file, checkpoint);
  const BlobIndex index = in_context(quoted(index_file), [&] {
    BlobIndex read = read_blob_index(*source, checkpoint.limits);
    require_named(read, index_file.substr(0, index_file.rfind('.')));
    return read;
  });
  return read_tensors(folder, index, checkpoint);
}

Checkpoint open_blob(const fs::path& file, const Limits& limits) {
  const std::string name = file.filename().native();
  const bool by_index = name.ends_with(kBlobIndexSuffix);
  const fs::path folder = file.parent_path();
  Checkpoint checkpoint(limits);
  Content content = read_blob(FolderFiles(folder.empty() ? "." : folder),
                              by_index ? name : index_beside(name).native(), checkpoint);
  finish_checkpoint(checkpoint, std::move(content));
  return checkpoint;
}

}  // namespace unbrine
