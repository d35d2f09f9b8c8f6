// Tensors that torch keeps in several: quantized, sparse, nested, and those without data.
#include <algorithm>
#include <iterator>

#include "formats/error.h"
#include "formats/torch/composite_kinds.h"
#include "formats/torch/tensor_calls.h"
#include "formats/torch/torch_pickler.h"

namespace unbrine {
namespace {

constexpr std::string_view kUtils = "torch._utils";

bool is_quantized(const Composite& composite) { return composite.layout.starts_with("per_"); }

// Some parts stand in the pickle as what they are.
bool is_number(const Composite& composite, const CompositePart& part) {
  const bool per_tensor = composite.layout.starts_with("per_tensor");
  return is_quantized(composite) && (part.role == "axis" || (per_tensor && !part.role.empty()));
}

}  // namespace

bool TorchPickler::has_all_parts(const Composite& composite) {
  return std::ranges::all_of(composite.parts, [&](const CompositePart& part) {
    return is_number(composite, part) || storages_.storage_of(graph_.index(part.tensor));
  });
}

void TorchPickler::write_composite(NodeId node) {
  const Composite& composite = graph_.composite(node);
  const bool has_call = graph_.has_tensor_call(node);
  const CompositeKind* kind = composite_kind(composite);
  if (!has_all_parts(composite)) {
    ++replaced_["tensor that was left out -> None"];
    return pickle_.op(Op::None);
  }
  if (kind == nullptr && has_call && composite.parts.empty())
    return write_record_of_call(node, graph_.tensor_call(node));
  if (kind == nullptr) return write_parts(node);
  if (has_call && makes_parameter(graph_, graph_.tensor_call(node)))
    return write_parameter(node, graph_.tensor_call(node));
  if (kind->module == kUtils) return write_rebuilt(node, kind->function, composite_arguments(node));
  open(node);
  Steps steps = composite_steps(node);
  steps.push_back(put_step(node));
  push(std::move(steps));
}

TorchPickler::Steps TorchPickler::composite_steps(NodeId node) {
  const CompositeKind& kind = *composite_kind(graph_.composite(node));
  Steps steps = {global_step(kind.module, kind.function)};
  std::ranges::move(composite_arguments(node), std::back_inserter(steps));
  steps.push_back(op_step(Op::Reduce));
  return steps;
}

// Each leaves one tuple on the stack.
TorchPickler::Steps TorchPickler::composite_arguments(NodeId node) {
  const Composite& composite = graph_.composite(node);
  if (is_quantized(composite)) return quantized_arguments(composite);
  if (composite.layout.starts_with("sparse_")) return sparse_arguments(node);
  if (composite.layout == "meta") return meta_arguments(node);
  if (composite.layout == "jagged") return jagged_arguments(node);
  return part_arguments(composite);
}

// (storage, 0, size, stride, (scheme, scale, zero_point[, axis]), False, hooks)
TorchPickler::Steps TorchPickler::quantized_arguments(const Composite& composite) {
  const CompositePart& integers = *find_part(composite, "");
  const uint32_t row = graph_.index(integers.tensor);
  const Tensor& tensor = selection_.table->tensors()[row];
  const auto write_integers = [this, row, &composite, &tensor] {
    pickle_.op(Op::Mark);
    write_storage_id(*storages_.storage_of(row), tensor.dtype, byte_count(tensor));
    pickle_.integer(0);
    write_counts(composite.shape);
    write_counts(contiguous_stride(composite.shape));
    pickle_.op(Op::Mark);
    pickle_.global("torch", composite.layout);
  };
  const auto write_end = [this] {
    pickle_.op(Op::Tuple);
    pickle_.boolean(false);
    write_hooks();
    pickle_.op(Op::Tuple);
  };
  Steps steps = {{.write = write_integers}};
  for (const std::string_view role : composite_kind(composite)->roles) {
    const CompositePart& part = *find_part(composite, role);
    if (is_number(composite, part))
      steps.push_back({.write = [this, &part] { write_part_number(part); }});
    else if (!role.empty())
      steps.push_back(value_step(part.tensor));
  }
  steps.push_back({.write = write_end});
  return steps;
}

// A tensor of one number, as the number.
void TorchPickler::write_part_number(const CompositePart& part) {
  const uint32_t row = graph_.index(part.tensor);
  const Tensor& tensor = selection_.table->tensors()[row];
  const Storage& storage = selection_.table->storage_of(tensor);
  std::optional<PlainNumber> number;
  if (element_count(tensor) == 1 && !storage.big_endian)
    number = number_of_bytes(
        tensor.dtype,
        storage.source->read_all(storage.offset + first_byte(tensor), byte_count(tensor)));
  if (!number)
    fail(ErrorCode::Unsupported, "the ", part.role, " of a quantized tensor is not one number");
  storages_.mark_inline(row);
  write_plain_number(*number);
}

// (layout, (indices, values, size[, is_coalesced])) or (layout, (compressed, plain, values, size))
TorchPickler::Steps TorchPickler::sparse_arguments(NodeId node) {
  const Composite& composite = graph_.composite(node);
  const auto write_layout = [this, &composite] {
    pickle_.global("torch.serialization", "_get_layout");
    pickle_.word("torch." + std::string(composite.layout));
    pickle_.op(Op::Tuple1);
    pickle_.op(Op::Reduce);
    pickle_.op(Op::Mark);
  };
  const auto write_end = [this, &composite, coalesced = is_coalesced(graph_, node)] {
    pickle_.global("torch", "Size");
    write_counts(composite.shape);
    pickle_.op(Op::Tuple1);
    pickle_.op(Op::Reduce);
    if (coalesced) pickle_.boolean(true);  // torch up to 2.0 knows none
    pickle_.op(Op::Tuple);
    pickle_.op(Op::Tuple2);
  };
  Steps steps = {{.write = write_layout}};
  for (const std::string_view role : composite_kind(composite)->roles)
    steps.push_back(value_step(find_part(composite, role)->tensor));
  steps.push_back({.write = write_end});
  return steps;
}

TorchPickler::Steps TorchPickler::part_arguments(const Composite& composite) {
  Steps steps = {op_step(Op::Mark)};
  for (const std::string_view role : composite_kind(composite)->roles)
    steps.push_back(value_step(find_part(composite, role)->tensor));
  steps.push_back(op_step(Op::Tuple));
  return steps;
}

// (dtype, size, stride, requires_grad)
TorchPickler::Steps TorchPickler::meta_arguments(NodeId node) {
  const Composite& composite = graph_.composite(node);
  const bool has_grad = meta_requires_grad(graph_, node);
  return {{.write = [this, &composite, has_grad] {
    pickle_.op(Op::Mark);
    pickle_.global("torch", info(*composite.dtype).torch_name);
    write_counts(composite.shape);
    write_counts(contiguous_stride(composite.shape));
    pickle_.boolean(has_grad);
    pickle_.op(Op::Tuple);
  }}};
}

// ({"values": tensor, "offsets": tensor, ...}). What it keeps to save itself work is left out:
// torch finds that again, and would need names that are not allowed for it.
TorchPickler::Steps TorchPickler::jagged_arguments(NodeId node) {
  Steps steps = {op_step(Op::EmptyDict)};
  for (const CompositePart& part : graph_.composite(node).parts)
    add_field(steps, part.role, {value_step(part.tensor)});
  for (const std::string_view name : {"_ragged_idx", "requires_grad"})
    if (const NodeId value = jagged_option(graph_, node, name); value != kNoNode)
      add_field(steps, name, {value_step(value)});
  steps.push_back(op_step(Op::Tuple1));
  return steps;
}

// numpy's masked array, and what torch has no function for.
void TorchPickler::write_parts(NodeId node) {
  const Composite& composite = graph_.composite(node);
  const bool masked = composite.layout == "masked";
  const std::string name = masked ? "numpy.ma.MaskedArray" : std::string(composite.layout);
  ++classes_[name];
  pickle_.op(Op::EmptyDict);
  put(node);
  Steps steps;
  add_field(steps, kClassField, {word_step(name)});
  for (const CompositePart& part : composite.parts)
    add_field(steps, part.role.empty() ? "data" : part.role, {value_step(part.tensor)});
  if (const NodeId fill = masked_fill_value(graph_, node); masked && fill != kNoNode)
    add_field(steps, "fill_value", {value_step(fill)});
  push(std::move(steps));
}

}  // namespace unbrine
