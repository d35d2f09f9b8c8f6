// Builds dicts and lists from the paths of their leaves.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "formats/pickle/graph.h"

namespace unbrine {

using PathPart = std::variant<std::string, uint64_t>;  // a key of a dict, a place in a list

class StateTree {
 public:
  StateTree() : containers_(1) {}

  // The path has at least one part. Throws Corrupt if something stands there already, or above it.
  void add(const std::vector<PathPart>& path, NodeId leaf);

  // The root, a Dict. Containers whose parts are the numbers from 0 on are Lists, others Dicts.
  NodeId build(Graph& graph) const;

 private:
  struct Child {
    PathPart part;
    NodeId leaf;       // kNoNode: a container
    size_t container;  // index
  };
  struct Container {
    std::vector<Child> children;  // in the order of their first leaf
    std::map<PathPart, size_t> places;
  };

  Child& child_at(size_t container, const PathPart& part, bool& is_new);
  static bool is_list(const Container& container);

  std::vector<Container> containers_;  // the root first, each before those below it
};

}  // namespace unbrine
