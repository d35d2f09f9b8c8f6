// What the call that made a tensor says of it beside its data: whether it is a Parameter, which
// attributes it has, and what only some kinds of tensors know.
#pragma once

#include <string>
#include <vector>

#include "formats/pickle/graph.h"

namespace unbrine {

// A Parameter, not a Buffer or a Variable.
bool makes_parameter(const Graph& graph, const Call& call);
bool parameter_requires_grad(const Graph& graph, const Call& call);

// The tensor of its own that a Parameter was made of; kNoNode if the file has none apart.
NodeId parameter_data(const Graph& graph, NodeId node, const Call& call);

// The class that a tensor has in the file and not as torch.Tensor; empty if there is none.
std::string lost_class(const Graph& graph, const Call& call);

// Of a Tensor or Composite: key, value, ... of what the constructor or BUILD set on the tensor
// object, without what it is made of.
std::vector<NodeId> tensor_attributes(const Graph& graph, NodeId node);

// Of a Composite:
bool is_coalesced(const Graph& graph, NodeId node);         // the file says that a COO tensor is
bool meta_requires_grad(const Graph& graph, NodeId node);   // of a tensor without data
NodeId masked_fill_value(const Graph& graph, NodeId node);  // kNoNode if there is none
// An int or bool that a jagged tensor was made with, by name; kNoNode if there is none.
NodeId jagged_option(const Graph& graph, NodeId node, std::string_view name);

}  // namespace unbrine
