#include "formats/torch/tensor_calls.h"

#include <algorithm>

#include "formats/dict_entries.h"
#include "formats/object_view.h"
#include "formats/torch/object_fields.h"

namespace unbrine {
namespace {

bool is_numpy(Meaning meaning) {
  return meaning == Meaning::NumpyReconstruct || meaning == Meaning::NumpyFromBuffer ||
         meaning == Meaning::JoblibArray;
}

std::vector<NodeId> arguments_of(const Graph& graph, const Call& call) {
  std::vector<NodeId> args;
  if (graph.is(call.args, NodeKind::Tuple))
    for (const NodeId item : graph.items(call.args)) args.push_back(graph.resolved(item));
  return args;
}

bool has_state_argument(Meaning meaning) {
  return meaning == Meaning::RebuildParameterWithState || meaning == Meaning::RebuildFromType;
}

// The arguments of the function that makes the tensor: _rebuild_from_type_v2 has them inside.
std::vector<NodeId> rebuild_arguments(const Graph& graph, NodeId node) {
  if (!graph.has_tensor_call(node)) return {};
  const Call& call = graph.tensor_call(node);
  std::vector<NodeId> args = arguments_of(graph, call);
  if (graph.meaning(call.callee) != Meaning::RebuildFromType || args.size() != 4) return args;
  if (!graph.is(args[2], NodeKind::Tuple)) return {};
  return graph.items(args[2]).to_vector();
}

bool is_true(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Bool) && graph.boolean(node);
}

// What a tensor is made of is no attribute of it.
bool is_own_part(const Graph& graph, NodeId node, NodeId value) {
  value = graph.resolved(value);
  if (!graph.is(value, NodeKind::Tensor)) return false;
  const uint32_t row = graph.index(value);
  if (graph.is(node, NodeKind::Tensor)) return graph.index(node) == row;
  return std::ranges::any_of(graph.composite(node).parts, [&](const CompositePart& part) {
    return graph.index(part.tensor) == row;
  });
}

// dicts, or (dict, dict of slots): by the constructor, then by BUILD.
std::vector<NodeId> attribute_states(const Graph& graph, const Call& call) {
  std::vector<NodeId> states = graph.items(call.states).to_vector();
  const std::vector<NodeId> args = arguments_of(graph, call);
  if (has_state_argument(graph.meaning(call.callee)) && args.size() == 4)
    states.insert(states.begin(), args[3]);
  return states;
}

}  // namespace

bool makes_parameter(const Graph& graph, const Call& call) {
  const Meaning meaning = graph.meaning(call.callee);
  return meaning == Meaning::RebuildParameter || meaning == Meaning::RebuildParameterWithState ||
         (meaning == Meaning::Parameter && graph.global(call.callee).name == "Parameter");
}

// Parameter(data, requires_grad), or BUILD with (data, requires_grad, hooks).
bool parameter_requires_grad(const Graph& graph, const Call& call) {
  std::vector<NodeId> args = arguments_of(graph, call);
  if (args.empty())
    for (const NodeId state : graph.items(call.states))
      if (graph.is(state, NodeKind::Tuple)) args = graph.items(state).to_vector();
  return args.size() < 2 || args.size() > 4 || is_true(graph, args[1]);
}

NodeId parameter_data(const Graph& graph, NodeId node, const Call& call) {
  const std::vector<NodeId> args = arguments_of(graph, call);
  const bool apart = !args.empty() && args[0] != node && graph.kind(args[0]) == graph.kind(node);
  return apart ? args[0] : kNoNode;
}

std::string lost_class(const Graph& graph, const Call& call) {
  const Meaning meaning = graph.meaning(call.callee);
  if (is_numpy(meaning)) return "numpy.ndarray";
  if (meaning == Meaning::Parameter) return full_name(graph.global(call.callee));
  if (meaning != Meaning::RebuildFromType) return {};
  const std::vector<NodeId> args = arguments_of(graph, call);
  if (args.size() != 4 || !graph.is(args[1], NodeKind::Global)) return {};
  const std::string name = full_name(graph.global(args[1]));
  const bool kept = name == "torch.Tensor" || name == "torch._tensor.Tensor" ||
                    name == "torch.nested._internal.nested_tensor.NestedTensor";
  return kept ? std::string() : name;
}

std::vector<NodeId> tensor_attributes(const Graph& graph, NodeId node) {
  std::vector<NodeId> pairs;
  if (!graph.has_tensor_call(node)) return pairs;
  const Call& call = graph.tensor_call(node);
  if (is_numpy(graph.meaning(call.callee))) return pairs;
  const auto add = [&](NodeId dict) {
    const std::vector<NodeId> entries = graph.items(dict).to_vector();
    for (size_t i = 0; i + 1 < entries.size(); i += 2)
      if (graph.is(entries[i], NodeKind::String) && !is_own_part(graph, node, entries[i + 1]))
        pairs.insert(pairs.end(), {entries[i], entries[i + 1]});
  };
  for (const NodeId state : attribute_states(graph, call)) {
    if (graph.is(state, NodeKind::Dict)) add(state);
    if (!graph.is(state, NodeKind::Tuple) || graph.items(state).to_vector().size() != 2) continue;
    for (const NodeId part : graph.items(state))
      if (graph.is(part, NodeKind::Dict)) add(part);
  }
  return pairs;
}

bool is_coalesced(const Graph& graph, NodeId node) {
  const std::vector<NodeId> args = rebuild_arguments(graph, node);
  if (graph.composite(node).layout != "sparse_coo" || args.size() != 2) return false;
  const NodeId data = graph.resolved(args[1]);
  if (!is_sequence(graph, data)) return false;
  const std::vector<NodeId> items = graph.items(data).to_vector();
  return items.size() == 4 && is_true(graph, items[3]);
}

// (dtype, size, stride, requires_grad)
bool meta_requires_grad(const Graph& graph, NodeId node) {
  const std::vector<NodeId> args = rebuild_arguments(graph, node);
  return args.size() == 4 && is_true(graph, args[3]);
}

// The last of what a masked array was built with.
NodeId masked_fill_value(const Graph& graph, NodeId node) {
  if (!graph.has_tensor_call(node)) return kNoNode;
  for (const NodeId state : graph.items(graph.tensor_call(node).states)) {
    if (!graph.is(state, NodeKind::Tuple)) continue;
    const std::vector<NodeId> items = graph.items(state).to_vector();
    if (items.size() == 7) return items[6];
  }
  return kNoNode;
}

// ({"values": tensor, ..., "_ragged_idx": 1})
NodeId jagged_option(const Graph& graph, NodeId node, std::string_view name) {
  const std::vector<NodeId> args = rebuild_arguments(graph, node);
  if (args.size() != 1) return kNoNode;
  const NodeId value = attribute(graph, graph.resolved(args[0]), name);
  const bool plain =
      value != kNoNode && (graph.is(value, NodeKind::Int) || graph.is(value, NodeKind::Bool));
  return plain ? value : kNoNode;
}

}  // namespace unbrine
