#include "formats/torch/plain_number.h"

#include <string>
#include <type_traits>
#include <utility>

#include "formats/error.h"
#include "formats/numpy/numpy_dtype.h"
#include "formats/numpy/numpy_value.h"
#include "formats/pickle/byte_values.h"

namespace unbrine {
namespace {

std::optional<NodeId> argument(const Graph& graph, NodeId call, size_t position) {
  const NodeId args = graph.call(call).args;
  if (!graph.is(args, NodeKind::Tuple)) return std::nullopt;
  for (const NodeId item : graph.items(args))
    if (position-- == 0) return graph.resolved(item);
  return std::nullopt;
}

// What is too long to be a number may be shared by any number of calls: it is not looked at.
bool is_short(const Graph& graph, NodeId bytes) {
  constexpr uint64_t kLongest = 16;
  if (graph.is(bytes, NodeKind::Call)) {
    const std::optional<NodeId> text = argument(graph, bytes, 0);
    return text && graph.is(*text, NodeKind::String) && graph.text(*text).size() <= 2 * kLongest;
  }
  const NodeKind kind = graph.kind(bytes);
  return (kind == NodeKind::Bytes || kind == NodeKind::ByteString) &&
         graph.byte_size(bytes) <= kLongest;
}

std::optional<PlainNumber> number_of(const ElementType& type, ByteSpan bytes) {
  const auto name = type_string(type);
  const auto value = name ? numpy_value(*name, bytes) : std::nullopt;
  if (!value) return std::nullopt;
  return std::visit(
      [](const auto& number) -> std::optional<PlainNumber> {
        using Number = std::decay_t<decltype(number)>;
        if constexpr (std::is_same_v<Number, std::string>)
          return std::nullopt;
        else if constexpr (std::is_same_v<Number, std::pair<double, double>>)
          return std::complex<double>(number.first, number.second);
        else
          return number;
      },
      *value);
}

std::optional<PlainNumber> read_scalar(const Graph& graph, NodeId dtype_node, NodeId bytes_node) {
  const std::optional<ElementType> type = read_dtype(graph, dtype_node).type;
  if (!type) return std::nullopt;
  const std::optional<ByteRange> range = bytes_of(graph, bytes_node);
  if (!range || range->size != info(type->dtype).bits / 8) return std::nullopt;
  return number_of(*type, range->source->read_all(range->offset, range->size));
}

}  // namespace

std::optional<PlainNumber> number_of_bytes(DType dtype, ByteSpan bytes) {
  const size_t size = info(dtype).bits / 8;
  if (bytes.size() < size) return std::nullopt;
  return number_of({dtype, false}, bytes.first(size));
}

std::optional<PlainNumber> plain_number(const Graph& graph, NodeId call) {
  const std::optional<NodeId> dtype = argument(graph, call, 0);
  const std::optional<NodeId> bytes = argument(graph, call, 1);
  if (!dtype || !bytes || !is_short(graph, *bytes)) return std::nullopt;
  try {
    return read_scalar(graph, *dtype, *bytes);
  } catch (const Error&) {  // a call that is no numpy scalar after all: it stays a record
    return std::nullopt;
  }
}

}  // namespace unbrine
