#include "formats/torch/torch_objects.h"

#include <algorithm>
#include <map>
#include <set>

#include "formats/error.h"
#include "formats/object_view.h"
#include "formats/text.h"
#include "formats/torch/call_arguments.h"
#include "formats/torch/torch_composites.h"

namespace unbrine {
namespace {

// Wrappers of wrappers (a Parameter of a Parameter) are legal; a long chain is not.
constexpr int kLongestChain = 16;

class TensorBuilder {
 public:
  TensorBuilder(Checkpoint& checkpoint, IndexRange calls)
      : checkpoint_(checkpoint), graph_(checkpoint.graph), calls_(calls) {}

  void run() {
    // What a call is given, it finds made; what BUILD adds to it may be made later.
    for_each_call(&TensorBuilder::build_from_arguments);
    for_each_call(&TensorBuilder::build_wrapper);
    report();
  }

 private:
  using Args = std::vector<NodeId>;

  void for_each_call(void (TensorBuilder::*build)(NodeId)) {
    for (size_t i = calls_.begin; i < calls_.end; ++i) at_call(graph_.call_nodes()[i], build);
  }

  void at_call(NodeId node, void (TensorBuilder::*build)(NodeId)) {
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

  // --- Calls that have all they need in their arguments ---

  void build_from_arguments(NodeId node) {
    switch (graph_.callee_meaning(node)) {
      case Meaning::RebuildTensor: return view_from(node, 4, 4);
      case Meaning::RebuildTensorV2: return view_from(node, 6, 7);
      case Meaning::RebuildTensorV3: return view_from(node, 7, 8);
      case Meaning::RebuildQuantized:
      case Meaning::RebuildSparse:
      case Meaning::RebuildNested:
      case Meaning::RebuildJagged:
      case Meaning::RebuildMeta:
      case Meaning::UninitializedParameter: return composite_from(node);
      case Meaning::RebuildFromType: return build_from_type(node);
      default: return;
    }
  }

  void view_from(NodeId node, size_t fewest, size_t most) {
    const Args args = call_arguments(graph_, node, fewest, most);
    if (graph_.is(args[0], NodeKind::Call)) return;  // a storage made by a call: stays a record
    Tensor tensor = basic_view(args);
    const bool has_dtype = graph_.callee_meaning(node) == Meaning::RebuildTensorV3;
    tensor.dtype = has_dtype ? require_dtype(graph_, args[6]) : require_typed(args[0]);
    if (args.size() > 4) tensor.requires_grad = require_flag(graph_, args[4]);
    if (args.size() == most && most > 4) read_metadata(args.back(), tensor);
    graph_.become_tensor(node, checkpoint_.tensors.add(std::move(tensor)));
  }

  // (storage, offset, size, stride)
  Tensor basic_view(const Args& args) const {
    if (!graph_.is(args[0], NodeKind::Storage))
      fail(ErrorCode::Corrupt, "its first argument is no storage");
    Tensor tensor;
    tensor.storage = graph_.storage_row(args[0]);
    tensor.offset = require_count(graph_, args[1], "storage_offset");
    tensor.shape = require_counts(graph_, args[2], "size");
    tensor.stride = require_counts(graph_, args[3], "stride");
    return tensor;
  }

  DType require_typed(NodeId storage) const {
    const std::optional<DType> dtype = graph_.storage_dtype(storage);
    if (dtype) return *dtype;
    const uint32_t row = graph_.storage_row(storage);
    fail(ErrorCode::Corrupt, "storage ", quoted(checkpoint_.tensors.storages()[row].name),
         " is untyped and no dtype given");
  }

  // {'conj': True, 'neg': True}, either or none: what is stored differs from the value.
  void read_metadata(NodeId node, Tensor& tensor) const {
    if (graph_.is(node, NodeKind::None)) return;
    if (!is_mapping(graph_, node)) fail(ErrorCode::Corrupt, "its metadata is no dict");
    for (const Member& entry : members(graph_, node, ModuleView::StateDict)) {
      if (entry.text == "conj")
        tensor.conj = require_flag(graph_, entry.value);
      else if (entry.text == "neg")
        tensor.neg = require_flag(graph_, entry.value);
      else
        fail(ErrorCode::Unsupported, "tensor metadata ", quoted(entry.text), " is not known");
    }
    if (tensor.conj && !info(tensor.dtype).is_complex)
      fail(ErrorCode::Corrupt, "a conjugate of ", info(tensor.dtype).torch_name);
  }

  void composite_from(NodeId node) {
    auto composite = read_composite(checkpoint_, node);
    if (!composite) return;
    check_limit("dimensions:", composite->shape.size(), "max_rank", checkpoint_.limits.max_rank);
    graph_.become_composite(node, std::move(*composite));
  }

  // (func, cls, args, state): what func(*args) gives, of a class of its own and with attributes.
  void build_from_type(NodeId node) {
    const Args args = call_arguments(graph_, node, 4, 4);
    const Meaning function = graph_.meaning(args[0]);
    if (function == Meaning::Unknown || function == Meaning::RebuildFromType) return;
    Call inner = graph_.call(node);
    inner.callee = args[0];
    inner.args = args[2];
    inner.states = inner.items = inner.values = {};
    const NodeId made = graph_.add_call(inner);
    if (function == Meaning::RebuildWrapperSubclass) return unwrap_distributed(node, made, args);
    build_from_arguments(made);
    build_wrapper(made);
    become_like(node, made);
  }

  // A DTensor is a view of many ranks' tensors: this file has the one of its own rank. Other
  // wrappers stay objects, whose attributes hold what they wrap.
  void unwrap_distributed(NodeId node, NodeId made, const Args& args) {
    if (!graph_.is(args[1], NodeKind::Global) || graph_.global(args[1]).name != "DTensor") return;
    const NodeId local = attribute(graph_, args[3], "_local_tensor");
    if (local == kNoNode || !graph_.is(local, NodeKind::Tensor)) return;
    const Args wrapper = call_arguments(graph_, made, 8, 8);
    const Tensor& part = checkpoint_.tensors.tensors()[graph_.index(local)];
    if (part.shape != require_counts(graph_, wrapper[2], "size")) ++shards_;
    become_like(node, local);
  }

  void become_like(NodeId node, NodeId leaf) {
    if (graph_.is(leaf, NodeKind::Tensor)) graph_.become_tensor(node, graph_.index(leaf));
    if (!graph_.is(leaf, NodeKind::Composite)) return;
    graph_.become_composite(node, Composite(graph_.composite(leaf)));
    wrapped_.insert(leaf);
  }

  // --- Calls that wrap a tensor ---

  void build_wrapper(NodeId node) {
    if (graph_.callee_meaning(node) == Meaning::TensorClass) {
      view_from_states(node);
      return;
    }
    const NodeId leaf = wrapped(node);
    if (leaf != kNoNode && leaf != node) become_like(node, leaf);
  }

  // Follows wrappers down to a leaf, or to kNoNode.
  NodeId wrapped(NodeId node) {
    for (int step = 0; step < kLongestChain; ++step) {
      if (node == kNoNode) return node;
      node = graph_.resolved(node);
      if (graph_.is(node, NodeKind::Tensor) || graph_.is(node, NodeKind::Composite)) return node;
      if (!graph_.is(node, NodeKind::Call)) return kNoNode;
      node = inner(node);
    }
    fail(ErrorCode::Limit, "parameters of parameters: more than ", kLongestChain, " deep");
  }

  NodeId inner(NodeId node) {
    switch (graph_.callee_meaning(node)) {
      case Meaning::RebuildParameter: return call_arguments(graph_, node, 3, 3)[0];
      case Meaning::RebuildFromCpu:
      case Meaning::RebuildFromNumpy:
      case Meaning::RebuildParameterWithState: return call_arguments(graph_, node, 4, 4)[0];
      case Meaning::Parameter: return parameter_data(node);
      case Meaning::TensorClass: return view_from_states(node) ? node : kNoNode;
      default: return kNoNode;
    }
  }

  // Parameter(tensor[, requires_grad]), or Parameter() and BUILD with (data, ...).
  NodeId parameter_data(NodeId node) {
    const Args args = call_arguments(graph_, node, 0, 3);
    if (!args.empty()) return args[0];
    if (view_from_states(node)) return node;
    for (const NodeId state : graph_.items(graph_.call(node).states)) {
      if (!graph_.is(state, NodeKind::Tuple)) continue;
      const Items parts = graph_.items(state);
      if (!parts.empty()) return *parts.begin();
    }
    return kNoNode;
  }

  // BUILD (storage, offset, size, stride), as set_() takes them.
  bool view_from_states(NodeId node) {
    for (const NodeId state : graph_.items(graph_.call(node).states)) {
      if (!graph_.is(state, NodeKind::Tuple)) continue;
      const Args parts = sequence_items(graph_, state, "its state");
      if (parts.size() != 4 || !graph_.is(parts[0], NodeKind::Storage)) continue;
      Tensor tensor = basic_view(parts);
      tensor.dtype = require_typed(parts[0]);
      graph_.become_tensor(node, checkpoint_.tensors.add(std::move(tensor)));
      return true;
    }
    return false;
  }

  // --- What the user should know ---

  void report() {
    std::map<std::string, uint64_t> unread;  // by the name that would have made them
    for (size_t i = calls_.begin; i < calls_.end; ++i) {
      const NodeId node = graph_.call_nodes()[i];
      if (makes_unread_tensor(node)) ++unread[callee_name(node)];
    }
    for (const auto& [name, count] : unread)
      note(count, " tensor", " made by " + name + ", which is not known: kept as a record");
    note(tensors_without_data(), " tensor",
         " on the meta device or not initialised yet: without data, so nothing is written");
    note(shards_, " distributed tensor",
         ": this file holds only the part of its own rank (convert the whole folder of a "
         "distributed checkpoint for all of it)");
  }

  uint64_t tensors_without_data() const {
    uint64_t count = 0;
    for (size_t i = calls_.begin; i < calls_.end; ++i) {
      const NodeId node = graph_.call_nodes()[i];
      if (graph_.is(node, NodeKind::Composite) && graph_.composite(node).parts.empty())
        count += wrapped_.contains(node) ? 0 : 1;
    }
    return count;
  }

  void note(uint64_t count, const std::string& what, const std::string& rest) {
    if (count == 0) return;
    checkpoint_.notes.push_back(std::to_string(count) + what + (count == 1 ? "" : "s") + rest);
  }

  // torch's own functions for tensors of kinds that came after this program.
  bool makes_unread_tensor(NodeId node) const {
    if (!graph_.is(node, NodeKind::Call)) return false;
    const NodeId callee = graph_.call(node).callee;
    return graph_.meaning(callee) == Meaning::Unknown && graph_.is(callee, NodeKind::Global) &&
           graph_.global(callee).module.starts_with("torch.") &&
           graph_.global(callee).name.starts_with("_rebuild");
  }

  std::string callee_name(NodeId node) const {
    const Global& callee = graph_.global(graph_.call(node).callee);
    return escaped(std::string(callee.module) + "." + std::string(callee.name));
  }

  Checkpoint& checkpoint_;
  Graph& graph_;
  const IndexRange calls_;
  uint64_t shards_ = 0;
  std::set<NodeId> wrapped_;  // composites that a parameter wraps
};

}  // namespace

void build_tensors(Checkpoint& checkpoint, IndexRange calls) {
  TensorBuilder(checkpoint, calls).run();
}

}  // namespace unbrine
