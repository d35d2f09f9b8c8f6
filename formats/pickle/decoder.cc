#include "formats/pickle/decoder.h"

#include <optional>

#include "formats/pickle/literals.h"
#include "formats/pickle/memo.h"
#include "formats/pickle/opcode_reader.h"
#include "formats/pickle/plain_values.h"
#include "formats/pickle/value_stack.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr uint8_t kHighestProtocol = 5;

using Values = std::span<const NodeId>;

class Decoder {
 public:
  Decoder(const std::shared_ptr<const Source>& source, uint64_t offset, const Limits& limits,
          Graph& graph, const AfterBuild& after_build)
      : reader_(*source, offset, limits),
        start_(offset),
        limits_(limits),
        graph_(graph),
        source_(graph.add_source(source)),
        after_build_(after_build) {}

  DecodedPickle run() {
    const size_t calls = graph_.call_nodes().size();
    const size_t ids = graph_.persistent_ids().size();
    while (next().op != Op::Stop) {
      execute();
      if (graph_.size() > limits_.max_graph_nodes)
        exceed("values:", graph_.size(), "max_graph_nodes", limits_.max_graph_nodes);
    }
    return {.root = pop(),
            .end = reader_.offset(),
            .opcodes = opcodes_,
            .calls = {calls, graph_.call_nodes().size()},
            .persistent_ids = {ids, graph_.persistent_ids().size()}};
  }

 private:
  const Opcode& next();
  void execute();

  // --- Stack ---
  void push(NodeId value) { stack_.push(value); }
  void need(size_t count) const {
    if (stack_.available() < count) underflow(count);
  }
  void need_mark() const {
    if (!stack_.has_mark()) corrupt("no MARK on the stack");
  }
  NodeId pop() { return need(1), stack_.pop(); }
  NodeId top() const { return need(1), stack_.top(); }
  Values pop(size_t count) { return need(count), stack_.pop(count); }
  Values pop_to_mark() { return need_mark(), stack_.pop_to_mark(); }
  void pop_value_or_mark();

  // --- Memo ---
  uint64_t slot_of_line() const;
  void get(uint64_t slot);
  void put(uint64_t slot);

  // --- Containers ---
  void push_container(NodeKind kind) { push(graph_.add_container(kind)); }
  void push_tuple(Values values) { push(graph_.add_tuple(values.data(), values.size())); }
  void push_list(Values values);
  void push_dict(Values values);
  void push_frozen_set(Values values);
  void append_values(NodeKind container, Values values);
  void set_items(Values pairs);
  void require_pairs(Values values) const;
  void record_stray_edit(NodeId target, Values values, NodeKind wanted);

  // --- Names, calls, ids ---
  void push_global() { push(add_global_of_lines()); }
  NodeId add_global_of_lines();
  void push_stack_global();
  std::string_view name_part(NodeId id) const;
  void record_call(CallKind kind, NodeId callee, NodeId args, NodeId kwargs = kNoNode);
  void record_call_of_two(CallKind kind);
  void record_newobj_ex();
  void record_obj();
  void record_inst();
  void record_state();
  void push_persistent_id(NodeId id) { push(graph_.add_persistent_id(id)); }

  void check_protocol() const;
  [[noreturn, gnu::cold]] void refuse_extension() const;
  [[noreturn, gnu::cold]] void refuse_buffer() const;

  // --- Errors ---
  template <class... Parts>
  [[noreturn, gnu::cold]] void corrupt(const Parts&... parts) const {
    fail_at(*opcode_, ErrorCode::Corrupt, parts...);
  }
  [[noreturn, gnu::cold]] void underflow(size_t count) const {
    corrupt("needs ", count, count == 1 ? " value" : " values", " on the stack",
            stack_.has_mark() ? " above the MARK" : "", ", has ", stack_.available());
  }
  [[noreturn, gnu::cold]] void exceed(std::string_view what, uint64_t demand, std::string_view name,
                                      uint64_t bound) const {
    fail_limit_at(*opcode_, what, demand, name, bound);
  }

  OpcodeReader reader_;
  const uint64_t start_;
  const Limits& limits_;
  Graph& graph_;
  const uint32_t source_;  // in the graph's list
  const AfterBuild& after_build_;
  const Opcode* opcode_ = nullptr;
  ValueStack stack_;
  Memo memo_;
  uint64_t opcodes_ = 0;
};

const Opcode& Decoder::next() {
  opcode_ = &reader_.next();
  ++opcodes_;
  if (++graph_.opcodes_decoded > limits_.max_opcodes)
    exceed("opcodes:", graph_.opcodes_decoded, "max_opcodes", limits_.max_opcodes);
  return *opcode_;
}

