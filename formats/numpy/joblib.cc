#include "formats/numpy/joblib.h"

#include <algorithm>

#include "formats/error.h"
#include "formats/numpy/numpy_array.h"
#include "formats/pickle/decoder.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// Of the attributes of a wrapper; many wrappers may share one long dict, which nobody writes.
constexpr size_t kMostAttributes = 32;

bool is_text(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::String) ||
         (graph.is(node, NodeKind::ByteString) && !graph.is_external(node));
}

NodeId attribute(const Graph& graph, NodeId state, std::string_view name) {
  if (!graph.is(state, NodeKind::Dict)) fail(ErrorCode::Corrupt, "its state is no dict");
  NodeId key = kNoNode;
  NodeId found = kNoNode;
  size_t seen = 0;
  for (const NodeId item : graph.items(state)) {
    if (++seen > 2 * kMostAttributes)
      fail(ErrorCode::Corrupt, "its state has more than ", kMostAttributes, " attributes");
    if (key == kNoNode) {
      key = item;
      continue;
    }
    if (is_text(graph, key) && graph.text(key) == name) found = item;
    key = kNoNode;
  }
  return found;
}

NodeId require(const Graph& graph, NodeId state, std::string_view name) {
  const NodeId value = attribute(graph, state, name);
  if (value == kNoNode) fail(ErrorCode::Corrupt, "it has no attribute ", quoted(name));
  return value;
}

NodeId only_state(const Graph& graph, NodeId call) {
  const std::vector<NodeId> states = graph.items(graph.call(call).states).to_vector();
  if (states.size() != 1) fail(ErrorCode::Corrupt, "has ", states.size(), " states, expected 1");
  return states[0];
}

std::vector<uint64_t> shape_of(const Graph& graph, NodeId node, const Limits& limits) {
  if (!graph.is(node, NodeKind::Tuple)) fail(ErrorCode::Corrupt, "its shape is no tuple");
  std::vector<uint64_t> shape;
  for (const NodeId item : graph.items(node)) {
    if (!graph.is(item, NodeKind::Int) || graph.integer(item) < 0)
      fail(ErrorCode::Corrupt, "its shape holds what is no count");
    shape.push_back(static_cast<uint64_t>(graph.integer(item)));
    check_limit("dimensions:", shape.size(), "max_rank", limits.max_rank);
  }
  return shape;
}

bool is_fortran(const Graph& graph, NodeId node) {
  const std::string_view order = is_text(graph, node) ? graph.text(node) : "";
  if (order != "C" && order != "F") fail(ErrorCode::Corrupt, "its order is neither 'C' nor 'F'");
  return order == "F";
}

// Whether padding stands before the data: its attribute says so since it was invented.
bool is_padded(const Graph& graph, NodeId state) {
  const NodeId alignment = attribute(graph, state, "numpy_array_alignment_bytes");
  return alignment != kNoNode && !graph.is(alignment, NodeKind::None);
}

constexpr std::string_view kSideFileModules[] = {
    "joblib.numpy_pickle",
    "joblib.numpy_pickle_compat",
    "sklearn.externals.joblib.numpy_pickle",
    "sklearn.externals.joblib.numpy_pickle_compat",
};

bool stands_for_a_file(const Graph& graph, NodeId node) {
  if (!graph.is(node, NodeKind::Call)) return false;
  const Call& call = graph.call(node);
  if (!graph.is(call.callee, NodeKind::Global)) return false;
  const Global& callee = graph.global(call.callee);
  if (callee.name != "NDArrayWrapper" && callee.name != "ZNDArrayWrapper") return false;
  return std::ranges::count(kSideFileModules, callee.module) != 0;
}

std::string side_file(const Graph& graph, NodeId node) {
  for (const NodeId state : graph.items(graph.call(node).states)) {
    if (!graph.is(state, NodeKind::Dict)) continue;
    const NodeId name = attribute(graph, state, "filename");
    if (name != kNoNode && is_text(graph, name)) return quoted(graph.text(name));
  }
  return "without a name";
}

}  // namespace

