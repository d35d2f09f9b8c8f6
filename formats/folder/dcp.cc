#include "formats/folder/dcp.h"

#include <algorithm>
#include <tuple>

#include "formats/error.h"
#include "formats/folder/assembled.h"
#include "formats/folder/dcp_metadata.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kMetadata = ".metadata";

class DcpReader {
 public:
  DcpReader(const FolderFiles& folder, Checkpoint& checkpoint)
      : folder_(folder), checkpoint_(checkpoint) {}

  Content run() {
    const std::shared_ptr<const Source> source = folder_.open(kMetadata, checkpoint_);
    metadata_ =
        in_context(quoted(kMetadata), [&] { return read_dcp_metadata(source, checkpoint_); });
    require_apart();
    StateTree tree;
    for (const DcpItem& item : metadata_.items)
      in_context(quoted(item.name), [&] {
        tree.add(item.path, item.is_tensor ? tensor(item) : content(item.name, {}));
      });
    return {tree.build(checkpoint_.graph), "torch-dcp"};
  }

 private:
  // No two slices share a byte, so that reading them all is linear in the files.
  void require_apart() const {
    std::vector<const DcpSlice*> order;
    for (const auto& [key, slice] : metadata_.slices) order.push_back(&slice);
    std::ranges::sort(order, {}, [](const DcpSlice* slice) {
      return std::tie(slice->file, slice->offset, slice->length);
    });
    for (size_t i = 1; i < order.size(); ++i) {
      const DcpSlice &before = *order[i - 1], &slice = *order[i];
      if (slice.file == before.file && slice.offset - before.offset < before.length)
        fail(ErrorCode::Corrupt, quoted(slice.file), ": the parts at byte ", before.offset,
             " and byte ", slice.offset, " overlap");
    }
  }

  // What the slice of this part holds.
  NodeId content(const std::string& name, const std::vector<uint64_t>& first) {
    const auto found = metadata_.slices.find({name, first});
    if (found == metadata_.slices.end())
      fail(ErrorCode::Corrupt, "storage_data does not say where ",
           first.empty() ? "it is" : "all of its parts are");
    const DcpSlice& slice = found->second;
    const std::shared_ptr<const Source>& file = opened(slice.file);
    const std::string place = quoted(slice.file) + ": part at byte " + std::to_string(slice.offset);
    return in_context(place, [&] {
      const auto part = std::make_shared<SliceSource>(file, slice.offset, slice.length);
      return checkpoint_.graph.resolved(read_content(part, checkpoint_).root);
    });
  }

  const std::shared_ptr<const Source>& opened(const std::string& file) {
    auto& source = files_[file];
    if (source == nullptr) source = folder_.open(file, checkpoint_);
    return source;
  }

  NodeId tensor(const DcpItem& item) {
    const bool whole = item.chunks.size() == 1 && item.chunks[0].sizes == item.shape;
    if (!whole) return assembled(item);
    const NodeId node = content(item.name, item.chunks[0].first);
    if (is_tensor(node)) require_as_told(view(node), item, item.chunks[0]);
    return node;
  }

  NodeId assembled(const DcpItem& item) {
    std::vector<TensorPart> parts;
    for (const DcpChunk& chunk : item.chunks) {
      if (std::ranges::find(chunk.sizes, uint64_t{0}) != chunk.sizes.end()) continue;
      const NodeId node = content(item.name, chunk.first);
      if (!is_tensor(node))
        fail(ErrorCode::Unsupported, "is in parts, and one of them is no plain tensor but ",
             kind_name(checkpoint_.graph.kind(node)));
      require_as_told(view(node), item, chunk);
      parts.push_back({view(node), chunk.first});
    }
    Tensor tensor = assemble(checkpoint_.tensors, item.name, item.dtype, item.shape, parts);
    return checkpoint_.graph.add_tensor(checkpoint_.tensors.add(std::move(tensor)));
  }

  bool is_tensor(NodeId node) const { return checkpoint_.graph.is(node, NodeKind::Tensor); }

  const Tensor& view(NodeId node) const {
    return checkpoint_.tensors.tensors()[checkpoint_.graph.index(node)];
  }

  static void require_as_told(const Tensor& tensor, const DcpItem& item, const DcpChunk& chunk) {
    if (tensor.dtype != item.dtype || tensor.shape != chunk.sizes)
      fail(ErrorCode::Corrupt, "a part is not of the dtype and shape that ", quoted(kMetadata),
           " tells");
  }

  const FolderFiles& folder_;
  Checkpoint& checkpoint_;
  DcpMetadata metadata_;
  std::map<std::string, std::shared_ptr<const Source>> files_;
};

}  // namespace

bool looks_like_dcp(const FolderFiles& folder) {
  return folder.has(kMetadata) && !folder.ending_with(".distcp").empty();
}

Content read_dcp(const FolderFiles& folder, Checkpoint& checkpoint) {
  return DcpReader(folder, checkpoint).run();
}

}  // namespace unbrine
