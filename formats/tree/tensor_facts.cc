#include "formats/tree/tensor_facts.h"

#include "formats/numpy/numpy_objects.h"
#include "formats/object_view.h"

namespace unbrine {
namespace {

using Nodes = std::vector<NodeId>;

constexpr int kLongestChain = 16;  // of wrappers, as the reader of tensors allows
constexpr size_t kMostArguments = 8;

Nodes tuple_items(const Graph& graph, NodeId node) {
  Nodes items;
  if (!graph.is(node, NodeKind::Tuple)) return items;
  for (const NodeId item : graph.items(node)) {
    items.push_back(graph.resolved(item));
    if (items.size() == kMostArguments) break;
  }
  return items;
}

bool is_true(const Graph& graph, NodeId node) {
  if (graph.is(node, NodeKind::Bool)) return graph.boolean(node);
  return graph.is(node, NodeKind::Int) && graph.integer(node) != 0;
}

bool is_global(const Graph& graph, NodeId node, std::string_view module, std::string_view name) {
  return graph.is(node, NodeKind::Global) && graph.global(node).module == module &&
         graph.global(node).name == name;
}

bool is_plain_array(const Graph& graph, NodeId type) {
  return is_global(graph, type, "numpy", "ndarray") || is_global(graph, type, "numpy", "memmap") ||
         is_global(graph, type, "numpy.core.memmap", "memmap");
}

class FactFinder {
 public:
  FactFinder(const Graph& graph, bool requires_grad) : graph_(graph) {
    facts_.requires_grad = requires_grad;
  }

  TensorFacts run(NodeId node) {
    for (int step = 0; step < kLongestChain && node != kNoNode; ++step) {
      const bool is_leaf =
          graph_.is(node, NodeKind::Tensor) || graph_.is(node, NodeKind::Composite);
      if (!is_leaf || !graph_.has_tensor_call(node)) break;
      node = look_at(graph_.tensor_call(node), step == 0);
    }
    return std::move(facts_);
  }

 private:
  // Gives the tensor that the call wraps, or kNoNode.
  NodeId look_at(const Call& call, bool is_outermost) {
    const Meaning meaning = graph_.meaning(call.callee);
    const Nodes args = tuple_items(graph_, call.args);
    switch (meaning) {
      case Meaning::RebuildParameter:
      case Meaning::RebuildParameterWithState:
      case Meaning::RebuildFromCpu:
      case Meaning::RebuildFromNumpy:
        wrapper(meaning, args, is_outermost);
        add_states(call);
        return args.empty() ? kNoNode : args[0];
      case Meaning::RebuildFromType: return from_type(call, args, is_outermost);
      case Meaning::Parameter: return parameter(call, args, is_outermost);
      case Meaning::RebuildQuantized:
      case Meaning::RebuildMeta:
      case Meaning::UninitializedParameter:
        if (is_outermost) without_wrapper(call, meaning, args);
        return add_states(call), kNoNode;
      case Meaning::NumpyReconstruct:
      case Meaning::NumpyMaskedReconstruct:
      case Meaning::NumpyFromBuffer:
      case Meaning::JoblibArray:
        if (is_outermost) array(call, meaning);
        return kNoNode;
      default: return add_states(call), kNoNode;
    }
  }

  void wrapper(Meaning meaning, const Nodes& args, bool is_outermost) {
    const bool is_parameter =
        meaning == Meaning::RebuildParameter || meaning == Meaning::RebuildParameterWithState;
    const size_t flag = is_parameter ? 1 : 3;
    if (is_outermost) facts_.is_parameter = is_parameter;
    if (is_outermost) facts_.requires_grad = args.size() > flag && is_true(graph_, args[flag]);
    if (meaning == Meaning::RebuildParameterWithState && args.size() == 4) add_state(args[3]);
  }

  // (func, cls, args, state)
  NodeId from_type(const Call& call, const Nodes& args, bool is_outermost) {
    if (args.size() != 4) return kNoNode;
    const Nodes inner = tuple_items(graph_, args[2]);
    const Meaning function = graph_.meaning(args[0]);
    const bool is_plain = is_global(graph_, args[1], "torch", "Tensor");
    const bool wraps =
        function == Meaning::RebuildParameter || function == Meaning::RebuildParameterWithState;
    if (wraps) wrapper(function, inner, is_outermost);
    if (is_outermost) facts_.is_parameter = false;
    if (is_outermost && !is_plain) facts_.type = args[1];
    add_state(args[3]);
    add_states(call);
    return wraps && !inner.empty() ? inner[0] : kNoNode;
  }

