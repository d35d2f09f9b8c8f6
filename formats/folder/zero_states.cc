#include "formats/folder/zero_states.h"

#include <algorithm>
#include <set>

#include "formats/error.h"
#include "formats/pickle/value_reader.h"
#include "formats/text.h"

namespace unbrine {
namespace {

class StateReader {
 public:
  explicit StateReader(const Checkpoint& checkpoint)
      : graph_(checkpoint.graph),
        limits_(checkpoint.limits),
        values_(checkpoint.graph, checkpoint.limits) {}

  ZeroModelState model_state(NodeId root) const {
    const Fields fields(graph_, limits_, root, "the model state");
    ZeroModelState state;
    read_module(fields, state);
    for (const NodeId group : values_.sequence(fields.require("param_shapes"), "param_shapes"))
      state.param_shapes.push_back(shapes(group, "param_shapes"));
    if (const NodeId frozen = fields.find("frozen_param_shapes"); frozen != kNoNode) {
      state.frozen_shapes = shapes(frozen, "frozen_param_shapes");
      if (!state.frozen_shapes.empty()) state.frozen_fragments = fragments(fields);
    }
    if (const NodeId shared = fields.find("shared_params"); shared != kNoNode)
      for (const auto& [name, other] : values_.entries(shared, "shared_params"))
        state.shared.emplace_back(name, values_.text(other, "shared_params"));
    return state;
  }

  ZeroPartition partition(NodeId root) const {
    const Fields file(graph_, limits_, root, "the optimizer state");
    const Fields fields(graph_, limits_, file.require("optimizer_state_dict"),
                        "optimizer_state_dict");
    ZeroPartition partition;
    partition.stage = values_.enum_number(fields.require("zero_stage"), "zero_stage");
    if (partition.stage > 3)
      fail(ErrorCode::Unsupported, "zero_stage ", partition.stage, " is not known");
    partition.ranks = rank_count(fields.require("partition_count"));
    const bool whole_params = partition.stage <= 2;
    const std::string_view key =
        whole_params ? "single_partition_of_fp32_groups" : "fp32_flat_groups";
    for (const NodeId group : values_.sequence(fields.require(key), key))
      partition.fp32.push_back(tensor(group, key));
    if (const NodeId paddings = fields.find("param_alignment_paddings"); paddings != kNoNode)
      partition.paddings = read_paddings(paddings);
    return partition;
  }

 private:
  uint32_t tensor(NodeId node, std::string_view what) const {
    node = graph_.resolved(node);
    if (!graph_.is(node, NodeKind::Tensor))
      fail(ErrorCode::Corrupt, what, ": expected a tensor, found ", kind_name(graph_.kind(node)));
    return graph_.index(node);
  }

  std::map<std::string, uint32_t> fragments(const Fields& fields) const {
    constexpr std::string_view kKey = "frozen_param_fragments";
    std::map<std::string, uint32_t> found;
    for (const auto& [name, value] : values_.entries(fields.require(kKey), kKey))
      found.emplace(name, tensor(value, kKey));
    return found;
  }

  Named<std::vector<uint64_t>> shapes(NodeId node, std::string_view what) const {
    Named<std::vector<uint64_t>> found;
    for (const auto& [name, value] : values_.entries(node, what))
      found.emplace_back(name, values_.shape(value, what));
    return found;
  }

  void read_module(const Fields& fields, ZeroModelState& state) const {
    std::set<std::string> buffers;
    for (const NodeId name : values_.sequence(fields.require("buffer_names"), "buffer_names"))
      buffers.insert(values_.text(name, "buffer_names"));
    for (const auto& [name, value] : values_.entries(fields.require("module"), "module")) {
      state.names.push_back(name);
      if (buffers.contains(name)) state.buffers.emplace_back(name, tensor(value, "a buffer"));
    }
  }

  // One number, or one for each group. They differ if experts are spread over fewer ranks.
  uint64_t rank_count(NodeId node) const {
    if (graph_.is(node, NodeKind::Int)) return values_.count(node, "partition_count");
    std::vector<uint64_t> counts;
    for (const NodeId count : values_.sequence(node, "partition_count"))
      counts.push_back(values_.count(count, "partition_count"));
    if (counts.empty()) fail(ErrorCode::Corrupt, "partition_count is empty");
    if (std::ranges::any_of(counts, [&](uint64_t count) { return count != counts[0]; }))
      fail(ErrorCode::Unsupported,
           "groups are cut among different numbers of ranks: expert parallel checkpoints are not "
           "merged");
    return counts[0];
  }

  std::vector<std::vector<uint64_t>> read_paddings(NodeId node) const {
    std::vector<std::vector<uint64_t>> paddings;
    for (const NodeId group : values_.sequence(node, "param_alignment_paddings")) {
      paddings.emplace_back();
      for (const NodeId padding : values_.sequence(group, "param_alignment_paddings"))
        paddings.back().push_back(values_.count(padding, "param_alignment_paddings"));
    }
    return paddings;
  }

  const Graph& graph_;
  const Limits& limits_;
  ValueReader values_;
};

}  // namespace

ZeroModelState read_model_state(const Checkpoint& checkpoint, NodeId root) {
  return StateReader(checkpoint).model_state(root);
}

ZeroPartition read_partition(const Checkpoint& checkpoint, NodeId root) {
  return StateReader(checkpoint).partition(root);
}

}  // namespace unbrine
