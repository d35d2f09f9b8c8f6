// From a value graph to names of tensors.
#pragma once

#include <string>
#include <vector>

#include "formats/limits.h"
#include "formats/object_view.h"

namespace unbrine {

struct NamedTensor {
  std::string name;  // the path below the root, parts joined by '.', as the file has them
  NodeId node;
  uint32_t top;  // position of the part's member at or below which it lies
};

class TensorNames {
 public:
  // Finds once which of the nodes below `root` have tensors below them. Graph and limits must
  // outlive this.
  TensorNames(const Graph& graph, NodeId root, const Limits& limits);

  // True if the node is a tensor or refers to one, directly or through others. Here and below, the
  // node must lie below the root.
  bool any_below(NodeId node) const { return relevant_[node]; }

  // Every tensor below `part`, once for each path to it, in the order of the file; the part itself,
  // if it is one, is named "tensor". A shared container or module is walked at each of its places,
  // as state_dict() does; an object of another class only at its first. Cycles end where they
  // close. Linear in the names found: branches without tensors are not entered. Throws Limit.
  std::vector<NamedTensor> below(NodeId part, ModuleView view) const;

 private:
  const Graph& graph_;
  const Limits& limits_;
  std::vector<bool> relevant_;
};

struct ChangedName {
  size_t index;          // of the name in the list
  std::string original;  // raw bytes
};

// Makes names fit to be written: valid UTF-8, none of them `__metadata__`, no two equal. Of equal
// names the first keeps it; the others take the smallest ~n that no other name has. Returns what
// was changed, in order.
std::vector<ChangedName> make_names_writable(std::vector<std::string>& names);

}  // namespace unbrine