void Decoder::execute() {
  switch (opcode_->op) {
    case Op::Proto: return check_protocol();
    case Op::Frame: return;  // the reader keeps watch over frames
    case Op::Stop: return;

    case Op::Mark: return stack_.push_mark();
    case Op::Pop: return pop_value_or_mark();
    case Op::PopMark: return static_cast<void>(pop_to_mark());
    case Op::Dup: return push(top());

    case Op::Get: return get(slot_of_line());
    case Op::BinGet:
    case Op::LongBinGet: return get(opcode_->argument);
    case Op::Put: return put(slot_of_line());
    case Op::BinPut:
    case Op::LongBinPut: return put(opcode_->argument);
    case Op::Memoize: return put(memo_.filled());

    case Op::EmptyTuple: return push(graph_.add_empty_tuple());
    case Op::Tuple: return push_tuple(pop_to_mark());
    case Op::Tuple1: return push_tuple(pop(1));
    case Op::Tuple2: return push_tuple(pop(2));
    case Op::Tuple3: return push_tuple(pop(3));
    case Op::EmptyList: return push_container(NodeKind::List);
    case Op::List: return push_list(pop_to_mark());
    case Op::Append: return append_values(NodeKind::List, pop(1));
    case Op::Appends: return append_values(NodeKind::List, pop_to_mark());
    case Op::EmptyDict: return push_container(NodeKind::Dict);
    case Op::Dict: return push_dict(pop_to_mark());
    case Op::SetItem: return set_items(pop(2));
    case Op::SetItems: return set_items(pop_to_mark());
    case Op::EmptySet: return push_container(NodeKind::Set);
    case Op::AddItems: return append_values(NodeKind::Set, pop_to_mark());
    case Op::FrozenSet: return push_frozen_set(pop_to_mark());

    case Op::Global: return push_global();
    case Op::StackGlobal: return push_stack_global();
    case Op::Reduce: return record_call_of_two(CallKind::Reduce);  // remembered, never made
    case Op::NewObj: return record_call_of_two(CallKind::NewObj);
    case Op::NewObjEx: return record_newobj_ex();
    case Op::Obj: return record_obj();
    case Op::Inst: return record_inst();
    case Op::Build: return record_state();
    case Op::PersId: return push_persistent_id(graph_.add_text(NodeKind::String, opcode_->bytes));
    case Op::BinPersId: return push_persistent_id(pop());

    case Op::Ext1:
    case Op::Ext2:
    case Op::Ext4: refuse_extension();
    case Op::NextBuffer:
    case Op::ReadOnlyBuffer: refuse_buffer();
    default: return push(add_plain_value(*opcode_, source_, limits_, graph_));
  }
}

void Decoder::check_protocol() const {
  if (opcode_->offset != start_) corrupt("only the first opcode of a pickle may be PROTO");
  if (opcode_->argument > kHighestProtocol)
    corrupt("protocol ", opcode_->argument, ", the highest is ", kHighestProtocol);
}

void Decoder::refuse_extension() const {
  fail_at(*opcode_, ErrorCode::Unsupported, "stands for entry ",
          static_cast<int64_t>(opcode_->argument),
          " of the copyreg extension registry, which is not in the file");
}

void Decoder::refuse_buffer() const {
  fail_at(*opcode_, ErrorCode::Unsupported, "stands for a buffer that is kept outside the file");
}

// POP takes the mark itself when nothing lies above it.
void Decoder::pop_value_or_mark() {
  if (stack_.has_mark() && stack_.available() == 0) {
    stack_.pop_to_mark();
    return;
  }
  pop();
}

// --- Memo ---

uint64_t Decoder::slot_of_line() const {
  const std::string_view line = as_text(opcode_->bytes);
  const std::optional<int64_t> slot = is_decimal(line) ? int64_of_decimal(line) : std::nullopt;
  if (!slot || *slot < 0) corrupt(quoted(line), " is not the number of a memo slot");
  return static_cast<uint64_t>(*slot);
}

void Decoder::get(uint64_t slot) {
  const NodeId value = memo_.at(slot);
  if (value == kNoNode) corrupt("memo slot ", slot, " was never filled");
  push(value);
}

void Decoder::put(uint64_t slot) {
  memo_.fill(slot, top());
  if (memo_.filled() > limits_.max_memo_entries)
    exceed("memo entries:", memo_.filled(), "max_memo_entries", limits_.max_memo_entries);
}

// --- Containers ---

