// numpy's scalars and arrays: the calls by which numpy's pickles make them.
#include <charconv>

#include "formats/error.h"
#include "formats/numpy/dtype_string.h"
#include "formats/numpy/numpy_value.h"
#include "formats/text.h"
#include "formats/tree/json_fields.h"
#include "formats/tree/tree_builder.h"

namespace unbrine {
namespace {

constexpr std::string_view kMultiarray = "numpy._core.multiarray";

bool is_bytes(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Bytes) || graph.is(node, NodeKind::ByteArray);
}

std::optional<double> number_of(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Float) ? std::optional(graph.real(node)) : std::nullopt;
}

std::optional<NumpyValue> complex_of(const Graph& graph, NodeId node) {
  const std::vector<NodeId> parts = graph.items(graph.call(node).args).to_vector();
  if (parts.size() != 2) return std::nullopt;
  const auto real = number_of(graph, parts[0]);
  const auto imaginary = number_of(graph, parts[1]);
  return real && imaginary ? std::optional<NumpyValue>(std::pair(*real, *imaginary)) : std::nullopt;
}

std::optional<NumpyValue> value_of(const Graph& graph, NodeId node) {
  switch (graph.kind(node)) {
    case NodeKind::Bool: return graph.boolean(node);
    case NodeKind::Int: return graph.integer(node);
    case NodeKind::BigInt: {
      const std::string_view digits = graph.text(node);
      uint64_t number = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), number);
      const bool is_whole = error == std::errc() && end == digits.data() + digits.size();
      return is_whole ? std::optional<NumpyValue>(number) : std::nullopt;
    }
    case NodeKind::Float: return graph.real(node);
    case NodeKind::String: return std::string(graph.text(node));
    case NodeKind::Call: return complex_of(graph, node);
    default: return std::nullopt;
  }
}

}  // namespace

// A dtype is its string, or a value like any other.
void TreeBuilder::add_dtype_part(Frame& frame, const JsonValue& content) {
  const JsonValue dtype = required_field(content, "dtype");
  if (!dtype.is_text()) frame.parts.push_back({dtype, "dtype"});
}

NodeId TreeBuilder::dtype_part(const Frame& frame, const JsonValue& content) {
  const NodeId made = part_named(frame, "dtype");
  return made != kNoNode ? made : add_dtype(graph_, required_field(content, "dtype").text());
}

void TreeBuilder::collect_scalar(Frame& frame) {
  const JsonValue content = content_of(frame);
  require_only(content, "dtype value ");
  add_dtype_part(frame, content);
  frame.parts.push_back({required_field(content, "value"), "value"});
}

NodeId TreeBuilder::finish_scalar(Frame& frame) {
  const JsonValue content = content_of(frame);
  const JsonValue dtype = required_field(content, "dtype");
  const std::string type(dtype.is_text() ? dtype.text() : "");
  const NodeId value = scalar_value(part_named(frame, "value"), type);
  return call(global(kMultiarray, "scalar"), {dtype_part(frame, content), value});
}

// Of objects the value itself, of all else its bytes.
NodeId TreeBuilder::scalar_value(NodeId value, const std::string& type) {
  if (type.empty() || type == "|O" || is_bytes(graph_, value)) return value;
  const auto known = value_of(graph_, value);
  const auto bytes = known ? numpy_bytes(type, *known) : std::nullopt;
  if (!bytes) fail(ErrorCode::Corrupt, "its value is none of dtype ", quoted(type));
  return graph_.add_text(NodeKind::Bytes, *bytes);
}

void TreeBuilder::collect_array(Frame& frame) {
  const JsonValue content = content_of(frame);
  require_only(content,
               "file name alias_of layout dtype shape parts left_out items data mask fill class "
               "state ");
  add_class(frame, content);
  if (const auto state = field_of(content, "state")) frame.parts.push_back({*state, "state"});
  if (const auto fill = field_of(content, "fill")) frame.parts.push_back({*fill, "fill"});
  if (field_of(content, "items") || field_of(content, "data")) add_dtype_part(frame, content);
}

