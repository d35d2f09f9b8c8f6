// Tensors: where each was written, and what it is beside its numbers.
#include <algorithm>

#include "formats/numpy/numpy_dtype.h"
#include "formats/tree/tensor_facts.h"
#include "formats/tree/value_writer.h"

namespace unbrine {
namespace {

constexpr size_t kShortPlace = 1024;

// What a dtype needs beside the tensor in the file; none for most.
struct Layout {
  std::string_view name;
  std::string_view role;
};

std::optional<Layout> layout_of(DType dtype) {
  switch (dtype) {
    case DType::C128:
    case DType::C32:
    case DType::BC32: return Layout{"complex", "pair"};
    case DType::F4E2M1x2: return Layout{"float4", "values"};
    case DType::QInt8:
    case DType::QUInt8:
    case DType::QInt32:
    case DType::QUInt4x2:
    case DType::QUInt2x4:
    case DType::Bits8:
    case DType::Bits16:
    case DType::Bits1x8:
    case DType::Bits2x4:
    case DType::Bits4x2: return Layout{"packed", "bytes"};
    default: return std::nullopt;
  }
}

bool is_quantized(std::string_view layout) { return layout.starts_with("per_"); }

bool has_no_data(std::string_view layout) { return layout == "meta" || layout == "uninitialized"; }

}  // namespace

void ValueWriter::tensor(Draft& out, NodeId node) {
  if (graph_.is_whole_storage(node)) return whole_storage(out, node);
  const uint32_t row = graph_.index(node);
  const TensorFacts facts = tensor_facts(graph_, node, table_.tensors()[row].requires_grad);
  out.json.begin_object().key(facts.is_array ? "$ndarray" : "$tensor").begin_object();
  tensor_body(out, row);
  companions(out, facts);
  out.json.end_object().end_object();
  out.in_full = is_repeatable(out, row);
}

// Tensors are one object by their place, wherever they are written.
bool ValueWriter::is_repeatable(const Draft& out, uint32_t row) const {
  if (!out.holes.empty() || !is_written(row)) return false;
  const TensorPlace& place = places_[row];
  return place.file.size() + place.name.size() + place.alias_of.size() <= kShortPlace;
}

bool ValueWriter::is_written(uint32_t row) const { return !places_[row].file.empty(); }

bool ValueWriter::is_written(const Composite& composite) const {
  return std::ranges::all_of(composite.parts, [&](const CompositePart& part) {
    return is_written(graph_.index(part.tensor));
  });
}

void ValueWriter::tensor_body(Draft& out, uint32_t row) {
  const Tensor& tensor = table_.tensors()[row];
  if (!is_written(row)) {
    dtype_and_shape(out, tensor.dtype, tensor.shape);
    out.json.key("left_out").value(true);
  } else if (const auto layout = layout_of(tensor.dtype)) {
    out.json.key("layout").value(layout->name);
    dtype_and_shape(out, tensor.dtype, tensor.shape);
    out.json.key("parts").begin_object();
    part(out, layout->role, row);
    out.json.end_object();
  } else {
    place(out, row);
    const std::string& alias_of = places_[row].alias_of;
    if (!alias_of.empty()) {
      out.json.key("alias_of");
      text(out, alias_of);
    }
  }
}

void ValueWriter::place(Draft& out, uint32_t row) {
  out.json.key("file");
  text(out, places_[row].file);
  out.json.key("name");
  text(out, places_[row].name);
}

void ValueWriter::part(Draft& out, std::string_view role, uint32_t row) {
  out.json.key(role).begin_object();
  place(out, row);
  out.json.end_object();
}

void ValueWriter::dtype_and_shape(Draft& out, std::optional<DType> dtype,
                                  const std::vector<uint64_t>& shape) {
  if (dtype) out.json.key("dtype").value(dtype_name(*dtype));
  out.json.key("shape").begin_array();
  for (const uint64_t size : shape) out.json.value(size);
  out.json.end_array();
}

void ValueWriter::companions(Draft& out, const TensorFacts& facts) {
  if (facts.requires_grad) out.json.key("requires_grad").value(true);
  if (facts.is_parameter)
    out.json.key("class").begin_array().value("torch.nn.parameter").value("Parameter").end_array();
  if (facts.type != kNoNode) {
    out.json.key("class");
    class_of(out, facts.type);
  }
  states(out, "state", facts.states);
}

// --- Kept in parts ---

void ValueWriter::composite(Draft& out, NodeId node) {
  const Composite& composite = graph_.composite(node);
  if (composite.layout == "left_out_storage") return left_out_storage(out, composite.dtype);
  const TensorFacts facts = tensor_facts(graph_, node, false);
  out.json.begin_object().key(facts.is_array ? "$ndarray" : "$tensor").begin_object();
  if (!is_written(composite)) {
    dtype_and_shape(out, composite.dtype, composite.shape);
    out.json.key("left_out").value(true);
  } else if (composite.layout == "masked") {
    masked_body(out, composite, facts);
  } else {
    composite_body(out, composite);
  }
  companions(out, facts);
  out.json.end_object().end_object();
}

void ValueWriter::composite_body(Draft& out, const Composite& composite) {
  const bool has_scheme = is_quantized(composite.layout);
  const bool has_layout = !composite.parts.empty();
  if (has_layout) out.json.key("layout").value(has_scheme ? "quantized" : composite.layout);
  if (has_scheme) out.json.key("scheme").value(composite.layout);
  dtype_and_shape(out, composite.dtype, composite.shape);
  if (!has_layout) {
    out.json.key(has_no_data(composite.layout) ? "meta" : "left_out").value(true);
    return;
  }
  out.json.key("parts").begin_object();
  for (const auto& [role, tensor] : composite.parts) part(out, role, graph_.index(tensor));
  out.json.end_object();
}

void ValueWriter::masked_body(Draft& out, const Composite& composite, const TensorFacts& facts) {
  for (const auto& [role, tensor] : composite.parts)
    if (role.empty()) tensor_body(out, graph_.index(tensor));
  for (const auto& [role, tensor] : composite.parts)
    if (!role.empty()) part(out, role, graph_.index(tensor));
  if (facts.fill == kNoNode) return;
  out.json.key("fill");
  if (!nameless_array(out, meant(facts.fill))) put(out, facts.fill);
}

// What is part of no object has no name, and no file has it: a fill value is written in full.
bool ValueWriter::nameless_array(Draft& out, NodeId node) {
  constexpr uint64_t kLongest = 16;
  if (!graph_.is(node, NodeKind::Tensor) || is_written(graph_.index(node))) return false;
  const Tensor& tensor = table_.tensors()[graph_.index(node)];
  const Storage& storage = table_.storage_of(tensor);
  const auto type = type_string({tensor.dtype, storage.big_endian});
  if (!type || byte_count(tensor) > kLongest || !is_contiguous(tensor)) return false;
  out.json.begin_object().key("$ndarray").begin_object().key("dtype").value(*type);
  out.json.key("shape").begin_array();
  for (const uint64_t size : tensor.shape) out.json.value(size);
  out.json.end_array();
  base64(out, "data", {storage.source, storage.offset + first_byte(tensor), byte_count(tensor)});
  out.json.end_object().end_object();
  return true;
}

// --- Storages ---

void ValueWriter::whole_storage(Draft& out, NodeId node) {
  const uint32_t row = graph_.index(node);
  out.json.begin_object().key("$storage").begin_object();
  if (is_written(row)) place(out, row);
  if (!graph_.is_untyped_storage(node))
    out.json.key("dtype").value(dtype_name(table_.tensors()[row].dtype));
  if (!is_written(row)) out.json.key("left_out").value(true);
  out.json.end_object().end_object();
  out.in_full = is_repeatable(out, row);
}

// One that the tensors of the checkpoint do not cover.
void ValueWriter::left_out_storage(Draft& out, std::optional<DType> dtype) {
  out.json.begin_object().key("$storage").begin_object();
  if (dtype) out.json.key("dtype").value(dtype_name(*dtype));
  out.json.key("left_out").value(true).end_object().end_object();
}

}  // namespace unbrine
