// What a tensor is beside its numbers: its class, its attributes, whether it wants a gradient. Told
// by the call that made it, and by those that this call wraps.
#pragma once

#include <vector>

#include "formats/pickle/graph.h"

namespace unbrine {

struct TensorFacts {
  bool is_array = false;  // of numpy
  bool requires_grad = false;
  NodeId type = kNoNode;       // a class other than torch.Tensor and numpy.ndarray
  bool is_parameter = false;   // torch.nn.Parameter, which has no node of its own
  std::vector<NodeId> states;  // attributes, one for each call that gave some
  NodeId fill = kNoNode;       // of a masked array
};

// Of a Tensor or Composite. `requires_grad` is what its row of the table says of a plain view.
TensorFacts tensor_facts(const Graph& graph, NodeId node, bool requires_grad);

// The class of an array that such a call makes; kNoNode for numpy.ndarray itself.
NodeId array_class(const Graph& graph, const Call& call);

bool is_numpys_class(const Graph& graph, NodeId type);  // "numpy.matrix"

}  // namespace unbrine
