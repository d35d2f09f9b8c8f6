// numpy's values that are no tensors: dtypes, scalars, and arrays of objects, text, dates and
// structures.
#include "formats/checked.h"
#include "formats/error.h"
#include "formats/numpy/dtype_string.h"
#include "formats/numpy/numpy_array.h"
#include "formats/numpy/numpy_objects.h"
#include "formats/tree/value_writer.h"

namespace unbrine {
namespace {

// What `function` understands; none if it is refused as no such thing.
template <class Function>
auto understood(Function&& function) -> std::optional<decltype(function())> {
  try {
    return function();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::Corrupt && error.code() != ErrorCode::Unsupported) throw;
    return std::nullopt;
  }
}

std::optional<uint64_t> item_count(const std::vector<uint64_t>& shape) {
  uint64_t count = 1;
  for (const uint64_t size : shape)
    if (!checked_multiply(count, size, count)) return std::nullopt;
  return count;
}

}  // namespace

bool ValueWriter::numpy_dtype(Draft& out, NodeId node) {
  const Call& call = graph_.call(node);
  if (call.items.first != kNoNode || call.values.first != kNoNode) return false;
  const auto name = dtype_string(graph_, node);
  if (!name) return false;
  out.in_full = true;
  out.json.begin_object().key("$dtype").value(*name).end_object();
  return true;
}

// Of an array or scalar: its string, or the whole value where that would not tell all.
void ValueWriter::dtype(Draft& out, NodeId node) {
  if (const auto name = dtype_string(graph_, node))
    out.json.value(*name);
  else
    put(out, node);
}

// scalar(dtype, bytes), of objects scalar(dtype, value).
bool ValueWriter::numpy_scalar(Draft& out, NodeId node) {
  const Call& call = graph_.call(node);
  const auto args = few_args(call, 2);
  if (!args || args->size() != 2 || !is_untouched(call)) return false;
  const NodeId type = meant(args->front());
  const NodeId value = meant(args->back());
  out.json.begin_object().key("$scalar").begin_object().key("dtype");
  dtype(out, type);
  out.json.key("value");
  const auto name = dtype_string(graph_, type);
  const auto bytes = name ? short_bytes(value) : std::nullopt;
  const auto number = bytes ? numpy_value(*name, *bytes) : std::nullopt;
  if (number) {
    number_or_text(out, *number);
    out.in_full = true;
  } else {
    put(out, value);
  }
  out.json.end_object().end_object();
  return true;
}

// None for what is no bytes or is long.
std::optional<std::vector<uint8_t>> ValueWriter::short_bytes(NodeId node) const {
  const auto bytes = understood([&] { return bytes_of(graph_, node); });
  if (!bytes || !*bytes || (*bytes)->size > kShortText) return std::nullopt;
  return (*bytes)->source->read_all((*bytes)->offset, (*bytes)->size);
}

void ValueWriter::number_or_text(Draft& out, const NumpyValue& value) {
  if (const auto* truth = std::get_if<bool>(&value)) {
    out.json.value(*truth);
  } else if (const auto* number = std::get_if<int64_t>(&value)) {
    integer(out, *number);
  } else if (const auto* large = std::get_if<uint64_t>(&value)) {
    out.json.begin_object().key("$int").value(std::to_string(*large)).end_object();
  } else if (const auto* real = std::get_if<double>(&value)) {
    out.json.value(*real);
  } else if (const auto* pair = std::get_if<std::pair<double, double>>(&value)) {
    out.json.begin_object().key("$complex").begin_array();
    out.json.value(pair->first).value(pair->second).end_array().end_object();
  } else {
    text(out, std::get<std::string>(value));
  }
}

// --- Arrays ---

std::optional<std::vector<uint64_t>> ValueWriter::counts(NodeId node) const {
  if (!graph_.is(node, NodeKind::Tuple)) return std::nullopt;
  std::vector<uint64_t> numbers;
  for (const NodeId item : graph_.items(node)) {
    if (!graph_.is(item, NodeKind::Int) || graph_.integer(item) < 0) return std::nullopt;
    if (numbers.size() == limits_.max_rank) return std::nullopt;
    numbers.push_back(static_cast<uint64_t>(graph_.integer(item)));
  }
  return numbers;
}

