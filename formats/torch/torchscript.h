// TorchScript since torch 1.3: a zip of <prefix>/data.pkl with the module, constants.pkl with the
// tensors that its code mentions, and the code, which is not looked at.
#pragma once

#include "formats/archive/archive.h"
#include "formats/checkpoint.h"

namespace unbrine {

// `prefix` is the first part of every entry's name. Throws Corrupt, Limit, Unsupported.
Content read_torchscript(const Probe& probe, const std::shared_ptr<const Archive>& archive,
                         const std::string& prefix, Checkpoint& checkpoint);

// Each throws Corrupt with the name of the entry whose object the node is.
void require_script_object(const Graph& graph, NodeId node, const std::string& entry);
void require_tuple(const Graph& graph, NodeId node, const std::string& entry);

// Gives a module the attribute `constants`, or `constants~1` if it has one of that name already;
// none if there are no constants.
void add_constants(Graph& graph, NodeId module, NodeId constants);

}  // namespace unbrine
