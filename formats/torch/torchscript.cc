#include "formats/torch/torchscript.h"

#include <algorithm>

#include "formats/error.h"
#include "formats/text.h"
#include "formats/torch/torch_archive.h"

namespace unbrine {
namespace {

// Storages are numbered from 0 in each of the two folders.
NodeId read_constants(TorchArchive& torch) {
  const ArchiveEntry& entry = torch.require("constants.pkl");
  const NodeId constants = torch.read_pickle(entry, {"constants/"});
  require_tuple(torch.checkpoint().graph, constants, entry.name);
  return constants;
}

bool has_program(const Archive& archive, const std::string& prefix) {
  return std::ranges::any_of(archive.entries, [&](const ArchiveEntry& entry) {
    return entry.name.starts_with(prefix + "/code/");
  });
}

}  // namespace

void require_script_object(const Graph& graph, NodeId node, const std::string& entry) {
  if (!graph.is(node, NodeKind::Call) || !graph.is(graph.call(node).callee, NodeKind::Global))
    fail(ErrorCode::Corrupt, quoted(entry), ": expected an object of a class, found ",
         kind_name(graph.kind(node)));
}

void require_tuple(const Graph& graph, NodeId node, const std::string& entry) {
  if (!graph.is(node, NodeKind::Tuple))
    fail(ErrorCode::Corrupt, quoted(entry), ": expected a tuple, found ",
         kind_name(graph.kind(node)));
}

void add_constants(Graph& graph, NodeId module, NodeId constants) {
  if (graph.items(constants).empty()) return;
  const NodeId state = graph.add_container(NodeKind::Dict);
  graph.set(state, free_name(graph, module, "constants"), constants);
  graph.append_state(module, state);
}

Content read_torchscript(const Probe&, const std::shared_ptr<const Archive>& archive,
                         const std::string& prefix, Checkpoint& checkpoint) {
  TorchArchive torch(archive, prefix, checkpoint);
  const ArchiveEntry& entry = torch.require("data.pkl");
  const NodeId module = torch.read_pickle(entry, {"data/"});
  require_script_object(checkpoint.graph, module, entry.name);
  add_constants(checkpoint.graph, module, read_constants(torch));
  if (has_program(*archive, prefix))
    checkpoint.notes.emplace_back("weights only: the program (code/) is not carried");
  return {module, "torchscript"};
}

}  // namespace unbrine
