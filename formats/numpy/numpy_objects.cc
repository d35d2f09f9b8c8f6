#include "formats/numpy/numpy_objects.h"

#include <algorithm>

#include "formats/error.h"
#include "formats/numpy/joblib.h"
#include "formats/numpy/numpy_array.h"
#include "formats/text.h"

namespace unbrine {
namespace {

using Nodes = std::vector<NodeId>;

// Long ones are cut: no array needs more items, and many arrays may share one tuple.
constexpr size_t kMostItems = 8;

Nodes first_items(const Graph& graph, NodeId node, const char* what) {
  if (!graph.is(node, NodeKind::Tuple)) fail(ErrorCode::Corrupt, what, " is no tuple");
  Nodes items;
  for (const NodeId item : graph.items(node)) {
    if (items.size() == kMostItems) break;
    items.push_back(item);
  }
  return items;
}

// Python 2 wrote 0 and 1.
bool is_true(const Graph& graph, NodeId node) {
  if (graph.is(node, NodeKind::Bool)) return graph.boolean(node);
  if (graph.is(node, NodeKind::Int)) return graph.integer(node) != 0;
  fail(ErrorCode::Corrupt, "its order is no flag");
}

uint64_t count(const Graph& graph, NodeId node) {
  if (!graph.is(node, NodeKind::Int) || graph.integer(node) < 0)
    fail(ErrorCode::Corrupt, "its shape holds what is no count");
  return static_cast<uint64_t>(graph.integer(node));
}

std::vector<uint64_t> counts(const Graph& graph, NodeId node) {
  if (!graph.is(node, NodeKind::Tuple)) fail(ErrorCode::Corrupt, "its shape is no tuple");
  std::vector<uint64_t> numbers;
  for (const NodeId item : graph.items(node)) numbers.push_back(count(graph, item));
  return numbers;
}

// A subclass of a user may wrap or extend what ndarray's own __reduce__ gives: (state, more) or
// (version, shape, dtype, is_fortran, data, more...).
bool is_numpys_own(const Graph& graph, const Call& call) {
  const Nodes args = first_items(graph, call.args, "its arguments");
  if (args.empty() || !graph.is(args[0], NodeKind::Global)) return true;
  const std::string_view module = graph.global(args[0]).module;
  return module == "numpy" || module.starts_with("numpy.");
}

std::optional<Nodes> foreign_state(const Graph& graph, NodeId state) {
  if (!graph.is(state, NodeKind::Tuple)) return std::nullopt;
  Nodes items = first_items(graph, state, "its state");
  if (!items.empty() && graph.is(items[0], NodeKind::Tuple) && items.size() < 4)
    items = first_items(graph, items[0], "its state");
  if (items.size() < 5 || !graph.is(items[0], NodeKind::Int) ||
      !graph.is(items[1], NodeKind::Tuple))
    return std::nullopt;
  return items;
}

// The items of the state; none for a subclass whose state is its own affair.
std::optional<Nodes> state_of(const Graph& graph, const Call& call) {
  const Nodes states = graph.items(call.states).to_vector();
  const bool own = is_numpys_own(graph, call);
  if (!own && states.size() != 1) return std::nullopt;
  if (states.size() != 1) fail(ErrorCode::Corrupt, "has ", states.size(), " states, expected 1");
  return own ? first_items(graph, states[0], "its state") : foreign_state(graph, states[0]);
}

// ([version,] shape, dtype, is_fortran, data): the first version did not name itself.
ArrayParts parts_of(const Graph& graph, Nodes state) {
  if (state.size() == 4) state.insert(state.begin(), kNoNode);
  if (state.size() != 5)
    fail(ErrorCode::Corrupt, "its state has ", state.size(), " items, expected 5");
  return {state[1], state[2], state[4], is_true(graph, state[3])};
}

// _frombuffer(data, dtype, shape, order[, axes]).
ArrayParts parts_from_arguments(const Graph& graph, const Call& call) {
  const Nodes args = first_items(graph, call.args, "its arguments");
  if (args.size() != 4 && args.size() != 5)
    fail(ErrorCode::Corrupt, args.size(), " arguments, expected 4 or 5");
  const std::string_view order = graph.is(args[3], NodeKind::String) ? graph.text(args[3]) : "";
  const bool has_axes = args.size() == 5 && !graph.is(args[4], NodeKind::None);
  if (order == "K" && has_axes) return {args[2], args[1], args[0], false, args[4]};
  if (order != "C" && order != "F") fail(ErrorCode::Corrupt, "its order is neither 'C' nor 'F'");
  return {args[2], args[1], args[0], order == "F"};
}

class ArrayBuilder {
 public:
  ArrayBuilder(Checkpoint& checkpoint, IndexRange calls)
      : checkpoint_(checkpoint), graph_(checkpoint.graph), calls_(calls), bytes_(graph_) {}

  void run() {
    for (size_t i = calls_.begin; i < calls_.end; ++i) at_call(graph_.call_nodes()[i]);
    note_other_arrays(others_, checkpoint_);
    note_joblib_side_files(checkpoint_, calls_);
  }