NodeId TreeBuilder::finish_array(Frame& frame) {
  const JsonValue content = content_of(frame);
  if (field_of(content, "items") || field_of(content, "data")) return array_in_full(frame, content);
  if (field_of(content, "mask")) return masked_array(frame, content);
  const NodeId made = array_call(frame, content);
  if (flag_of(content, "left_out")) {
    graph_.become_composite(made, without_data(content, "left_out"));
    return made;
  }
  const auto row = single_row(content);
  if (!row) fail(ErrorCode::Corrupt, "an array has no layout of several parts");
  graph_.become_tensor(made, *row);
  return made;
}

// _reconstruct(class, (0,), b'b'), which BUILD fills.
NodeId TreeBuilder::array_call(const Frame& frame, const JsonValue& content) {
  const NodeId type = class_node(frame, content);
  const NodeId made =
      call(global(kMultiarray, "_reconstruct"),
           {type == kNoNode ? global("numpy", "ndarray") : type, tuple({graph_.add_int(0)}),
            graph_.add_text(NodeKind::Bytes, as_bytes("b"))});
  const NodeId state = part_named(frame, "state");
  if (state == kNoNode) return made;
  // Of a user's class: numpy's own state, then what it keeps beside.
  Nodes states = {array_state({}, graph_.add_none(), graph_.add_none())};
  states.push_back(state);
  graph_.append_state(made, tuple(states));
  return made;
}

NodeId TreeBuilder::array_state(const Indices& shape, NodeId dtype, NodeId data) {
  Nodes sizes;
  for (const uint64_t size : shape) {
    if (size > INT64_MAX) fail(ErrorCode::Corrupt, "its shape does not fit 64 bits");
    sizes.push_back(graph_.add_int(static_cast<int64_t>(size)));
  }
  return tuple({graph_.add_int(1), tuple(sizes), dtype, graph_.add_bool(false), data});
}

NodeId TreeBuilder::array_in_full(const Frame& frame, const JsonValue& content) {
  const NodeId dtype = dtype_part(frame, content);
  const NodeId made = array_call(frame, content);
  NodeId data;
  if (const auto items = field_of(content, "items")) {
    data = graph_.add_container(NodeKind::List);
    std::vector<Part> parts;
    add_items(parts, *items, "items");
    fill_later(data, *items, std::move(parts), &TreeBuilder::fill_items);
  } else {
    data = graph_.add_text(NodeKind::Bytes, decoded(required_field(content, "data")));
  }
  graph_.append_state(made, array_state(shape(content), dtype, data));
  return made;
}

// (1, shape, dtype, is_fortran, data, mask, fill)
NodeId TreeBuilder::masked_array(const Frame& frame, const JsonValue& content) {
  const auto row = single_row(content);
  if (!row) fail(ErrorCode::Corrupt, "an array has no layout of several parts");
  const uint32_t mask = row_at(required_field(content, "mask"));
  const NodeId made =
      call(global("numpy.ma.core", "_mareconstruct"),
           {global("numpy.ma.core", "MaskedArray"), global("numpy", "ndarray"),
            tuple({graph_.add_int(0)}), graph_.add_text(NodeKind::Bytes, as_bytes("b"))});
  const NodeId none = graph_.add_none();
  const NodeId fill = part_named(frame, "fill");
  graph_.append_state(
      made, tuple({graph_.add_int(1), graph_.add_empty_tuple(), none, graph_.add_bool(false), none,
                   none, fill == kNoNode ? none : fill}));
  const Tensor& data = checkpoint_.tensors.tensors()[*row];
  graph_.become_composite(made,
                          {"masked",
                           data.dtype,
                           data.shape,
                           {{"", graph_.add_tensor(*row)}, {"mask", graph_.add_tensor(mask)}}});
  return made;
}

}  // namespace unbrine
