#include "formats/numpy/numpy_dtype.h"

#include <algorithm>
#include <charconv>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

struct NumpyCode {
  std::string_view code;  // kind and bytes, as in numpy.dtype('f4')
  DType dtype;
};

constexpr NumpyCode kNumpyCodes[] = {
    {"f8", DType::F64}, {"f4", DType::F32}, {"f2", DType::F16},   {"i8", DType::I64},
    {"i4", DType::I32}, {"i2", DType::I16}, {"i1", DType::I8},    {"u8", DType::U64},
    {"u4", DType::U32}, {"u2", DType::U16}, {"u1", DType::U8},    {"b1", DType::Bool},
    {"c8", DType::C64}, {"?", DType::Bool}, {"c16", DType::C128},
};

struct NumpyKind {
  char kind;
  uint64_t unit;  // bytes for 1 of the number behind the kind
  std::string_view words;
};

constexpr NumpyKind kNumpyKinds[] = {
    {'f', 1, "long double"}, {'c', 1, "complex long double"},
    {'i', 1, "integers"},    {'u', 1, "integers"},
    {'b', 1, "bool"},        {'S', 1, "bytes"},
    {'a', 1, "bytes"},       {'U', 4, "text"},
    {'V', 1, "raw bytes"},   {'O', 1, "objects"},
    {'M', 1, "datetime64"},  {'m', 1, "timedelta64"},
};

struct ScalarClass {
  std::string_view module;
  std::string_view name;
  DType dtype;
};

// Classes that stand for a dtype: numpy.dtype(ml_dtypes.bfloat16), numpy.float32.
constexpr ScalarClass kScalarClasses[] = {
    {"ml_dtypes", "bfloat16", DType::BF16},
    {"ml_dtypes", "float8_e4m3fn", DType::F8E4M3FN},
    {"ml_dtypes", "float8_e4m3fnuz", DType::F8E4M3FNUZ},
    {"ml_dtypes", "float8_e5m2", DType::F8E5M2},
    {"ml_dtypes", "float8_e5m2fnuz", DType::F8E5M2FNUZ},
    {"ml_dtypes", "float8_e8m0fnu", DType::F8E8M0},
    {"numpy", "float64", DType::F64},
    {"numpy", "float32", DType::F32},
    {"numpy", "float16", DType::F16},
    {"numpy", "int64", DType::I64},
    {"numpy", "int32", DType::I32},
    {"numpy", "int16", DType::I16},
    {"numpy", "int8", DType::I8},
    {"numpy", "uint64", DType::U64},
    {"numpy", "uint32", DType::U32},
    {"numpy", "uint16", DType::U16},
    {"numpy", "uint8", DType::U8},
    {"numpy", "bool_", DType::Bool},
    {"numpy", "bool", DType::Bool},
    {"numpy", "complex64", DType::C64},
    {"numpy", "complex128", DType::C128},
};

DTypeRecord plain(DType dtype, bool big_endian) {
  const DTypeInfo& row = info(dtype);
  return {ElementType{dtype, big_endian && row.swap_unit > 1}, false, uint64_t{row.bits} / 8,
          std::string(row.torch_name)};
}

[[noreturn]] void fail_string(std::string_view type_string) {
  fail(ErrorCode::Corrupt, "dtype ", quoted(type_string), " is none that numpy writes");
}

// "[ns]" or "[25s]" behind the M8 and m8 of dates; nothing behind other types.
bool is_unit(std::string_view text, char kind) {
  if (text.empty()) return true;
  return (kind == 'M' || kind == 'm') && text.size() > 2 && text.front() == '[' &&
         text.back() == ']';
}

DTypeRecord other_type(std::string_view code, std::string_view whole) {
  const auto row = std::ranges::find(kNumpyKinds, code.empty() ? '\0' : code[0], &NumpyKind::kind);
  if (row == std::end(kNumpyKinds)) fail_string(whole);
  DTypeRecord record;
  record.description = row->words;
  record.has_objects = row->kind == 'O';
  if (code == "O") return record;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(code.data() + 1, code.data() + code.size(), number);
  const auto digits = static_cast<size_t>(end - code.data());
  if (error != std::errc() || !is_unit(code.substr(digits), row->kind)) fail_string(whole);
  uint64_t size = 0;
  if (!checked_multiply(number, row->unit, size)) fail_string(whole);
  record.item_size = size;
  return record;
}

// --- In a pickle ---

std::string_view text(const Graph& graph, NodeId node, const char* what) {
  const bool is_text = graph.is(node, NodeKind::String) ||
                       (graph.is(node, NodeKind::ByteString) && !graph.is_external(node));
  if (!is_text) fail(ErrorCode::Corrupt, what, " is no text");
  return graph.text(node);
}

// At most `longest` items: a tuple that many dtypes share must not be long.
std::vector<NodeId> short_tuple(const Graph& graph, NodeId node, size_t longest, const char* what) {
  if (!graph.is(node, NodeKind::Tuple)) fail(ErrorCode::Corrupt, what, " are no tuple");
  std::vector<NodeId> items;
  for (const NodeId item : graph.items(node)) {
    if (items.size() == longest) fail(ErrorCode::Corrupt, what, " are more than ", longest);
    items.push_back(item);
  }
  return items;
}

