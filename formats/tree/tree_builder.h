// From the values in state.json back to the graph. Lists, dicts, sets and objects are made empty
// when they are met and filled later, so that a cycle finds them; what cannot change is made of
// parts that are there. Two work lists, no recursion.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/json_document.h"
#include "formats/tree/tensor_files.h"

namespace unbrine {

class TreeBuilder {
 public:
  TreeBuilder(Checkpoint& checkpoint, TensorFiles& files, const JsonValue& tree,
              const JsonValue& shared)
      : checkpoint_(checkpoint),
        graph_(checkpoint.graph),
        files_(files),
        tree_(tree),
        shared_(shared.items()),
        made_(shared_.size(), kNoNode),
        is_open_(shared_.size(), false) {}

  // Every error names the place of the value.
  NodeId run();

 private:
  using Nodes = std::vector<NodeId>;
  using Indices = std::vector<uint64_t>;

  // A value inside another, and how it is called there: "[3]", ".class", ".args[0]".
  static constexpr uint32_t kNoIndex = UINT32_MAX;
  struct Part {
    JsonValue value;
    std::string_view key = {};
    uint32_t index = kNoIndex;
  };
  struct Step {
    uint32_t above;  // index into steps_; kNoIndex: the document
    std::string_view key;
    uint32_t index;
  };

  struct Frame;
  using Finish = NodeId (TreeBuilder::*)(Frame& frame);
  struct Frame {
    JsonValue value;
    Finish finish;
    uint32_t step;
    std::vector<Part> parts = {};
    Nodes made = {};             // one per part that is done
    NodeId target = kNoNode;     // what a fill fills
    uint32_t shared = kNoIndex;  // its place in the list, if it has one
  };

  using Begin = NodeId (TreeBuilder::*)(const JsonValue& content);  // of a value without parts
  struct Row {
    std::string_view key;
    std::string_view companions;  // names, each followed by a blank
    Begin begin;                  // or:
    void (TreeBuilder::*collect)(Frame& frame);
    Finish finish;
  };
  static const Row kRows[];

  // --- The work (tree_builder.cc) ---
  void work();
  void do_next();
  std::optional<NodeId> start(const JsonValue& value, uint32_t shared);
  std::optional<NodeId> start_object(const JsonValue& value, uint32_t shared);
  std::optional<NodeId> start_special(const JsonValue& value, const Row& row, uint32_t shared);
  std::optional<NodeId> start_reference(const JsonValue& content);
  NodeId literal(const JsonValue& value);
  void deliver(NodeId node);
  void fill_later(NodeId target, const JsonValue& value, std::vector<Part> parts, Finish finish);
  std::string path() const;
  static JsonValue content_of(const Frame& frame);
  static void add_items(std::vector<Part>& parts, const JsonValue& array,
                        std::string_view key = {});
  static void add_pairs(std::vector<Part>& parts, const JsonValue& pairs);
  static void add_companion(Frame& frame, std::string_view key);
  static NodeId part_named(const Frame& frame, std::string_view key);
  static Nodes parts_named(const Frame& frame, std::string_view key);

  // --- Scalars ---
  NodeId big_integer(const JsonValue& content);
  NodeId special_float(const JsonValue& content);
  NodeId surrogate_text(const JsonValue& content);
  NodeId bytes(const JsonValue& content);
  NodeId byte_array(const JsonValue& content);
  NodeId dtype(const JsonValue& content);
  NodeId device(const JsonValue& content);
  std::vector<uint8_t> decoded(const JsonValue& content) const;
  std::string name_part(const JsonValue& value) const;