 private:
  void at_call(NodeId node) {
    if (!graph_.is(node, NodeKind::Call)) return;
    const Meaning meaning = graph_.callee_meaning(node);
    if (meaning != Meaning::NumpyReconstruct && meaning != Meaning::NumpyFromBuffer &&
        meaning != Meaning::NumpyMaskedReconstruct && meaning != Meaning::JoblibArray)
      return;
    in_context("byte " + std::to_string(graph_.call(node).offset) + " (numpy array)", [&] {
      if (meaning == Meaning::JoblibArray) return count_joblib_record(graph_, node, others_);
      if (meaning == Meaning::NumpyMaskedReconstruct) return build_masked(node);
      const std::optional<ArrayParts> parts = array_parts(graph_, graph_.call(node));
      parts ? build(node, *parts) : count_subclass(node);
    });
  }

  void count_subclass(NodeId node) {
    const NodeId type = *graph_.items(graph_.call(node).args).begin();
    ++others_["class " + class_name(graph_.global(type))];
  }

  void build(NodeId node, const ArrayParts& parts) {
    const std::optional<NumpyArray> array = plain_array(node, parts);
    if (array) graph_.become_tensor(node, add_array(checkpoint_.tensors, *array));
  }

  // BUILD (1, shape, dtype, is_fortran, data, mask, fill_value).
  void build_masked(NodeId node) {
    const std::optional<Nodes> state = state_of(graph_, graph_.call(node));
    if (!state) return count_subclass(node);
    if (state->size() != 7)
      fail(ErrorCode::Corrupt, "its state has ", state->size(), " items, expected 7");
    const ArrayParts parts = parts_of(graph_, {state->begin(), state->begin() + 5});
    const std::optional<NumpyArray> data = plain_array(node, parts);
    if (!data) return;
    NumpyArray mask = *data;
    mask.type = {DType::Bool, false};
    mask.bytes = require_bytes((*state)[5]);
    mask.name += ", its mask";
    graph_.become_composite(node, Composite{.layout = "masked",
                                            .dtype = data->type.dtype,
                                            .shape = data->shape,
                                            .parts = {part("", *data), part("mask", mask)}});
  }

  CompositePart part(std::string_view role, const NumpyArray& array) {
    return {role, graph_.add_tensor(add_array(checkpoint_.tensors, array))};
  }

  // None for what is no plain numbers: it is left as a record.
  std::optional<NumpyArray> plain_array(NodeId node, const ArrayParts& parts) {
    const DTypeRecord dtype = read_dtype(graph_, parts.dtype);
    if (graph_.is(parts.data, NodeKind::List)) return std::nullopt;  // of objects
    if (!dtype.type) return ++others_[dtype.description], std::nullopt;
    return NumpyArray{
        .type = *dtype.type,
        .shape = counts(graph_, parts.shape),
        .fortran = parts.fortran,
        .bytes = require_bytes(parts.data),
        .name = "numpy array at byte " + std::to_string(graph_.call(node).offset),
        .axes = axes_of(parts.axes),
    };
  }

  std::vector<size_t> axes_of(NodeId node) const {
    if (node == kNoNode) return {};
    const std::vector<uint64_t> axes = counts(graph_, node);
    return {axes.begin(), axes.end()};
  }

  ByteRange require_bytes(NodeId node) {
    std::optional<ByteRange> bytes = bytes_.find(node);
    if (!bytes)
      fail(ErrorCode::Corrupt, "its data is no bytes but a ", kind_name(graph_.kind(node)));
    return *std::move(bytes);
  }

  Checkpoint& checkpoint_;
  Graph& graph_;
  IndexRange calls_;
  ByteValues bytes_;
  OtherArrays others_;
};

}  // namespace

std::optional<ArrayParts> array_parts(const Graph& graph, const Call& call) {
  if (graph.meaning(call.callee) == Meaning::NumpyFromBuffer)
    return parts_from_arguments(graph, call);
  std::optional<Nodes> state = state_of(graph, call);
  if (!state) return std::nullopt;
  if (!is_numpys_own(graph, call)) state->resize(5);
  return parts_of(graph, *std::move(state));
}

std::vector<NodeId> state_beyond_numpys(const Graph& graph, const Call& call) {
  const Nodes states = graph.items(call.states).to_vector();
  if (states.size() != 1 || !graph.is(states[0], NodeKind::Tuple)) return {};
  Nodes items = graph.items(states[0]).to_vector();
  const bool wraps = !items.empty() && graph.is(items[0], NodeKind::Tuple);
  const size_t own = std::min<size_t>(wraps ? 1 : 5, items.size());
  items.erase(items.begin(), items.begin() + static_cast<ptrdiff_t>(own));
  return items;
}

void note_other_arrays(const OtherArrays& others, Checkpoint& checkpoint) {
  for (const auto& [description, number] : others)
    checkpoint.notes.push_back(std::to_string(number) +
                               (number == 1 ? " numpy array of " : " numpy arrays of ") +
                               description + (number == 1 ? " is no tensor" : " are no tensors") +
                               ": kept out of the tensors");
}

void build_arrays(Checkpoint& checkpoint, IndexRange calls) {
  ArrayBuilder(checkpoint, calls).run();
}

}  // namespace unbrine