bool ValueWriter::array(Draft& out, NodeId node) {
  const Call& call = graph_.call(node);
  if (call.items.first != kNoNode || call.values.first != kNoNode) return false;
  const auto parts = understood([&] { return array_parts(graph_, call); });
  if (!parts || !*parts || (*parts)->axes != kNoNode) return false;
  const NodeId type = array_class(graph_, call);
  const auto shape = counts((*parts)->shape);
  if (!shape || (type != kNoNode && !is_numpys_class(graph_, type))) return false;
  return array_of(out, node,
                  {*shape, meant((*parts)->dtype), meant((*parts)->data), (*parts)->fortran, type});
}

// A wrapper whose raw bytes the reader has kept as its value.
bool ValueWriter::joblib_array(Draft& out, NodeId node) {
  const Call& call = graph_.call(node);
  const Nodes states = graph_.items(call.states).to_vector();
  const Nodes values = graph_.items(call.values).to_vector();
  if (states.size() != 1 || values.size() != 1) return false;
  const auto part = [&](std::string_view name) { return attribute(graph_, states[0], name); };
  const NodeId order = part("order");
  const NodeId type = part("dtype");
  const NodeId sizes = part("shape");
  if (order == kNoNode || type == kNoNode || sizes == kNoNode || !is_short_scalar(order))
    return false;
  const auto shape = counts(sizes);
  return shape &&
         array_of(out, node,
                  {*shape, type, values[0], graph_.text(order) == "F", array_class(graph_, call)});
}

bool ValueWriter::array_of(Draft& out, NodeId node, const ArrayValues& values) {
  const auto count = item_count(values.shape);
  if (!count) return false;
  if (graph_.is(values.data, NodeKind::List)) return object_array(out, node, values, *count);
  const auto record = understood([&] { return read_dtype(graph_, values.dtype); });
  if (!record || !record->item_size || !may_embed(values.data, node)) return false;
  const auto bytes = understood([&] { return bytes_of(graph_, values.data); });
  uint64_t wanted = 0;
  if (!bytes || !*bytes || !checked_multiply(*count, *record->item_size, wanted) ||
      (*bytes)->size != wanted)
    return false;
  begin_array_of(out, values);
  const bool is_turned = values.fortran && values.shape.size() > 1;
  base64(out, "data", is_turned ? row_major(**bytes, values.shape, *record->item_size) : **bytes);
  end_array_of(out, values);
  return true;
}

void ValueWriter::begin_array_of(Draft& out, const ArrayValues& values) {
  out.json.begin_object().key("$ndarray").begin_object().key("dtype");
  dtype(out, values.dtype);
  dtype_and_shape(out, std::nullopt, values.shape);
}

void ValueWriter::end_array_of(Draft& out, const ArrayValues& values) {
  if (values.type != kNoNode) {
    out.json.key("class");
    class_of(out, values.type);
  }
  out.json.end_object().end_object();
}

// In the order of rows always, whatever the flag says.
bool ValueWriter::object_array(Draft& out, NodeId node, const ArrayValues& values, uint64_t count) {
  if (!may_embed(values.data, node)) return false;
  const Nodes items = graph_.items(values.data).to_vector();
  if (items.size() != count) return false;
  begin_array_of(out, values);
  out.json.key("items");
  put_all(out, items);
  end_array_of(out, values);
  return true;
}

// The same elements with the last index fastest.
ByteRange ValueWriter::row_major(const ByteRange& bytes, const std::vector<uint64_t>& shape,
                                 uint64_t item_size) const {
  if (!writes()) return bytes;
  check_limit("bytes of an array:", bytes.size, "max_inflated_bytes", limits_.max_inflated_bytes);
  const std::vector<uint8_t> columns = bytes.source->read_all(bytes.offset, bytes.size);
  std::vector<uint8_t> rows;
  rows.reserve(columns.size());
  std::vector<uint64_t> stride(shape.size(), item_size);
  for (size_t i = 1; i < shape.size(); ++i) stride[i] = stride[i - 1] * shape[i - 1];
  std::vector<uint64_t> index(shape.size(), 0);
  uint64_t at = 0;
  while (rows.size() < columns.size()) {
    rows.insert(rows.end(), columns.begin() + static_cast<ptrdiff_t>(at),
                columns.begin() + static_cast<ptrdiff_t>(at + item_size));
    for (size_t i = shape.size(); i-- > 0;) {
      at += stride[i];
      if (++index[i] < shape[i]) break;
      at -= stride[i] * shape[i];
      index[i] = 0;
    }
  }
  const uint64_t size = rows.size();
  return {std::make_shared<MemorySource>(std::move(rows)), 0, size};
}

}  // namespace unbrine
