#include "formats/interpret.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "formats/error.h"
#include "formats/graph_walk.h"
#include "formats/numpy/numpy_objects.h"
#include "formats/object_view.h"
#include "formats/pickle/byte_values.h"
#include "formats/text.h"
#include "formats/torch/torch_objects.h"

namespace unbrine {
namespace {

class Interpreter {
 public:
  Interpreter(Checkpoint& checkpoint, const DecodedPickle& pickle)
      : checkpoint_(checkpoint), graph_(checkpoint.graph), calls_(pickle.calls) {}

  void run() {
    for (size_t i = calls_.begin; i < calls_.end; ++i) read_streams_of(graph_.call_nodes()[i]);
    build_arrays(checkpoint_, calls_);
    build_tensors(checkpoint_, calls_);
  }

 private:
  void read_streams_of(NodeId node) {
    if (!graph_.is(node, NodeKind::Call)) return;
    switch (graph_.callee_meaning(node)) {
      case Meaning::LoadFromBytes: return read_argument(node);
      case Meaning::JitList:
      case Meaning::JitTag: return become_first_argument(node);
      case Meaning::Unknown: return read_attributes(node);
      default: return;
    }
  }

  // --- torch.storage._load_from_bytes(bytes) ---

  void read_argument(NodeId node) {
    in_context("byte " + std::to_string(graph_.call(node).offset) + " (_load_from_bytes)", [&] {
      const NodeId bytes = first_argument(node);
      if (bytes == kNoNode || !read_stream(node, bytes))
        fail(ErrorCode::Corrupt, "its argument is no bytes");
    });
  }

  NodeId first_argument(NodeId node) const {
    const NodeId args = graph_.call(node).args;
    if (!graph_.is(args, NodeKind::Tuple)) return kNoNode;
    const Items items = graph_.items(args);
    return items.empty() ? kNoNode : graph_.resolved(*items.begin());
  }

  // False if the node holds no bytes. The same bytes are read once, however often they are loaded:
  // work must not grow faster than the file.
  bool read_stream(NodeId node, NodeId bytes) {
    auto known = streams_.find(bytes);
    if (known == streams_.end()) {
      const std::optional<ByteRange> range = bytes_of(graph_, bytes);
      if (!range) return false;
      Content content = read_content(
          std::make_shared<SliceSource>(range->source, range->offset, range->size), checkpoint_);
      known = streams_.emplace(bytes, Stream{content.root, std::move(content.format)}).first;
    }
    graph_.become_stream(node, known->second);
    return true;
  }

  void become_first_argument(NodeId node) {
    const NodeId argument = first_argument(node);
    if (argument != kNoNode) graph_.become_alias(node, argument);
  }

  // --- Attributes that are streams by themselves ---

  void read_attributes(NodeId node) {
    const std::vector<NodeId> states = graph_.items(graph_.call(node).states).to_vector();
    for (const NodeId state : states)
      if (graph_.is(state, NodeKind::Dict) && states_.insert(state).second)
        read_entries(state, graph_.call(node).offset);
  }

  void read_entries(NodeId dict, uint64_t offset) {
    const std::vector<NodeId> entries = graph_.items(dict).to_vector();
    for (size_t i = 0; i + 1 < entries.size(); i += 2) {
      if (!graph_.is(entries[i], NodeKind::String)) continue;
      if (!is_stream_attribute(graph_.text(entries[i]))) continue;
      const std::string name(graph_.text(entries[i]));
      in_context("object at byte " + std::to_string(offset) + ": " + quoted(name),
                 [&] { read_stream(entries[i + 1], entries[i + 1]); });
    }
  }

  Checkpoint& checkpoint_;
  Graph& graph_;
  const IndexRange calls_;
  std::unordered_map<NodeId, Stream> streams_;  // by the node of their bytes
  std::unordered_set<NodeId> states_;           // that were looked at
};

Tensor whole_storage(const Graph& graph, NodeId node, const Storage& storage) {
  Tensor tensor;
  tensor.dtype = graph.storage_dtype(node).value_or(DType::U8);
  tensor.storage = graph.storage_row(node);
  tensor.shape = {storage.size / (info(tensor.dtype).bits / 8)};
  tensor.stride = {1};
  return tensor;
}

}  // namespace

void interpret(Checkpoint& checkpoint, const DecodedPickle& pickle,
               const std::vector<PlacedStorage>& storages) {
  for (const PlacedStorage& storage : storages)
    checkpoint.graph.become_storage(storage.id.node, storage.row, storage.id.dtype);
  Interpreter(checkpoint, pickle).run();
}

void keep_loose_storages(Checkpoint& checkpoint, NodeId root) {
  Graph& graph = checkpoint.graph;
  std::vector<NodeId> loose;
  for_each_below(graph, root, [&](NodeId node) {
    if (graph.is(node, NodeKind::Storage)) loose.push_back(node);
  });
  std::ranges::sort(loose);                     // in the order of the file
  std::unordered_map<uint32_t, uint32_t> rows;  // of tensors, by storage
  for (const NodeId node : loose) {
    const uint32_t storage = graph.storage_row(node);
    const auto [row, is_new] = rows.try_emplace(storage, 0);
    if (is_new)
      row->second = checkpoint.tensors.add(
          whole_storage(graph, node, checkpoint.tensors.storages()[storage]));
    graph.become_whole_storage(node, row->second);
  }
}

}  // namespace unbrine