  // --- Containers ---
  void collect_items(Frame& frame);
  NodeId finish_tuple(Frame& frame);
  NodeId finish_frozen_set(Frame& frame);
  NodeId finish_size(Frame& frame);
  NodeId finish_sequence_call(Frame& frame, std::string_view module, std::string_view name);
  NodeId finish_set(Frame& frame);
  NodeId finish_dict(Frame& frame);
  NodeId finish_ordered_dict(Frame& frame);
  void collect_default_dict(Frame& frame);
  NodeId finish_default_dict(Frame& frame);
  NodeId finish_counter(Frame& frame);
  void collect_deque(Frame& frame);
  NodeId finish_deque(Frame& frame);
  NodeId finish_complex(Frame& frame);
  NodeId finish_slice(Frame& frame);
  NodeId finish_range(Frame& frame);
  void fill_mapping(NodeId target, const JsonValue& form);
  void set_attrs(NodeId call, const Frame& frame);
  NodeId fill_items(Frame& frame);    // of a list or set
  NodeId fill_entries(Frame& frame);  // of a dict, or of a call's items
  NodeId fill_named(Frame& frame);    // the same, keys being those of the JSON object
  NodeId fill_values(Frame& frame);   // of a call
  NodeId fill_states(Frame& frame);   // of a call

  // --- Names, objects, streams (object_builder.cc) ---
  void collect_global(Frame& frame);
  NodeId finish_global(Frame& frame);
  void collect_object(Frame& frame);
  NodeId finish_object(Frame& frame);
  NodeId arguments_of(const Frame& frame);
  void collect_content(Frame& frame);
  NodeId finish_stream(Frame& frame);
  NodeId finish_persistent_id(Frame& frame);
  NodeId class_node(const Frame& frame, const JsonValue& object);
  NodeId class_of_pair(const JsonValue& pair);
  static void add_class(Frame& frame, const JsonValue& object);

  // --- Tensors (tensor_builder.cc) ---
  void collect_tensor(Frame& frame);
  NodeId finish_tensor(Frame& frame);
  NodeId finish_storage(Frame& frame);
  struct Wrapping {
    NodeId type;   // kNoNode: torch.Tensor
    NodeId state;  // kNoNode: there is none
    bool requires_grad;
  };
  NodeId leaf_of(const JsonValue& content);
  std::optional<uint32_t> single_row(const JsonValue& content);
  Composite composite_of(const JsonValue& content);
  Composite without_data(const JsonValue& content, std::string_view layout) const;
  NodeId part_leaf(const JsonValue& place, std::string_view role, const Composite& composite);
  uint32_t row_at(const JsonValue& place);
  NodeId wrapped(NodeId leaf, const Wrapping& wrapping);
  NodeId of_class(NodeId leaf, const Wrapping& wrapping);
  NodeId with_gradient(NodeId leaf);
  NodeId become(NodeId call, NodeId leaf);
  std::optional<DType> torch_dtype(const JsonValue& content) const;
  Indices shape(const JsonValue& content) const;

  // --- numpy (array_builder.cc) ---
  void collect_scalar(Frame& frame);
  NodeId finish_scalar(Frame& frame);
  NodeId scalar_value(NodeId value, const std::string& type);
  void collect_array(Frame& frame);
  NodeId finish_array(Frame& frame);
  NodeId masked_array(const Frame& frame, const JsonValue& content);
  NodeId array_in_full(const Frame& frame, const JsonValue& content);
  NodeId array_call(const Frame& frame, const JsonValue& content);
  NodeId array_state(const Indices& shape, NodeId dtype, NodeId data);
  static void add_dtype_part(Frame& frame, const JsonValue& content);
  NodeId dtype_part(const Frame& frame, const JsonValue& content);

  // --- Nodes ---
  NodeId text(std::string_view text) { return graph_.add_text(NodeKind::String, as_bytes(text)); }
  NodeId tuple(const Nodes& items) { return graph_.add_tuple(items.data(), items.size()); }
  NodeId global(std::string_view module, std::string_view name) {
    return graph_.add_global(as_bytes(module), as_bytes(name), 0);
  }
  NodeId call(NodeId callee, const Nodes& args, CallKind kind = CallKind::Reduce);

  Checkpoint& checkpoint_;
  Graph& graph_;
  TensorFiles& files_;
  JsonValue tree_;
  std::vector<JsonValue> shared_;
  Nodes made_;                 // of shared_
  std::vector<bool> is_open_;  // of shared_: its parts are being made
  std::vector<Frame> frames_;  // each the part of the one before
  std::vector<Frame> fills_;
  std::vector<Step> steps_;  // the way from the document to a frame
  Step current_{kNoIndex, {}, kNoIndex};
  NodeId result_ = kNoNode;
};

}  // namespace unbrine
