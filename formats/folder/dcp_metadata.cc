#include "formats/folder/dcp_metadata.h"

#include "formats/error.h"
#include "formats/object_view.h"
#include "formats/pickle/decoder.h"
#include "formats/pickle/value_reader.h"
#include "formats/text.h"

namespace unbrine {
namespace {

class MetadataReader {
 public:
  explicit MetadataReader(const Checkpoint& checkpoint)
      : graph_(checkpoint.graph),
        limits_(checkpoint.limits),
        values_(checkpoint.graph, checkpoint.limits) {}

  DcpMetadata run(NodeId root) const {
    const Fields metadata = fields(root, "the metadata");
    DcpMetadata result;
    const auto paths = read_paths(metadata.find("planner_data"));
    for (const auto& [name, node] :
         values_.entries(metadata.require("state_dict_metadata"), "state_dict_metadata")) {
      check_limit("tensors:", result.items.size() + 1, "max_tensors", limits_.max_tensors);
      result.items.push_back(in_context(quoted(name), [&] { return read_item(name, node); }));
      const auto path = paths.find(name);
      result.items.back().path =
          path != paths.end() ? path->second : std::vector<PathPart>{PathPart(name)};
    }
    read_slices(metadata.require("storage_data"), result);
    return result;
  }

 private:
  Fields fields(NodeId node, std::string_view what) const {
    return Fields(graph_, limits_, node, what);
  }

  // Absent, or of another planner's making, if the state dict was not flattened.
  std::map<std::string, std::vector<PathPart>> read_paths(NodeId node) const {
    std::map<std::string, std::vector<PathPart>> paths;
    if (node == kNoNode || !is_mapping(graph_, node)) return paths;
    for (const auto& [name, path] : values_.entries(node, "planner_data"))
      paths[name] = in_context("planner_data of " + quoted(name), [&] { return read_path(path); });
    return paths;
  }

  std::vector<PathPart> read_path(NodeId node) const {
    std::vector<PathPart> path;
    for (const NodeId part : values_.sequence(node, "the path")) {
      check_limit("parts of a path:", path.size() + 1, "max_path_depth", limits_.max_path_depth);
      if (graph_.is(part, NodeKind::Int))
        path.emplace_back(values_.count(part, "a part of the path"));
      else
        path.emplace_back(values_.text(part, "a part of the path"));
    }
    if (path.empty()) fail(ErrorCode::Corrupt, "the path is empty");
    return path;
  }

  DcpItem read_item(const std::string& name, NodeId node) const {
    DcpItem item;
    item.name = name;
    const std::string kind = values_.class_name(node);
    if (kind == "BytesStorageMetadata") return item;
    if (kind != "TensorStorageMetadata")
      fail(ErrorCode::Corrupt, "expected TensorStorageMetadata or BytesStorageMetadata, found ",
           kind.empty() ? kind_name(graph_.kind(node)) : quoted(kind));
    const Fields tensor = fields(node, "TensorStorageMetadata");
    item.is_tensor = true;
    item.dtype = read_dtype(tensor.require("properties"));
    item.shape = values_.shape(tensor.require("size"), "size");
    for (const NodeId chunk : values_.sequence(tensor.require("chunks"), "chunks"))
      item.chunks.push_back(read_chunk(chunk));
    return item;
  }

  // TensorProperties: (dtype, layout, requires_grad, memory format, pin_memory).
  DType read_dtype(NodeId node) const {
    const NodeId state = fields(node, "properties").require("state");
    const std::vector<NodeId> parts = values_.sequence(state, "properties");
    if (parts.empty()) fail(ErrorCode::Corrupt, "properties are empty");
    if (!graph_.is(parts[0], NodeKind::Global))
      fail(ErrorCode::Corrupt, "properties do not begin with a dtype");
    if (graph_.meaning(parts[0]) != Meaning::DTypeName)
      fail(ErrorCode::Unsupported, "dtype ", quoted(graph_.global(parts[0]).name), " is not known");
    return *dtype_by_torch_name(graph_.global(parts[0]).name);
  }

  DcpChunk read_chunk(NodeId node) const {
    const Fields chunk = fields(node, "a chunk");
    return {values_.shape(chunk.require("offsets"), "offsets of a chunk"),
            values_.shape(chunk.require("sizes"), "sizes of a chunk")};
  }

  // Keys are objects, so these entries have no names.
  void read_slices(NodeId node, DcpMetadata& result) const {
    if (!graph_.is(node, NodeKind::Dict))
      fail(ErrorCode::Corrupt, "storage_data: expected a dict, found ",
           kind_name(graph_.kind(node)));
    const std::vector<NodeId> flat = graph_.items(node).to_vector();
    for (size_t i = 0; i + 1 < flat.size(); i += 2) {
      const Fields key = fields(flat[i], "a key of storage_data");
      const std::string name = values_.text(key.require("fqn"), "fqn");
      std::vector<uint64_t> first;
      if (const NodeId offset = key.find("offset"); offset != kNoNode)
        first = values_.shape(offset, "offset of a key of storage_data");
      const DcpSlice slice =
          in_context("storage_data of " + quoted(name), [&] { return read_slice(flat[i + 1]); });
      if (!result.slices.emplace(std::pair(name, first), slice).second)
        fail(ErrorCode::Corrupt, "storage_data has two entries for one part of ", quoted(name));
    }
  }

  DcpSlice read_slice(NodeId node) const {
    const Fields info = fields(node, "storage info");
    const NodeId transforms = info.find("transform_descriptors");
    if (transforms != kNoNode && !values_.sequence(transforms, "transform_descriptors").empty())
      fail(ErrorCode::Unsupported, "it was transformed when it was stored (transform_descriptors),",
           " which is not read");
    return {values_.text(info.require("relative_path"), "relative_path"),
            values_.count(info.require("offset"), "offset"),
            values_.count(info.require("length"), "length")};
  }

  const Graph& graph_;
  const Limits& limits_;
  ValueReader values_;
};

}  // namespace

DcpMetadata read_dcp_metadata(const std::shared_ptr<const Source>& source, Checkpoint& checkpoint) {
  const DecodedPickle pickle = decode_pickle(source, 0, checkpoint.limits, checkpoint.graph);
  if (pickle.end != source->size())
    fail(ErrorCode::Corrupt, "byte ", pickle.end, ": ", source->size() - pickle.end,
         " bytes follow the pickle");
  return MetadataReader(checkpoint).run(pickle.root);
}

}  // namespace unbrine
