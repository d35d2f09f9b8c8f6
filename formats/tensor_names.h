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
  uint32_t top;  // position of the root's member at or below which it lies
};

class TensorNames {
 public:
  // Finds once which nodes have tensors below them. Both must outlive this.
  TensorNames(const Graph& graph, const Limits& limits);

  // True if the node is a tensor or refers to one, directly or through others.
  bool any_below(NodeId node) const { return relevant_[node]; }

  // Every tensor below `root`, once for each path to it, in the order of the file; the root itself,
  // if it is one, is named "tensor". A shared container or module is walked at each of its places,
  // as state_dict() does; an object of another class only at its first. Cycles end where they
  // close. Linear in the names found: branches without tensors are not entered. Throws Limit.
  std::vector<NamedTensor> below(NodeId root, ModuleView view) const;

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
