#include "formats/torch/plain_number.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "formats/error.h"
#include "formats/numpy/numpy_dtype.h"
#include "formats/pickle/byte_values.h"

namespace unbrine {
namespace {

template <class Number>
Number read(const uint8_t* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

// Exact: every half-precision number is a double.
double half(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  double value = 0;
  if (exponent == 0x1f)
    value = fraction == 0 ? INFINITY : NAN;
  else
    value = std::ldexp(exponent == 0 ? fraction : fraction + 0x400, std::max(exponent, 1) - 25);
  return std::copysign(value, bits >> 15 != 0 ? -1.0 : 1.0);
}

void swap_units(DType dtype, uint8_t* bytes) {
  const uint8_t unit = info(dtype).swap_unit;
  for (size_t at = 0; at < info(dtype).bits / 8u; at += unit)
    std::reverse(bytes + at, bytes + at + unit);
}

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

std::optional<PlainNumber> read_scalar(const Graph& graph, NodeId dtype_node, NodeId bytes_node) {
  const std::optional<ElementType> type = read_dtype(graph, dtype_node).type;
  if (!type) return std::nullopt;
  const std::optional<ByteRange> range = bytes_of(graph, bytes_node);
  if (!range || range->size != info(type->dtype).bits / 8) return std::nullopt;
  std::vector<uint8_t> bytes = range->source->read_all(range->offset, range->size);
  if (type->big_endian) swap_units(type->dtype, bytes.data());
  return number_of_bytes(type->dtype, bytes);
}

}  // namespace

std::optional<PlainNumber> number_of_bytes(DType dtype, ByteSpan bytes) {
  if (bytes.size() < info(dtype).bits / 8u) return std::nullopt;
  const uint8_t* at = bytes.data();
  switch (dtype) {
    case DType::Bool: return *at != 0;
    case DType::I8: return int64_t{read<int8_t>(at)};
    case DType::I16: return int64_t{read<int16_t>(at)};
    case DType::I32: return int64_t{read<int32_t>(at)};
    case DType::I64: return read<int64_t>(at);
    case DType::U8: return int64_t{*at};
    case DType::U16: return int64_t{read<uint16_t>(at)};
    case DType::U32: return int64_t{read<uint32_t>(at)};
    case DType::U64: return read<uint64_t>(at);
    case DType::F16: return half(read<uint16_t>(at));
    case DType::F32: return double{read<float>(at)};
    case DType::F64: return read<double>(at);
    case DType::C64: return std::complex<double>(read<float>(at), read<float>(at + 4));
    case DType::C128: return std::complex<double>(read<double>(at), read<double>(at + 8));
    default: return std::nullopt;
  }
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
