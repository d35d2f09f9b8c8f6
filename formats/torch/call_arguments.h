// Arguments of the calls that make tensors, held against what torch expects. Everything here throws
// Corrupt for a value of another kind; `what` names it in the message.
#pragma once

#include <vector>

#include "formats/pickle/graph.h"

namespace unbrine {

// The arguments of a Call, streams and aliases resolved.
std::vector<NodeId> call_arguments(const Graph& graph, NodeId call, size_t fewest, size_t most);

// The items of a Tuple, List or torch.Size, resolved.
std::vector<NodeId> sequence_items(const Graph& graph, NodeId node, const char* what);

uint64_t require_count(const Graph& graph, NodeId node, const char* what);
std::vector<uint64_t> require_counts(const Graph& graph, NodeId node, const char* what);
bool require_flag(const Graph& graph, NodeId node);

// torch.float32 and the like. Throws Unsupported for a dtype that is not known.
DType require_dtype(const Graph& graph, NodeId node);

// A Tensor leaf.
NodeId require_tensor(const Graph& graph, NodeId node, const char* what);

}  // namespace unbrine