// What numpy.dtypes.StringDType is pickled as: a call of this; the data is a list of str.
bool is_string_dtype(const Global& global) {
  return global.module == "numpy._core._internal" &&
         global.name == "_convert_to_stringdtype_kwargs";
}

DTypeRecord dtype_of_class(const Global& global) {
  for (const ScalarClass& row : kScalarClasses)
    if (row.name == global.name && row.module == global.module) return plain(row.dtype, false);
  DTypeRecord unknown;
  unknown.has_objects = is_string_dtype(global);
  unknown.description = unknown.has_objects ? "text" : class_name(global);
  return unknown;
}

// The code 'f4', or a class: of a user's type, numpy.record for a structure.
DTypeRecord dtype_of_argument(const Graph& graph, NodeId code) {
  if (graph.is(code, NodeKind::Global)) return dtype_of_class(graph.global(code));
  return dtype_of_string(text(graph, code, "the dtype's code"));
}

char byte_order(const Graph& graph, NodeId node) {
  const std::string_view order = text(graph, node, "the dtype's byte order");
  if (order.size() != 1 || std::string_view("<>|=").find(order[0]) == std::string_view::npos)
    fail(ErrorCode::Corrupt, "its byte order is ", quoted(order));
  return order[0];
}

std::string structure_of(const Graph& graph, NodeId names) {
  constexpr size_t kMostCounted = 100;
  size_t fields = 0;
  if (graph.is(names, NodeKind::Tuple))
    for (auto at = graph.items(names).begin(); at != Items::Iterator() && fields <= kMostCounted;
         ++at)
      ++fields;
  if (fields > kMostCounted) return "a structure of many fields";
  return "a structure of " + std::to_string(fields) + (fields == 1 ? " field" : " fields");
}

// NPY_ITEM_HASOBJECT, in the flags that structures keep.
bool holds_objects(const Graph& graph, const std::vector<NodeId>& state) {
  return state.size() > 7 && graph.is(state[7], NodeKind::Int) &&
         (graph.integer(state[7]) & 1) != 0;
}

// (version, byteorder, subdtype, names, fields, itemsize, alignment, flags[, metadata])
void apply_state(const Graph& graph, NodeId node, DTypeRecord& record) {
  const std::vector<NodeId> state = short_tuple(graph, node, 9, "the items of the dtype's state");
  if (state.size() < 4) fail(ErrorCode::Corrupt, "its dtype has a state that is too short");
  const bool has_size = state.size() > 5 && graph.is(state[5], NodeKind::Int);
  if (has_size && graph.integer(state[5]) >= 0)
    record.item_size = static_cast<uint64_t>(graph.integer(state[5]));
  const bool is_structure = !graph.is(state[3], NodeKind::None);
  if (is_structure || !graph.is(state[2], NodeKind::None)) {
    record.type = std::nullopt;
    record.has_objects = holds_objects(graph, state);
    record.description = is_structure ? structure_of(graph, state[3]) : "sub-arrays";
    return;
  }
  const bool big_endian = byte_order(graph, state[1]) == '>';
  if (record.type) record = plain(record.type->dtype, big_endian);
}

}  // namespace

std::string class_name(const Global& global) {
  return escaped(global.module) + "." + escaped(global.name);
}

DTypeRecord dtype_of_string(std::string_view type_string) {
  std::string_view code = type_string;
  const bool has_order =
      !code.empty() && std::string_view("<>|=").find(code[0]) != std::string_view::npos;
  if (has_order) code.remove_prefix(1);
  const auto row = std::ranges::find(kNumpyCodes, code, &NumpyCode::code);
  if (row == std::end(kNumpyCodes)) return other_type(code, type_string);
  return plain(row->dtype, has_order && type_string[0] == '>');
}

std::optional<std::string> type_string(const ElementType& type) {
  const auto row = std::ranges::find(kNumpyCodes, type.dtype, &NumpyCode::dtype);
  if (row == std::end(kNumpyCodes)) return std::nullopt;
  const char order = info(type.dtype).bits == 8 ? '|' : type.big_endian ? '>' : '<';
  return order + std::string(row->code);
}

DTypeRecord read_dtype(const Graph& graph, NodeId node) {
  if (graph.is(node, NodeKind::Global)) return dtype_of_class(graph.global(node));
  if (!graph.is(node, NodeKind::Call)) fail(ErrorCode::Corrupt, "its dtype is no numpy.dtype");
  const Call& call = graph.call(node);
  if (graph.callee_meaning(node) != Meaning::NumpyDType) {
    if (!graph.is(call.callee, NodeKind::Global))
      fail(ErrorCode::Corrupt, "its dtype is no numpy.dtype");
    return dtype_of_class(graph.global(call.callee));
  }
  const std::vector<NodeId> args = short_tuple(graph, call.args, 3, "the dtype's arguments");
  if (args.empty()) fail(ErrorCode::Corrupt, "its dtype has no code");
  DTypeRecord record = dtype_of_argument(graph, args[0]);
  for (const NodeId state : graph.items(call.states)) apply_state(graph, state, record);
  return record;
}

}  // namespace unbrine
