// Tensors: the rebuild calls that torch itself writes, over storages of the new file.
#include <iterator>

#include "formats/torch/tensor_calls.h"
#include "formats/torch/torch_pickler.h"

namespace unbrine {
namespace {

constexpr std::string_view kUtils = "torch._utils";

}  // namespace

// --- Plain tensors ---

bool TorchPickler::requires_grad(uint32_t row) const {
  const DTypeInfo& type = info(storages_.view_of(row).dtype);
  const bool may = type.is_floating || type.is_complex;  // a cast may have made them integers
  return may && selection_.table->tensors()[row].requires_grad;
}

void TorchPickler::write_tensor(NodeId node) {
  const uint32_t row = graph_.index(node);
  if (!storages_.storage_of(row)) {
    ++replaced_["tensor that was left out -> None"];
    return pickle_.op(Op::None);
  }
  if (graph_.has_tensor_call(node) && makes_parameter(graph_, graph_.tensor_call(node)))
    return write_parameter(node, graph_.tensor_call(node));
  write_rebuilt(node, "", {{.write = [this, row] { write_view(row); }}});
}

// _rebuild_tensor_v2 where a storage class says the dtype, else _rebuild_tensor_v3.
TorchPickler::Steps TorchPickler::tensor_steps(uint32_t row) {
  const bool typed = !info(storages_.view_of(row).dtype).storage_class.empty();
  return {global_step(kUtils, typed ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3"),
          {.write = [this, row] { write_view(row); }},
          op_step(Op::Reduce)};
}

// (storage, 0, size, stride, requires_grad, hooks[, dtype])
void TorchPickler::write_view(uint32_t row) {
  const TorchView view = storages_.view_of(row);
  const bool typed = !info(view.dtype).storage_class.empty();
  pickle_.op(Op::Mark);
  write_storage_id(*storages_.storage_of(row), view.dtype, view.size);
  pickle_.integer(0);
  write_counts(view.shape);
  write_counts(contiguous_stride(view.shape));
  pickle_.boolean(requires_grad(row));
  write_hooks();
  if (!typed) pickle_.global("torch", info(view.dtype).torch_name);
  pickle_.op(Op::Tuple);
}

// ('storage', class, key, 'cpu', elements), as a persistent id.
void TorchPickler::write_storage_id(uint32_t storage, DType dtype, uint64_t size) {
  const std::string_view storage_class = info(dtype).storage_class;
  const bool typed = !storage_class.empty();
  pickle_.op(Op::Mark);
  pickle_.word("storage");
  pickle_.global(typed ? "torch" : "torch.storage", typed ? storage_class : "UntypedStorage");
  pickle_.text(std::to_string(storage));
  pickle_.word("cpu");
  pickle_.count(typed ? size / (info(dtype).bits / 8) : size);
  pickle_.op(Op::Tuple);
  pickle_.op(Op::BinPersId);
}

void TorchPickler::write_counts(const std::vector<uint64_t>& counts) {
  const Op end = tuple_op(counts.size());
  if (end == Op::Tuple) pickle_.op(Op::Mark);
  for (const uint64_t count : counts) pickle_.count(count);
  pickle_.op(end);
}

void TorchPickler::write_hooks() {
  pickle_.global("collections", "OrderedDict");
  pickle_.op(Op::EmptyTuple);
  pickle_.op(Op::Reduce);
}

// --- Attributes and parameters ---

// The function's own name, or for a plain tensor "", with the arguments as steps that leave one
// tuple on the stack.
void TorchPickler::write_rebuilt(NodeId node, std::string_view function, Steps arguments) {
  if (graph_.has_tensor_call(node))
    if (const std::string lost = lost_class(graph_, graph_.tensor_call(node)); !lost.empty())
      ++replaced_[lost + " -> torch.Tensor"];
  if (function.empty()) {
    const DType dtype = storages_.view_of(graph_.index(node)).dtype;
    function = info(dtype).storage_class.empty() ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2";
  }
  const std::vector<NodeId> attributes = attributes_of(node);
  open(node);
  Steps steps;
  if (!attributes.empty())
    steps = {global_step("torch._tensor", "_rebuild_from_type_v2"), op_step(Op::Mark)};
  steps.push_back(global_step(kUtils, function));
  if (!attributes.empty()) steps.push_back(global_step("torch", "Tensor"));
  std::ranges::move(arguments, std::back_inserter(steps));
  if (!attributes.empty()) {
    steps.push_back(op_step(Op::EmptyDict));
    steps.push_back(sequence_step(attributes, Op::SetItems));
    steps.push_back(op_step(Op::Tuple));
  }
  steps.push_back(op_step(Op::Reduce));
  steps.push_back(put_step(node));
  push(std::move(steps));
}

// None where they would lead back to the tensor before it is made.
std::vector<NodeId> TorchPickler::attributes_of(NodeId node) {
  if (!forms_.is_cyclic(node)) return tensor_attributes(graph_, node);
  ++replaced_["attributes of a tensor that lead back to it -> none"];
  return {};
}

// What a parameter wraps: the tensor of its own that the file has for it, or the bare one.
TorchPickler::Steps TorchPickler::data_steps(NodeId node, const Call& call) {
  const NodeId data = parameter_data(graph_, node, call);
  if (data != kNoNode) return {value_step(data)};
  if (graph_.is(node, NodeKind::Composite)) return composite_steps(node);
  return tensor_steps(graph_.index(node));
}

void TorchPickler::write_parameter(NodeId node, const Call& call) {
  bool needs_grad = parameter_requires_grad(graph_, call);
  if (graph_.is(node, NodeKind::Tensor)) {
    const DTypeInfo& type = info(storages_.view_of(graph_.index(node)).dtype);
    needs_grad = needs_grad && (type.is_floating || type.is_complex);
  }
  const std::vector<NodeId> attributes = attributes_of(node);
  open(node);
  Steps steps = {global_step(kUtils, attributes.empty() ? "_rebuild_parameter"
                                                        : "_rebuild_parameter_with_state"),
                 op_step(Op::Mark)};
  std::ranges::move(data_steps(node, call), std::back_inserter(steps));
  steps.push_back(op_step(needs_grad ? Op::NewTrue : Op::NewFalse));
  steps.push_back({.write = [this] { write_hooks(); }});
  if (!attributes.empty()) {
    steps.push_back(op_step(Op::EmptyDict));
    steps.push_back(sequence_step(attributes, Op::SetItems));
  }
  steps.push_back(op_step(Op::Tuple));
  steps.push_back(op_step(Op::Reduce));
  steps.push_back(put_step(node));
  push(std::move(steps));
}

}  // namespace unbrine
