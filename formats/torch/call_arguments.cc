#include "formats/torch/call_arguments.h"

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

bool is_sequence(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Tuple) || graph.is(node, NodeKind::List);
}

std::vector<NodeId> resolved_items(const Graph& graph, NodeId sequence) {
  std::vector<NodeId> items;
  for (const NodeId item : graph.items(sequence)) items.push_back(graph.resolved(item));
  return items;
}

}  // namespace

std::vector<NodeId> call_arguments(const Graph& graph, NodeId call, size_t fewest, size_t most) {
  const NodeId tuple = graph.call(call).args;
  if (!graph.is(tuple, NodeKind::Tuple)) fail(ErrorCode::Corrupt, "its arguments are no tuple");
  std::vector<NodeId> args = resolved_items(graph, tuple);
  if (args.size() < fewest || args.size() > most)
    fail(ErrorCode::Corrupt, args.size(), " arguments, expected ", fewest,
         fewest == most ? "" : " to " + std::to_string(most));
  return args;
}

std::vector<NodeId> sequence_items(const Graph& graph, NodeId node, const char* what) {
  if (graph.callee_meaning(node) == Meaning::Size) node = call_arguments(graph, node, 1, 1)[0];
  if (!is_sequence(graph, node)) fail(ErrorCode::Corrupt, what, " is no tuple");
  return resolved_items(graph, node);
}

// Python counts True as 1.
uint64_t require_count(const Graph& graph, NodeId node, const char* what) {
  if (graph.is(node, NodeKind::Bool)) return graph.boolean(node) ? 1 : 0;
  if (!graph.is(node, NodeKind::Int)) fail(ErrorCode::Corrupt, what, " is not an integer");
  if (graph.integer(node) < 0)
    fail(ErrorCode::Corrupt, what, " is negative: ", graph.integer(node));
  return static_cast<uint64_t>(graph.integer(node));
}

std::vector<uint64_t> require_counts(const Graph& graph, NodeId node, const char* what) {
  std::vector<uint64_t> counts;
  if (graph.callee_meaning(node) == Meaning::Size) node = call_arguments(graph, node, 1, 1)[0];
  if (!is_sequence(graph, node)) fail(ErrorCode::Corrupt, what, " is not a tuple of integers");
  for (const NodeId item : graph.items(node)) counts.push_back(require_count(graph, item, what));
  return counts;
}

bool require_flag(const Graph& graph, NodeId node) {
  return require_count(graph, node, "a flag") != 0;
}

DType require_dtype(const Graph& graph, NodeId node) {
  if (graph.meaning(node) == Meaning::DTypeName)
    return *dtype_by_torch_name(graph.global(node).name);
  if (!graph.is(node, NodeKind::Global)) fail(ErrorCode::Corrupt, "its dtype is no dtype");
  fail(ErrorCode::Unsupported, "dtype ", quoted(graph.global(node).name), " is not known");
}

NodeId require_tensor(const Graph& graph, NodeId node, const char* what) {
  if (!graph.is(node, NodeKind::Tensor)) fail(ErrorCode::Corrupt, what, " is no tensor");
  return node;
}

}  // namespace unbrine
