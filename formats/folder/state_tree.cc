#include "formats/folder/state_tree.h"

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

std::string text_of(const PathPart& part) {
  const auto* text = std::get_if<std::string>(&part);
  return text != nullptr ? quoted(*text) : std::to_string(std::get<uint64_t>(part));
}

NodeId key_node(Graph& graph, const PathPart& part) {
  const auto* text = std::get_if<std::string>(&part);
  if (text != nullptr) return graph.add_text(NodeKind::String, as_bytes(*text));
  return graph.add_int(static_cast<int64_t>(std::get<uint64_t>(part)));
}

}  // namespace

StateTree::Child& StateTree::child_at(size_t container, const PathPart& part, bool& is_new) {
  Container& parent = containers_[container];
  const auto [place, added] = parent.places.emplace(part, parent.children.size());
  if (added) parent.children.push_back({part, kNoNode, 0});
  is_new = added;
  return parent.children[place->second];
}

void StateTree::add(const std::vector<PathPart>& path, NodeId leaf) {
  size_t container = 0;
  bool is_new = false;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    Child& child = child_at(container, path[i], is_new);
    if (is_new) child.container = containers_.size();
    if (child.leaf != kNoNode)
      fail(ErrorCode::Corrupt, "a path goes through ", text_of(path[i]), ", which is a value");
    container = child.container;
    if (is_new) containers_.emplace_back();
  }
  Child& child = child_at(container, path.back(), is_new);
  if (!is_new) fail(ErrorCode::Corrupt, "two values have the path ... ", text_of(path.back()));
  child.leaf = leaf;
}

bool StateTree::is_list(const Container& container) {
  uint64_t next = 0;  // places are in order: all texts, then all numbers
  for (const auto& [part, place] : container.places)
    if (!std::holds_alternative<uint64_t>(part) || std::get<uint64_t>(part) != next++) return false;
  return next > 0;
}

// From the last container to the first: those below are built before those that hold them.
NodeId StateTree::build(Graph& graph) const {
  std::vector<NodeId> nodes(containers_.size());
  for (size_t i = containers_.size(); i-- > 0;) {
    const Container& container = containers_[i];
    const bool list = i != 0 && is_list(container);
    nodes[i] = graph.add_container(list ? NodeKind::List : NodeKind::Dict);
    const auto node_of = [&](const Child& child) {
      return child.leaf != kNoNode ? child.leaf : nodes[child.container];
    };
    if (list) {
      for (const auto& [part, place] : container.places) {
        const NodeId item = node_of(container.children[place]);
        graph.append(nodes[i], &item, 1);
      }
      continue;
    }
    for (const Child& child : container.children) {
      const NodeId pair[] = {key_node(graph, child.part), node_of(child)};
      graph.append(nodes[i], pair, 2);
    }
  }
  return nodes[0];
}

}  // namespace unbrine