void Decoder::push_list(Values values) {
  const NodeId list = graph_.add_container(NodeKind::List);
  graph_.append(list, values.data(), values.size());
  push(list);
}

void Decoder::push_dict(Values values) {
  require_pairs(values);
  const NodeId dict = graph_.add_container(NodeKind::Dict);
  graph_.append(dict, values.data(), values.size());
  push(dict);
}

void Decoder::push_frozen_set(Values values) {
  push(graph_.add_frozen_set(values.data(), values.size()));
}

void Decoder::require_pairs(Values values) const {
  if (values.size() % 2 != 0) corrupt("a key without a value: ", values.size(), " values");
}

// APPEND, APPENDS and ADDITEMS: onto the container they are made for, or onto an object.
void Decoder::append_values(NodeKind container, Values values) {
  const NodeId target = top();
  if (graph_.is(target, container)) {
    graph_.append(target, values.data(), values.size());
  } else if (graph_.is(target, NodeKind::Call)) {
    graph_.append_values(target, values.data(), values.size());
  } else {
    record_stray_edit(target, values, container);
  }
}

void Decoder::set_items(Values pairs) {
  const NodeId target = top();
  require_pairs(pairs);
  if (graph_.is(target, NodeKind::Dict)) {
    graph_.append(target, pairs.data(), pairs.size());
  } else if (graph_.is(target, NodeKind::Call)) {
    graph_.append_items(target, pairs.data(), pairs.size());
  } else {
    record_stray_edit(target, pairs, NodeKind::Dict);
  }
}

// What a name or a persistent id stands for is not known, so it might take the values.
void Decoder::record_stray_edit(NodeId target, Values values, NodeKind wanted) {
  const bool is_unknown =
      graph_.is(target, NodeKind::Global) || graph_.is(target, NodeKind::PersistentId);
  if (!is_unknown)
    corrupt("needs a ", kind_name(wanted), " below its values, found a ",
            kind_name(graph_.kind(target)));
  for (const NodeId value : values) graph_.add_stray_edit({target, value, opcode_->offset});
}

// --- Names, calls, ids ---

NodeId Decoder::add_global_of_lines() {
  return graph_.add_global(opcode_->bytes, opcode_->second_line, opcode_->offset);
}

void Decoder::push_stack_global() {
  const Values parts = pop(2);
  const std::string_view module = name_part(parts[0]);
  const std::string_view name = name_part(parts[1]);
  push(graph_.add_global(as_bytes(module), as_bytes(name), opcode_->offset));
}

std::string_view Decoder::name_part(NodeId id) const {
  const bool is_text = graph_.is(id, NodeKind::String) || graph_.is(id, NodeKind::ByteString);
  if (!is_text || graph_.is_external(id))
    corrupt("needs two strings, found a ", is_text ? "long " : "", kind_name(graph_.kind(id)));
  return graph_.text(id);
}

void Decoder::record_call(CallKind kind, NodeId callee, NodeId args, NodeId kwargs) {
  push(graph_.add_call({.kind = kind,
                        .callee = callee,
                        .args = args,
                        .kwargs = kwargs,
                        .states = {},
                        .items = {},
                        .values = {},
                        .offset = opcode_->offset}));
}

void Decoder::record_call_of_two(CallKind kind) {
  const Values values = pop(2);
  record_call(kind, values[0], values[1]);
}

void Decoder::record_newobj_ex() {
  const Values values = pop(3);
  record_call(CallKind::NewObjEx, values[0], values[1], values[2]);
}

void Decoder::record_obj() {
  const Values values = pop_to_mark();
  if (values.empty()) corrupt("needs a class after its MARK");
  const NodeId args = graph_.add_tuple(values.data() + 1, values.size() - 1);
  record_call(CallKind::Obj, values[0], args);
}

void Decoder::record_inst() {
  const Values values = pop_to_mark();
  const NodeId callee = add_global_of_lines();
  record_call(CallKind::Inst, callee, graph_.add_tuple(values.data(), values.size()));
}

void Decoder::record_state() {
  const NodeId state = pop();
  const NodeId target = top();
  if (!graph_.is(target, NodeKind::Call))
    return graph_.add_stray_edit({target, state, opcode_->offset});
  graph_.append_state(target, state);
  if (after_build_) reader_.go_to(after_build_(target, reader_.offset()));
}

}  // namespace

DecodedPickle decode_pickle(const std::shared_ptr<const Source>& source, uint64_t offset,
                            const Limits& limits, Graph& graph, const AfterBuild& after_build) {
  return Decoder(source, offset, limits, graph, after_build).run();
}

}  // namespace unbrine
