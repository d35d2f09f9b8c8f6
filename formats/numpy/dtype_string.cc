#include "formats/numpy/dtype_string.h"

#include <vector>

#include "formats/error.h"
#include "formats/numpy/numpy_dtype.h"
#include "formats/text.h"

namespace unbrine {
namespace {

using Nodes = std::vector<NodeId>;

constexpr size_t kLongestCode = 32;
constexpr std::string_view kOrders = "<>|=";

std::optional<Nodes> tuple_of(const Graph& graph, NodeId node, size_t fewest, size_t most) {
  if (!graph.is(node, NodeKind::Tuple)) return std::nullopt;
  Nodes items;
  for (const NodeId item : graph.items(node)) {
    if (items.size() == most) return std::nullopt;
    items.push_back(graph.resolved(item));
  }
  return items.size() < fewest ? std::nullopt : std::optional(std::move(items));
}

std::string_view short_text(const Graph& graph, NodeId node) {
  const NodeKind kind = graph.kind(node);
  const bool is_text =
      kind == NodeKind::String || kind == NodeKind::ByteString || kind == NodeKind::Bytes;
  if (!is_text || graph.byte_size(node) > kLongestCode) return {};
  return graph.text(node);
}

// The unit of a date is written as bytes, which protocols 0 to 2 write as a call on text.
std::string_view unit_name(const Graph& graph, NodeId node) {
  if (graph.callee_meaning(node) != Meaning::Encode) return short_text(graph, node);
  const auto args = tuple_of(graph, graph.call(node).args, 2, 2);
  return args ? short_text(graph, (*args)[0]) : std::string_view();
}

bool is_one(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Int) && graph.integer(node) == 1;
}

// "[25s]", of the metadata (None or {}, (unit, number, 1, 1)); "" of no unit.
std::optional<std::string> unit_of(const Graph& graph, NodeId metadata) {
  const auto pair = tuple_of(graph, metadata, 2, 2);
  if (!pair) return std::nullopt;
  const bool is_plain = graph.is((*pair)[0], NodeKind::None) ||
                        (graph.is((*pair)[0], NodeKind::Dict) && graph.items((*pair)[0]).empty());
  const auto unit = tuple_of(graph, (*pair)[1], 4, 4);
  if (!is_plain || !unit || !graph.is((*unit)[1], NodeKind::Int) || !is_one(graph, (*unit)[2]) ||
      !is_one(graph, (*unit)[3]))
    return std::nullopt;
  const std::string_view name = unit_name(graph, (*unit)[0]);
  const int64_t number = graph.integer((*unit)[1]);
  if (name.empty() || number < 1) return std::nullopt;
  if (name == "generic") return number == 1 ? std::optional(std::string()) : std::nullopt;
  return "[" + (number == 1 ? "" : std::to_string(number)) + std::string(name) + "]";
}

bool is_date(std::string_view code) { return code == "M8" || code == "m8"; }

bool is_known(const std::string& type_string) {
  try {
    dtype_of_string(type_string);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// (version, order, None, None, None, size, alignment, flags[, metadata])
std::optional<std::string> string_of(const Graph& graph, std::string_view code, NodeId state) {
  const auto parts = tuple_of(graph, state, 8, 9);
  if (!parts) return std::nullopt;
  for (const size_t i : {2, 3, 4})
    if (!graph.is((*parts)[i], NodeKind::None)) return std::nullopt;
  std::string order(short_text(graph, (*parts)[1]));
  if (order.size() != 1 || kOrders.find(order[0]) == std::string_view::npos) return std::nullopt;
  if (order == "=") order = "<";
  const bool has_metadata = parts->size() == 9;
  if (has_metadata != is_date(code)) return std::nullopt;
  if (!has_metadata) return order + std::string(code == "O8" || code == "O4" ? "O" : code);
  const auto unit = unit_of(graph, (*parts)[8]);
  return unit ? std::optional(order + std::string(code) + *unit) : std::nullopt;
}

// --- Writing ---

NodeId add_tuple(Graph& graph, const Nodes& items) {
  return graph.add_tuple(items.data(), items.size());
}

NodeId add_str(Graph& graph, std::string_view text) {
  return graph.add_text(NodeKind::String, as_bytes(text));
}

// Of "[25s]": ({}, (b's', 25, 1, 1)).
NodeId add_metadata(Graph& graph, std::string_view unit) {
  if (!unit.empty()) unit = unit.substr(1, unit.size() - 2);
  const size_t digits = std::min(unit.find_first_not_of("0123456789"), unit.size());
  int64_t number = digits == 0 ? 1 : 0;
  for (const char digit : unit.substr(0, std::min<size_t>(digits, 18)))
    number = number * 10 + (digit - '0');
  const std::string_view name = unit.empty() ? "generic" : unit.substr(digits);
  const NodeId one = graph.add_int(1);
  const NodeId date = add_tuple(
      graph, {graph.add_text(NodeKind::Bytes, as_bytes(name)), graph.add_int(number), one, one});
  return add_tuple(graph, {graph.add_none(), date});
}

}  // namespace

std::optional<std::string> dtype_string(const Graph& graph, NodeId node) {
  if (graph.callee_meaning(node) != Meaning::NumpyDType) return std::nullopt;
  const Call& call = graph.call(node);
  const auto args = tuple_of(graph, call.args, 1, 3);
  const Nodes states = graph.items(call.states).to_vector();
  if (!args || states.size() != 1) return std::nullopt;
  const std::string_view code = short_text(graph, (*args)[0]);
  if (code.empty() || kOrders.find(code[0]) != std::string_view::npos) return std::nullopt;
  const auto text = string_of(graph, code, states[0]);
  return text && is_valid_utf8(*text) && is_known(*text) ? text : std::nullopt;
}

NodeId add_dtype(Graph& graph, std::string_view type_string) {
  const DTypeRecord record = dtype_of_string(type_string);
  if (type_string.size() < 2 || type_string.size() > kLongestCode ||
      kOrders.find(type_string[0]) == std::string_view::npos)
    fail(ErrorCode::Corrupt, "dtype ", quoted(type_string), " does not tell its byte order");
  const size_t bracket = std::min(type_string.find('['), type_string.size());
  const std::string_view code = type_string.substr(1, bracket - 1);
  const bool is_flexible = std::string_view("SUVa").find(code[0]) != std::string_view::npos;
  const int64_t size = is_flexible ? static_cast<int64_t>(record.item_size.value_or(0)) : -1;
  const NodeId none = graph.add_none();
  const NodeId minus = graph.add_int(-1);
  Nodes state = {graph.add_int(is_date(code) ? 4 : 3),
                 add_str(graph, type_string.substr(0, 1)),
                 none,
                 none,
                 none,
                 graph.add_int(size),
                 is_flexible ? graph.add_int(code[0] == 'U' ? 4 : 1) : minus,
                 graph.add_int(record.has_objects ? 63
                               : code[0] == 'U'   ? 8
                                                  : 0)};
  if (is_date(code)) state.push_back(add_metadata(graph, type_string.substr(bracket)));
  const NodeId args = add_tuple(graph, {add_str(graph, record.has_objects ? "O8" : code),
                                        graph.add_bool(false), graph.add_bool(true)});
  const NodeId callee = graph.add_global(as_bytes("numpy"), as_bytes("dtype"), 0);
  const NodeId call = graph.add_call({.kind = CallKind::Reduce,
                                      .callee = callee,
                                      .args = args,
                                      .states = {},
                                      .items = {},
                                      .values = {},
                                      .offset = 0});
  graph.append_state(call, add_tuple(graph, state));
  return call;
}

}  // namespace unbrine
