#include "formats/torch/torch_objects.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "formats/error.h"
#include "formats/object_view.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// Wrappers of wrappers (a Parameter of a Parameter) are legal; a long chain is not.
constexpr int kLongestChain = 16;

class TensorBuilder {
 public:
  TensorBuilder(Checkpoint& checkpoint, const std::vector<PlacedStorage>& storages)
      : checkpoint_(checkpoint), graph_(checkpoint.graph), used_(graph_.size(), false) {
    storages_.reserve(storages.size());
    for (const PlacedStorage& storage : storages) storages_.emplace(storage.id.node, &storage);
  }

  void run() {
    for (const NodeId node : graph_.call_nodes()) at_call(node, &TensorBuilder::build_view);
    for (const NodeId node : graph_.call_nodes()) at_call(node, &TensorBuilder::build_wrapper);
    report_leftovers();
  }

 private:
  using Args = std::vector<NodeId>;

  void at_call(NodeId node, void (TensorBuilder::*build)(NodeId)) {
    if (!graph_.is(node, NodeKind::Call)) return;
    if (graph_.callee_meaning(node) == Meaning::Unknown) return;
    try {
      (this->*build)(node);
    } catch (const Error& error) {
      const Call& call = graph_.call(node);
      const Global& callee = graph_.global(call.callee);
      fail(error.code(), "byte ", call.offset, " (call of ", callee.module, ".", callee.name,
           "): ", error.what());
    }
  }

  // --- Calls that name a storage ---

  void build_view(NodeId node) {
    switch (graph_.callee_meaning(node)) {
      case Meaning::RebuildTensor: return view_from(node, 4, 4);
      case Meaning::RebuildTensorV2: return view_from(node, 6, 7);
      case Meaning::RebuildTensorV3: return view_from(node, 7, 8);
      default: return;
    }
  }

  void view_from(NodeId node, size_t fewest, size_t most) {
    const Args args = arguments(node, fewest, most);
    if (graph_.is(args[0], NodeKind::Call)) return;  // a storage made by a call: stays a record
    const PlacedStorage& storage = require_storage(args[0]);
    Tensor tensor = basic_view(storage, args);
    const bool has_dtype = graph_.callee_meaning(node) == Meaning::RebuildTensorV3;
    tensor.dtype = has_dtype ? require_dtype(args[6]) : require_typed(storage);
    if (args.size() > 4) tensor.requires_grad = require_flag(args[4]);
    if (args.size() == most && most > 4) read_metadata(args.back(), tensor);
    graph_.become_tensor(node, checkpoint_.tensors.add(std::move(tensor)));
  }

  Tensor basic_view(const PlacedStorage& storage, const Args& args) {
    Tensor tensor;
    tensor.storage = storage.row;
    tensor.offset = require_count(args[1], "storage_offset");
    tensor.shape = require_counts(args[2], "size");
    tensor.stride = require_counts(args[3], "stride");
    used_[storage.id.node] = true;
    return tensor;
  }

  const PlacedStorage& require_storage(NodeId node) const {
    const auto found = storages_.find(node);
    if (found == storages_.end()) fail(ErrorCode::Corrupt, "its first argument is no storage");
    return *found->second;
  }

  static DType require_typed(const PlacedStorage& storage) {
    if (!storage.id.dtype)
      fail(ErrorCode::Corrupt, "storage ", quoted(storage.id.key),
           " is untyped and no dtype given");
    return *storage.id.dtype;
  }

  DType require_dtype(NodeId node) const {
    if (graph_.meaning(node) != Meaning::DTypeName) {
      if (!graph_.is(node, NodeKind::Global)) fail(ErrorCode::Corrupt, "its dtype is no dtype");
      fail(ErrorCode::Unsupported, "dtype ", quoted(graph_.global(node).name), " is not known");
    }
    return *dtype_by_torch_name(graph_.global(node).name);
  }

  // {'conj': True, 'neg': True}, either or none: what is stored differs from the value.
  void read_metadata(NodeId node, Tensor& tensor) const {
    if (graph_.is(node, NodeKind::None)) return;
    if (!is_mapping(graph_, node)) fail(ErrorCode::Corrupt, "its metadata is no dict");
    for (const Member& entry : members(graph_, node, ModuleView::StateDict)) {
      if (entry.text == "conj")
        tensor.conj = require_flag(entry.value);
      else if (entry.text == "neg")
        tensor.neg = require_flag(entry.value);
      else
        fail(ErrorCode::Unsupported, "tensor metadata ", quoted(entry.text), " is not known");
    }
    if (tensor.conj && !info(tensor.dtype).is_complex)
      fail(ErrorCode::Corrupt, "a conjugate of ", info(tensor.dtype).torch_name);
  }

  // --- Calls that wrap a tensor ---

  void build_wrapper(NodeId node) {
    const NodeId tensor = wrapped_tensor(node);
    if (tensor != kNoNode) graph_.become_tensor(node, graph_.index(tensor));
  }

  // Follows wrappers down to a tensor, or to kNoNode.
  NodeId wrapped_tensor(NodeId node) {
    for (int step = 0; step < kLongestChain; ++step) {
      if (node == kNoNode || graph_.is(node, NodeKind::Tensor)) return node;
      if (!graph_.is(node, NodeKind::Call)) return kNoNode;
      node = inner(node);
    }
    fail(ErrorCode::Limit, "parameters of parameters: more than ", kLongestChain, " deep");
  }

