// How each kind of value is written in state.json: the table of keys in formats/README.md, one
// member of this class for each row. Nothing here goes from a value to those inside it: they are
// holes of its draft.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/dict_entries.h"
#include "formats/numpy/numpy_value.h"
#include "formats/pickle/byte_values.h"
#include "formats/tree/draft.h"
#include "formats/tree/sharing.h"
#include "formats/tree/state_json.h"
#include "formats/tree/tensor_facts.h"

namespace unbrine {

// Strings, bytes and ints up to this size are written wherever they are met.
inline constexpr size_t kShortText = 64;

class ValueWriter {
 public:
  ValueWriter(const Graph& graph, const TensorTable& table, std::span<const TensorPlace> places,
              const Limits& limits, Sharing& sharing)
      : graph_(graph), table_(table), places_(places), limits_(limits), sharing_(sharing) {}

  // All values are first drafted without text, to find what lies below what; then it is known which
  // are shared; at last with text.
  enum class Stage : uint8_t { Meet, Number, Write };
  void enter(Stage stage) { stage_ = stage; }

  // Of a value that is no alias. In the order in which values are met.
  Draft draft(NodeId node);

 private:
  using Nodes = std::vector<NodeId>;
  using Entries = std::vector<DictEntry>;

  bool writes() const { return stage_ == Stage::Write; }

  // --- Any value (value_writer.cc) ---
  NodeId meant(NodeId node) const;  // what an alias stands for
  bool is_short_scalar(NodeId node) const;
  bool are_few_scalars(const Nodes& nodes) const;
  void put(Draft& out, NodeId node);  // a hole, or a short scalar at once
  void put_all(Draft& out, const Nodes& nodes);
  void scalar(Draft& out, NodeId node);
  void real(Draft& out, double number);
  void integer(Draft& out, int64_t number);
  void text(Draft& out, std::string_view text);
  void base64(Draft& out, std::string_view key, const ByteRange& bytes);
  void plain_bytes(Draft& out, NodeId node);
  void sequence(Draft& out, std::string_view key, const Nodes& nodes);
  std::optional<std::string_view> plain_key(NodeId key) const;
  void mapping(Draft& out, const Entries& entries);
  void pairs(Draft& out, const Entries& entries);
  void global(Draft& out, NodeId node);
  void module_and_name(Draft& out, const Global& global);
  void persistent_id(Draft& out, NodeId node);
  void stream(Draft& out, NodeId node);

  // --- Calls (call_writer.cc). Each bool is false, and nothing written, for arguments that do not
  // fit: then it is an object like any other. ---
  void call(Draft& out, NodeId node);
  bool known_call(Draft& out, NodeId node);
  bool builtin_call(Draft& out, NodeId node);
  bool dict_call(Draft& out, NodeId node);
  bool deque(Draft& out, NodeId node);
  bool sequence_call(Draft& out, NodeId node, std::string_view key);
  bool bytes_call(Draft& out, NodeId node, std::string_view key);
  bool device(Draft& out, NodeId node);
  void object(Draft& out, NodeId node);
  void arguments(Draft& out, NodeId args);
  bool is_own_empty_dict(NodeId node) const;
  void states(Draft& out, std::string_view key, const Nodes& states);
  void class_of(Draft& out, NodeId callee);
  bool may_embed(NodeId content, NodeId by);
  std::optional<Nodes> few_args(const Call& call, size_t most) const;
  bool is_untouched(const Call& call) const;  // by BUILD, SETITEM and APPEND

  // --- Tensors (tensor_writer.cc) ---
  void tensor(Draft& out, NodeId node);
  void composite(Draft& out, NodeId node);
  void whole_storage(Draft& out, NodeId node);
  void left_out_storage(Draft& out, std::optional<DType> dtype);
  void companions(Draft& out, const TensorFacts& facts);
  bool is_repeatable(const Draft& out, uint32_t row) const;
  void place(Draft& out, uint32_t row);
  void part(Draft& out, std::string_view role, uint32_t row);
  void dtype_and_shape(Draft& out, std::optional<DType> dtype, const std::vector<uint64_t>& shape);
  void tensor_body(Draft& out, uint32_t row);
  void composite_body(Draft& out, const Composite& composite);
  void masked_body(Draft& out, const Composite& composite, const TensorFacts& facts);
  bool nameless_array(Draft& out, NodeId node);
  bool is_written(uint32_t row) const;
  bool is_written(const Composite& composite) const;

  // --- numpy (array_writer.cc) ---
  bool numpy_dtype(Draft& out, NodeId node);
  bool numpy_scalar(Draft& out, NodeId node);
  bool array(Draft& out, NodeId node);
  bool joblib_array(Draft& out, NodeId node);
  struct ArrayValues {
    std::vector<uint64_t> shape;
    NodeId dtype;
    NodeId data;
    bool fortran = false;
    NodeId type = kNoNode;  // a class other than numpy.ndarray
  };
  bool array_of(Draft& out, NodeId node, const ArrayValues& values);
  void begin_array_of(Draft& out, const ArrayValues& values);
  void end_array_of(Draft& out, const ArrayValues& values);
  bool object_array(Draft& out, NodeId node, const ArrayValues& values, uint64_t count);
  void dtype(Draft& out, NodeId node);
  void number_or_text(Draft& out, const NumpyValue& value);
  std::optional<std::vector<uint8_t>> short_bytes(NodeId node) const;
  std::optional<std::vector<uint64_t>> counts(NodeId node) const;
  ByteRange row_major(const ByteRange& bytes, const std::vector<uint64_t>& shape,
                      uint64_t item_size) const;

  const Graph& graph_;
  const TensorTable& table_;
  std::span<const TensorPlace> places_;
  const Limits& limits_;
  Sharing& sharing_;
  Stage stage_ = Stage::Meet;
  std::unordered_map<NodeId, NodeId> embedded_;  // what is written as part of what
};

}  // namespace unbrine
