// The machine behind torch_pickle.h. A value is written as a few steps, of which some are values
// again; steps wait on a stack of their own, so that the depth of a file's nesting is not ours.
// torch_pickler.cc has containers and objects, tensor_pickler.cc and composite_pickler.cc tensors.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "formats/pickle/encoder.h"
#include "formats/torch/object_fields.h"
#include "formats/torch/plain_form.h"
#include "formats/torch/plain_number.h"
#include "formats/torch/torch_pickle.h"

namespace unbrine {

class TorchPickler {
 public:
  // `cyclic` as in PlainForms; run() adds to it what it finds, and then has to be made again.
  TorchPickler(const Selection& selection, const Graph& graph, std::set<NodeId>& cyclic);

  void run(NodeId root);
  void write_named_tensors();
  TorchPickle take();

 private:
  // What remains to be written.
  struct Step {
    NodeId value = kNoNode;             // write this value,
    NodeId put = kNoNode;               // or memoise the top of the stack as this one,
    std::function<void()> write = {};   // or do this,
    std::vector<NodeId> sequence = {};  // or write these, in batches that `batch_end` ends
    Op batch_end = Op::Stop;
    size_t next = 0;      // of the sequence
    size_t in_batch = 0;  // values since the last mark
  };
  using Steps = std::vector<Step>;

  // --- torch_pickler.cc ---
  void push(Steps steps);  // the first is done first
  void step();
  void step_sequence();
  void write(NodeId node);
  void write_new(NodeId node);
  void write_scalar(NodeId node);
  void write_text(NodeId node);
  void write_bytes(NodeId node, Form form);
  void write_plain_number(const PlainNumber& number);
  void write_tuple(NodeId node);
  void write_list(NodeId node);
  void write_dict(NodeId node, Form form);
  void write_set(NodeId node);
  void write_call(NodeId node);
  void write_record(NodeId node);
  void write_pairs(NodeId node);
  void write_record_of_call(NodeId node, const Call& call);
  void add_field(Steps& steps, std::string_view name, Steps value);
  Steps dict_steps(const std::vector<NodeId>& pairs);
  void note_replaced(NodeId node, Form form);

  void put(NodeId node) { places_[node] = pickle_.put(); }
  void open(NodeId node);  // what can be fetched only when all that it holds is written

  Step value_step(NodeId node) const { return {.value = node}; }
  Step put_step(NodeId node) const { return {.put = node}; }
  Step op_step(Op op) {
    return {.write = [this, op] { pickle_.op(op); }};
  }
  Step global_step(std::string_view module, std::string_view name) {
    return {.write = [=, this] { pickle_.global(module, name); }};
  }
  Step word_step(std::string word) {
    return {.write = [this, word = std::move(word)] { pickle_.word(word); }};
  }
  Step sequence_step(std::vector<NodeId> nodes, Op batch_end) const {
    return {.sequence = std::move(nodes), .batch_end = batch_end};
  }

  // --- tensor_pickler.cc ---
  void write_tensor(NodeId node);
  void write_parameter(NodeId node, const Call& call);
  // function(*arguments), and the attributes that the tensor has besides.
  void write_rebuilt(NodeId node, std::string_view function, Steps arguments);
  Steps data_steps(NodeId node, const Call& call);
  Steps tensor_steps(uint32_t row);
  void write_view(uint32_t row);
  void write_storage_id(uint32_t storage, DType dtype, uint64_t size);
  void write_counts(const std::vector<uint64_t>& counts);
  void write_hooks();
  std::vector<NodeId> attributes_of(NodeId node);
  bool requires_grad(uint32_t row) const;

  // --- composite_pickler.cc ---
  void write_composite(NodeId node);
  Steps composite_steps(NodeId node);
  Steps composite_arguments(NodeId node);
  Steps quantized_arguments(const Composite& composite);
  Steps sparse_arguments(NodeId node);
  Steps part_arguments(const Composite& composite);
  Steps meta_arguments(NodeId node);
  Steps jagged_arguments(NodeId node);
  bool has_all_parts(const Composite& composite);
  void write_parts(NodeId node);
  void write_part_number(const CompositePart& part);

  const Selection& selection_;
  const Graph& graph_;
  std::set<NodeId>& cyclic_;
  PlainForms forms_;
  PickleEncoder pickle_;
  TorchStorages storages_;
  std::vector<uint32_t> places_;  // in the memo, by node
  std::vector<Step> steps_;
  std::map<std::string, uint64_t> classes_;   // of objects that became dicts
  std::map<std::string, uint64_t> replaced_;  // "collections.deque -> list"
};

}  // namespace unbrine