  NodeId inner(NodeId node) {
    switch (graph_.callee_meaning(node)) {
      case Meaning::RebuildParameter: return arguments(node, 3, 3)[0];
      case Meaning::RebuildParameterWithState: return arguments(node, 4, 4)[0];
      case Meaning::Parameter: return parameter_data(node);
      default: return kNoNode;
    }
  }

  // Parameter(tensor[, requires_grad]), or Parameter() and BUILD with (data, ...).
  NodeId parameter_data(NodeId node) {
    const Args args = arguments(node, 0, 3);
    if (!args.empty()) return args[0];
    for (const NodeId state : graph_.items(graph_.call(node).states)) {
      if (!graph_.is(state, NodeKind::Tuple)) continue;
      const Args parts = graph_.items(state).to_vector();
      if (parts.size() == 4 && storages_.contains(parts[0])) return view_from_state(node, parts);
      if (!parts.empty()) return parts[0];
    }
    return kNoNode;
  }

  // BUILD (storage, offset, size, stride), as set_() takes them.
  NodeId view_from_state(NodeId node, const Args& parts) {
    const PlacedStorage& storage = require_storage(parts[0]);
    Tensor tensor = basic_view(storage, parts);
    tensor.dtype = require_typed(storage);
    graph_.become_tensor(node, checkpoint_.tensors.add(std::move(tensor)));
    return node;
  }

  // --- Arguments ---

  Args arguments(NodeId node, size_t fewest, size_t most) const {
    const NodeId tuple = graph_.call(node).args;
    if (!graph_.is(tuple, NodeKind::Tuple)) fail(ErrorCode::Corrupt, "its arguments are no tuple");
    Args args = graph_.items(tuple).to_vector();
    if (args.size() < fewest || args.size() > most)
      fail(ErrorCode::Corrupt, args.size(), " arguments, expected ", fewest,
           fewest == most ? "" : " to " + std::to_string(most));
    return args;
  }

  // Python counts True as 1.
  uint64_t require_count(NodeId node, const char* what) const {
    if (graph_.is(node, NodeKind::Bool)) return graph_.boolean(node) ? 1 : 0;
    if (!graph_.is(node, NodeKind::Int)) fail(ErrorCode::Corrupt, what, " is not an integer");
    if (graph_.integer(node) < 0)
      fail(ErrorCode::Corrupt, what, " is negative: ", graph_.integer(node));
    return static_cast<uint64_t>(graph_.integer(node));
  }

  std::vector<uint64_t> require_counts(NodeId node, const char* what) const {
    const NodeId sequence =
        graph_.callee_meaning(node) == Meaning::Size ? size_argument(node) : node;
    if (!graph_.is(sequence, NodeKind::Tuple) && !graph_.is(sequence, NodeKind::List))
      fail(ErrorCode::Corrupt, what, " is not a tuple of integers");
    std::vector<uint64_t> counts;
    for (const NodeId item : graph_.items(sequence)) counts.push_back(require_count(item, what));
    return counts;
  }

  NodeId size_argument(NodeId call) const { return arguments(call, 1, 1)[0]; }

  bool require_flag(NodeId node) const { return require_count(node, "a flag") != 0; }

  // --- What was not understood ---

  void report_leftovers() {
    std::map<std::string, uint64_t> tensors;  // by the name that would have made them
    for (const NodeId node : graph_.call_nodes())
      if (makes_unread_tensor(node)) ++tensors[callee_name(node)];
    for (const auto& [name, count] : tensors)
      note(count, " tensor made by " + name + " is", " tensors made by " + name + " are");
    uint64_t storages = 0;
    for (const auto& [node, storage] : storages_) storages += used_[node] ? 0 : 1;
    if (storages != 0 && tensors.empty())
      note(storages, " storage that belongs to no tensor is",
           " storages that belong to no tensor are");
  }

  void note(uint64_t count, const std::string& one, const std::string& many) {
    checkpoint_.notes.push_back(std::to_string(count) + (count == 1 ? one : many) +
                                " not read yet: left out");
  }

  // torch's own functions for tensors of other kinds: quantized, sparse, on no device...
  bool makes_unread_tensor(NodeId node) const {
    if (!graph_.is(node, NodeKind::Call)) return false;
    const NodeId callee = graph_.call(node).callee;
    return graph_.is(callee, NodeKind::Global) &&
           graph_.global(callee).module.starts_with("torch.") &&
           graph_.global(callee).name.starts_with("_rebuild");
  }

  std::string callee_name(NodeId node) const {
    const Global& callee = graph_.global(graph_.call(node).callee);
    return escaped(std::string(callee.module) + "." + std::string(callee.name));
  }

  Checkpoint& checkpoint_;
  Graph& graph_;
  std::unordered_map<NodeId, const PlacedStorage*> storages_;
  std::vector<bool> used_;  // by node: some tensor looks into it
};

}  // namespace

void build_tensors(Checkpoint& checkpoint, const std::vector<PlacedStorage>& storages) {
  TensorBuilder(checkpoint, storages).run();
}

}  // namespace unbrine
