#include "formats/pickle/plain_values.h"

#include <bit>
#include <optional>

#include "formats/pickle/literals.h"
#include "formats/text.h"

namespace unbrine {
namespace {

NodeId add_big_int(std::string_view decimal, const Opcode& opcode, const Limits& limits,
                   Graph& graph) {
  const size_t digits = decimal.size() - decimal.starts_with('-');
  if (digits > limits.max_integer_digits)
    fail_limit_at(opcode, "decimal digits of an int:", digits, "max_integer_digits",
                  limits.max_integer_digits);
  return graph.add_big_int(decimal);
}

NodeId add_decimal(std::string_view text, const Opcode& opcode, const Limits& limits,
                   Graph& graph) {
  if (!is_decimal(text))
    fail_at(opcode, ErrorCode::Corrupt, quoted(text), " is not a decimal integer");
  if (const std::optional<int64_t> value = int64_of_decimal(text)) return graph.add_int(*value);
  return add_big_int(text, opcode, limits, graph);
}

// 00 and 01 are how protocol 0 writes False and True.
NodeId add_int_line(const Opcode& opcode, const Limits& limits, Graph& graph) {
  const std::string_view line = as_text(opcode.bytes);
  if (line == "00" || line == "01") return graph.add_bool(line == "01");
  return add_decimal(line, opcode, limits, graph);
}

NodeId add_long_line(const Opcode& opcode, const Limits& limits, Graph& graph) {
  std::string_view line = as_text(opcode.bytes);
  if (line.ends_with('L')) line.remove_suffix(1);
  return add_decimal(line, opcode, limits, graph);
}

NodeId add_long(const Opcode& opcode, const Limits& limits, Graph& graph) {
  if (const std::optional<int64_t> value = int64_of_bytes(opcode.bytes))
    return graph.add_int(*value);
  return add_big_int(decimal_of_bytes(opcode.bytes), opcode, limits, graph);
}

NodeId add_float_line(const Opcode& opcode, Graph& graph) {
  const std::string_view line = as_text(opcode.bytes);
  const std::optional<double> value = double_of_text(line);
  if (!value) fail_at(opcode, ErrorCode::Corrupt, quoted(line), " is not a float");
  return graph.add_float(*value);
}

NodeId add_string_line(const Opcode& opcode, Graph& graph) {
  const std::string_view line = as_text(opcode.bytes);
  const std::optional<std::string> bytes = bytes_of_string_literal(line);
  if (!bytes) fail_at(opcode, ErrorCode::Corrupt, quoted(line), " is not a string literal");
  return graph.add_text(NodeKind::ByteString, as_bytes(*bytes));
}

NodeId add_unicode_line(const Opcode& opcode, Graph& graph) {
  const std::string_view line = as_text(opcode.bytes);
  const std::optional<std::string> utf8 = utf8_of_raw_unicode(line);
  if (!utf8) fail_at(opcode, ErrorCode::Corrupt, quoted(line), " holds a broken \\u escape");
  return graph.add_text(NodeKind::String, as_bytes(*utf8));
}

NodeId add_bytes(NodeKind kind, const Opcode& opcode, uint32_t source, Graph& graph) {
  if (!opcode.is_external) return graph.add_text(kind, opcode.bytes);
  return graph.add_external(kind, source, opcode.payload_offset, opcode.argument);
}

}  // namespace

NodeId add_plain_value(const Opcode& opcode, uint32_t source, const Limits& limits, Graph& graph) {
  switch (opcode.op) {
    case Op::None: return graph.add_none();
    case Op::NewTrue: return graph.add_bool(true);
    case Op::NewFalse: return graph.add_bool(false);
    case Op::Int: return add_int_line(opcode, limits, graph);
    case Op::Long: return add_long_line(opcode, limits, graph);
    case Op::BinInt:
    case Op::BinInt1:
    case Op::BinInt2: return graph.add_int(static_cast<int64_t>(opcode.argument));
    case Op::Long1:
    case Op::Long4: return add_long(opcode, limits, graph);
    case Op::Float: return add_float_line(opcode, graph);
    case Op::BinFloat: return graph.add_float(std::bit_cast<double>(opcode.argument));
    case Op::String: return add_string_line(opcode, graph);
    case Op::BinString:
    case Op::ShortBinString: return add_bytes(NodeKind::ByteString, opcode, source, graph);
    case Op::Unicode: return add_unicode_line(opcode, graph);
    case Op::BinUnicode:
    case Op::ShortBinUnicode:
    case Op::BinUnicode8: return graph.add_text(NodeKind::String, opcode.bytes);
    case Op::BinBytes:
    case Op::ShortBinBytes:
    case Op::BinBytes8: return add_bytes(NodeKind::Bytes, opcode, source, graph);
    case Op::ByteArray8: return add_bytes(NodeKind::ByteArray, opcode, source, graph);
    default: fail_at(opcode, ErrorCode::Corrupt, "stands for no value");
  }
}

}  // namespace unbrine
