// Walking a value graph from a root, over every reference, named or not. Work lists and bitmaps, no
// recursion: the depth of a file's nesting must not become ours.
#pragma once

#include <vector>

#include "formats/object_view.h"
#include "formats/pickle/graph.h"

namespace unbrine {

inline bool has_children(const Graph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case NodeKind::Tuple:
    case NodeKind::List:
    case NodeKind::Dict:
    case NodeKind::Set:
    case NodeKind::FrozenSet:
    case NodeKind::Call:
    case NodeKind::Tensor:
    case NodeKind::Composite: return true;
    default: return false;
  }
}

// Calls `visit` with every node that `node` refers to, streams and aliases resolved, whether or not
// it gives it a name; of a tensor with its attributes.
template <class Visit>
void for_each_child(const Graph& graph, NodeId node, Visit visit) {
  const auto visit_all = [&](Items items) {
    for (const NodeId child : items) visit(graph.resolved(child));
  };
  if (graph.is(node, NodeKind::Tensor) || graph.is(node, NodeKind::Composite)) {
    for (const Member& member : members(graph, node, ModuleView::Everything)) visit(member.value);
    return;
  }
  if (!graph.is(node, NodeKind::Call)) return visit_all(graph.items(node));
  const Call& call = graph.call(node);
  visit(graph.resolved(call.args));
  if (call.kwargs != kNoNode) visit(graph.resolved(call.kwargs));
  for (const Chain& chain : {call.states, call.items, call.values}) visit_all(graph.items(chain));
}

// Calls `visit` once with every node at or below `root`.
template <class Visit>
void for_each_below(const Graph& graph, NodeId root, Visit visit) {
  std::vector<bool> seen(graph.size(), false);
  std::vector<NodeId> pending;
  const auto see = [&](NodeId node) {
    if (seen[node]) return;
    seen[node] = true;
    visit(node);
    if (has_children(graph, node)) pending.push_back(node);
  };
  see(root);
  while (!pending.empty()) {
    const NodeId node = pending.back();
    pending.pop_back();
    for_each_child(graph, node, see);
  }
}

}  // namespace unbrine