uint64_t JoblibArrays::after_build(NodeId call, uint64_t offset) {
  if (checkpoint_.graph.callee_meaning(call) != Meaning::JoblibArray) return offset;
  const uint64_t place = checkpoint_.graph.call(call).offset;
  return in_context("byte " + std::to_string(place) + " (joblib array)", [&] {
    const Graph& graph = checkpoint_.graph;
    const NodeId state = only_state(graph, call);
    const DTypeRecord dtype = read_dtype(graph, require(graph, state, "dtype"));
    if (dtype.has_objects) return read_objects(call, offset);
    const uint64_t data = is_padded(graph, state) ? behind_padding(offset) : offset;
    return read_raw(call, state, dtype, data);
  });
}

uint64_t JoblibArrays::behind_padding(uint64_t offset) const {
  const uint8_t length = source_->read_all(offset, 1)[0];
  return offset + 1 + length;
}

uint64_t JoblibArrays::read_objects(NodeId call, uint64_t offset) {
  const DecodedPickle decoded =
      decode_pickle(source_, offset, checkpoint_.limits, checkpoint_.graph);
  checkpoint_.graph.become_stream(call, {decoded.root, "pickle"});
  return decoded.end;
}

uint64_t JoblibArrays::read_raw(NodeId call, NodeId state, const DTypeRecord& dtype,
                                uint64_t offset) {
  Graph& graph = checkpoint_.graph;
  if (!dtype.item_size)
    fail(ErrorCode::Unsupported, "its dtype, ", dtype.description,
         ", does not tell how long its bytes are");
  std::vector<uint64_t> shape = shape_of(graph, require(graph, state, "shape"), checkpoint_.limits);
  const bool fortran = is_fortran(graph, require(graph, state, "order"));
  const uint64_t size = array_bytes(shape, *dtype.item_size);
  if (offset > source_->size() || size > source_->size() - offset)
    fail(ErrorCode::Corrupt, "needs ", size, " bytes of data at byte ", offset, " of a file of ",
         source_->size());
  if (dtype.type) {
    const uint32_t row = add_array(checkpoint_.tensors, {.type = *dtype.type,
                                                         .shape = std::move(shape),
                                                         .fortran = fortran,
                                                         .bytes = {source_, offset, size},
                                                         .name = storage_name(call)});
    graph.become_tensor(call, row);
  } else {
    const NodeId data =
        graph.add_external(NodeKind::Bytes, graph.add_source(source_), offset, size);
    graph.append_values(call, &data, 1);
  }
  return offset + size;
}

std::string JoblibArrays::storage_name(NodeId call) const {
  return "joblib array at byte " + std::to_string(checkpoint_.graph.call(call).offset);
}

void count_joblib_record(const Graph& graph, NodeId call, OtherArrays& others) {
  for (const NodeId state : graph.items(graph.call(call).states))
    ++others[read_dtype(graph, require(graph, state, "dtype")).description];
}

void note_joblib_side_files(Checkpoint& checkpoint, IndexRange calls) {
  constexpr size_t kNamed = 3;
  const Graph& graph = checkpoint.graph;
  size_t count = 0;
  std::string names;
  for (size_t i = calls.begin; i < calls.end; ++i) {
    const NodeId node = graph.call_nodes()[i];
    if (!stands_for_a_file(graph, node) || ++count > kNamed) continue;
    names += (names.empty() ? "" : ", ") + side_file(graph, node);
  }
  if (count == 0) return;
  checkpoint.notes.push_back(
      std::to_string(count) + (count == 1 ? " numpy array is" : " numpy arrays are") +
      " not here but in files of their own, as joblib 0.9 and older wrote: " + names +
      (count > kNamed ? ", ..." : ""));
}

}  // namespace unbrine
