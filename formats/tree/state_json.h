// The tree of a checkpoint that is not tensors, as JSON: schema unbrine.tree/1.
#pragma once

#include <span>
#include <string>

#include "formats/pickle/graph.h"
#include "formats/tensor.h"

namespace unbrine {

// Where a tensor was written.
struct TensorPlace {
  std::string file = {};      // "model.safetensors"; empty: it was left out
  std::string name = {};      // in that file
  std::string alias_of = {};  // a name in the same file with the same view, if it has one
};

// The document for everything at and below `root`. `places` has one entry for each row of the
// table. Work and text grow with the nodes below the root, never with the paths to them. Throws
// Io or Corrupt where bytes that stay in the source of a pickle cannot be read, Limit.
std::string state_json(const Graph& graph, NodeId root, const TensorTable& table,
                       std::span<const TensorPlace> places, const Limits& limits);

}  // namespace unbrine
