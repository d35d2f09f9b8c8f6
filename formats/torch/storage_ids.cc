#include "formats/torch/storage_ids.h"

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr const char* kExpected = "persistent id is not ('storage', class, key, location, numel): ";

// Python 2 wrote the texts of an id as byte strings.
std::string_view require_text(const Graph& graph, NodeId node, const char* what) {
  const bool is_text = graph.is(node, NodeKind::String) ||
                       (graph.is(node, NodeKind::ByteString) && !graph.is_external(node));
  if (!is_text) fail(ErrorCode::Corrupt, kExpected, what, " is not a string");
  return graph.text(node);
}

std::string require_key(const Graph& graph, NodeId node) {
  if (!graph.is(node, NodeKind::Int)) return std::string(require_text(graph, node, "the key"));
  return std::to_string(graph.integer(node));
}

uint64_t require_count(const Graph& graph, NodeId node, const char* what) {
  if (!graph.is(node, NodeKind::Int) || graph.integer(node) < 0)
    fail(ErrorCode::Corrupt, kExpected, what, " is not a count");
  return static_cast<uint64_t>(graph.integer(node));
}

std::optional<DType> require_class(const Graph& graph, NodeId node) {
  if (!graph.is(node, NodeKind::Global))
    fail(ErrorCode::Corrupt, kExpected, "the class is not a global");
  const Global& global = graph.global(node);
  if (global.meaning == Meaning::UntypedStorage) return std::nullopt;
  if (global.meaning == Meaning::StorageClass) return dtype_by_storage_class(global.name);
  fail(ErrorCode::Unsupported, "storage class ", quoted(global.module), " ", quoted(global.name),
       " is not known");
}

std::optional<StorageView> read_view(const Graph& graph, NodeId node) {
  if (graph.is(node, NodeKind::None)) return std::nullopt;
  if (!graph.is(node, NodeKind::Tuple))
    fail(ErrorCode::Corrupt, kExpected, "the view is neither None nor a tuple");
  const std::vector<NodeId> parts = graph.items(node).to_vector();
  if (parts.size() != 3)
    fail(ErrorCode::Corrupt, kExpected, "the view has ", parts.size(), " items, not 3");
  return StorageView{std::string(require_text(graph, parts[0], "the view's key")),
                     require_count(graph, parts[1], "the view's offset"),
                     require_count(graph, parts[2], "the view's numel")};
}

StorageId read_storage_id(const Graph& graph, NodeId node, const std::vector<NodeId>& parts) {
  if (parts.size() != 5 && parts.size() != 6)
    fail(ErrorCode::Corrupt, kExpected, "it has ", parts.size(), " items");
  StorageId id;
  id.node = node;
  id.dtype = require_class(graph, parts[1]);
  id.key = require_key(graph, parts[2]);
  require_text(graph, parts[3], "the location");
  id.numel = require_count(graph, parts[4], "numel");
  if (parts.size() == 6) id.view = read_view(graph, parts[5]);
  if (!checked_multiply(id.numel, item_size(id), id.bytes))
    fail(ErrorCode::Corrupt, "storage ", quoted(id.key), ": ", id.numel, " elements of ",
         item_size(id), " bytes do not fit 64 bits");
  return id;
}

}  // namespace

uint64_t item_size(const StorageId& id) { return id.dtype ? info(*id.dtype).bits / 8 : 1; }

std::string storage_class_name(const StorageId& id) {
  return "torch." + std::string(id.dtype ? info(*id.dtype).storage_class : "UntypedStorage");
}

std::vector<StorageId> read_storage_ids(const Graph& graph, IndexRange persistent_ids) {
  std::vector<StorageId> ids;
  for (size_t i = persistent_ids.begin; i < persistent_ids.end; ++i) {
    const NodeId node = graph.persistent_ids()[i];
    const NodeId value = graph.persistent_id(node);
    if (!graph.is(value, NodeKind::Tuple)) fail(ErrorCode::Corrupt, kExpected, "it is no tuple");
    const std::vector<NodeId> parts = graph.items(value).to_vector();
    if (parts.empty()) fail(ErrorCode::Corrupt, kExpected, "it is empty");
    const std::string_view kind = require_text(graph, parts[0], "the kind");
    if ((kind == "module" || kind == "reduce_package") && parts.size() == 4) continue;
    if (kind != "storage") fail(ErrorCode::Corrupt, kExpected, "its kind is ", quoted(kind));
    ids.push_back(read_storage_id(graph, node, parts));
  }
  return ids;
}

}  // namespace unbrine