  // Parameter(data[, requires_grad]), or BUILD (data, requires_grad, hooks).
  NodeId parameter(const Call& call, const Nodes& args, bool is_outermost) {
    const std::string_view name = graph_.global(call.callee).name;
    NodeId data = args.empty() ? kNoNode : args[0];
    bool wants = args.size() > 1 ? is_true(graph_, args[1]) : name == "Parameter";
    for (const NodeId state : graph_.items(call.states)) {
      const Nodes parts = tuple_items(graph_, state);
      // (data, ..., requires_grad, volatile) or (requires_grad, volatile, hooks), in old files.
      if (parts.size() == 5) wants = is_true(graph_, parts[3]);
      if (parts.size() == 3 && graph_.is(parts[0], NodeKind::Bool))
        wants = is_true(graph_, parts[0]);
      if (data == kNoNode && !parts.empty()) data = parts[0];
    }
    if (is_outermost) {
      facts_.requires_grad = wants;
      facts_.is_parameter = name == "Parameter";
      if (name == "Buffer") facts_.type = call.callee;
    }
    add_states(call);
    return data;
  }

  void without_wrapper(const Call& call, Meaning meaning, const Nodes& args) {
    const size_t flag = meaning == Meaning::RebuildQuantized ? 5
                        : meaning == Meaning::RebuildMeta    ? 3
                                                             : 0;
    facts_.requires_grad = args.size() > flag && is_true(graph_, args[flag]);
    if (meaning == Meaning::UninitializedParameter) facts_.type = call.callee;
  }

  void array(const Call& call, Meaning meaning) {
    facts_.is_array = true;
    facts_.requires_grad = false;
    facts_.type = array_class(graph_, call);
    if (meaning == Meaning::NumpyReconstruct && facts_.type != kNoNode &&
        !is_numpys_class(graph_, facts_.type))
      facts_.states = state_beyond_numpys(graph_, call);
    if (meaning == Meaning::NumpyMaskedReconstruct)
      for (const NodeId state : graph_.items(call.states)) {
        const Nodes parts = tuple_items(graph_, state);
        if (parts.size() == 7) facts_.fill = parts[6];
      }
  }

  // Tuples are how old versions of torch hand over the data itself, unless they are a dict of
  // attributes and one of slots.
  void add_states(const Call& call) {
    for (const NodeId state : graph_.items(call.states)) {
      const Nodes parts = tuple_items(graph_, state);
      const bool is_slots = parts.size() == 2 && graph_.is(parts[1], NodeKind::Dict);
      if (!graph_.is(state, NodeKind::Tuple) || is_slots) add_state(state);
    }
  }

  void add_state(NodeId state) {
    const bool is_empty = graph_.is(state, NodeKind::None) ||
                          (graph_.is(state, NodeKind::Dict) && graph_.items(state).empty());
    if (!is_empty) facts_.states.push_back(state);
  }

  const Graph& graph_;
  TensorFacts facts_;
};

}  // namespace

NodeId array_class(const Graph& graph, const Call& call) {
  const Meaning meaning = graph.meaning(call.callee);
  NodeId type = kNoNode;
  if (meaning == Meaning::JoblibArray)
    for (const NodeId state : graph.items(call.states)) type = attribute(graph, state, "subclass");
  if (meaning == Meaning::NumpyReconstruct) {
    const Nodes args = tuple_items(graph, call.args);
    if (!args.empty()) type = args[0];
  }
  return type == kNoNode || is_plain_array(graph, type) ? kNoNode : type;
}

bool is_numpys_class(const Graph& graph, NodeId type) {
  if (!graph.is(type, NodeKind::Global)) return false;
  const std::string_view module = graph.global(type).module;
  return module == "numpy" || module.starts_with("numpy.");
}

TensorFacts tensor_facts(const Graph& graph, NodeId node, bool requires_grad) {
  return FactFinder(graph, requires_grad).run(node);
}

}  // namespace unbrine
