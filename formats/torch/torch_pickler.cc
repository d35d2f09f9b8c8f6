#include "formats/torch/torch_pickler.h"

#include <algorithm>
#include <iterator>

#include "formats/dict_entries.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr uint32_t kNotYet = UINT32_MAX;    // of places: not written
constexpr uint32_t kOpen = UINT32_MAX - 1;  // being written
constexpr size_t kBatch = 2000;             // values; even, because entries are two
constexpr size_t kShownClasses = 12;

// Python lets surrogates pass, as three bytes each that are no UTF-8.
bool is_python_text(std::string_view text) {
  if (is_valid_utf8(text)) return true;
  std::string without(text);
  for (size_t at = 0; (at = without.find('\xed', at)) != std::string::npos; ++at)
    if (at + 2 < without.size() && (without[at + 1] & 0xe0) == 0xa0 &&
        (without[at + 2] & 0xc0) == 0x80)
      without.replace(at, 3, "...");
  return is_valid_utf8(without);
}

// "collections.deque (2), frozenset (1) and 3 more".
std::string listed(const std::map<std::string, uint64_t>& counts) {
  std::string text;
  size_t shown = 0;
  for (const auto& [name, count] : counts) {
    if (++shown > kShownClasses) break;
    text += (shown == 1 ? "" : ", ") + escaped(name) + " (" + std::to_string(count) + ")";
  }
  if (counts.size() > kShownClasses)
    text += " and " + std::to_string(counts.size() - kShownClasses) + " more";
  return text;
}

}  // namespace

TorchPickler::TorchPickler(const Selection& selection, const Graph& graph, std::set<NodeId>& cyclic)
    : selection_(selection),
      graph_(graph),
      cyclic_(cyclic),
      forms_(graph, cyclic),
      storages_(selection),
      places_(graph.size(), kNotYet) {}

void TorchPickler::run(NodeId root) {
  steps_.push_back(value_step(root));
  while (!steps_.empty()) step();
}

TorchPickle TorchPickler::take() {
  std::vector<std::string> notes;
  if (!classes_.empty())
    notes.push_back("objects that torch.load(weights_only=True) refuses became plain dicts: " +
                    listed(classes_));
  if (!replaced_.empty())
    notes.push_back("values that torch.load(weights_only=True) refuses became others: " +
                    listed(replaced_));
  return {pickle_.finish(), std::move(storages_), std::move(notes)};
}

// --- Steps ---

void TorchPickler::push(Steps steps) {
  steps_.insert(steps_.end(), std::make_move_iterator(steps.rbegin()),
                std::make_move_iterator(steps.rend()));
}

void TorchPickler::step() {
  if (steps_.back().batch_end != Op::Stop) return step_sequence();
  const Step step = std::move(steps_.back());
  steps_.pop_back();
  if (step.write)
    step.write();
  else if (step.put != kNoNode)
    put(step.put);
  else
    write(step.value);
}

void TorchPickler::step_sequence() {
  Step& top = steps_.back();
  const bool at_end = top.next == top.sequence.size();
  if (top.in_batch == kBatch || (at_end && top.in_batch != 0)) {
    pickle_.op(top.batch_end);
    top.in_batch = 0;
  }
  if (at_end) return steps_.pop_back();
  if (top.in_batch++ == 0) pickle_.op(Op::Mark);
  write(top.sequence[top.next++]);
}

// --- Values ---

void TorchPickler::open(NodeId node) { places_[node] = kOpen; }

void TorchPickler::write(NodeId node) {
  node = graph_.resolved(node);
  const uint32_t place = places_[node];
  if (place == kNotYet) return write_new(node);
  if (place != kOpen) return pickle_.get(place);
  cyclic_.insert(node);
  pickle_.op(Op::None);  // all of this is written again
}

void TorchPickler::write_new(NodeId node) {
  const Form form = forms_.form(node);
  note_replaced(node, form);
  switch (form) {
    case Form::Scalar: return write_scalar(node);
    case Form::Text: return write_text(node);
    case Form::Bytes:
    case Form::ByteArray: return write_bytes(node, form);
    case Form::Tuple: return write_tuple(node);
    case Form::List: return write_list(node);
    case Form::Dict:
    case Form::OrderedDict:
    case Form::Counter: return write_dict(node, form);
    case Form::Set: return write_set(node);
    case Form::Global: return pickle_.global(graph_.global(node).module, graph_.global(node).name);
    case Form::Name: return pickle_.word(full_name(graph_.global(node)));
    case Form::Call: return write_call(node);
    case Form::Number: return write_plain_number(*plain_number(graph_, node));
    case Form::Tensor: return write_tensor(node);
    case Form::Composite: return write_composite(node);
    case Form::Pairs: return write_pairs(node);
    case Form::Record: return write_record(node);
  }
}

void TorchPickler::write_scalar(NodeId node) {
  switch (graph_.kind(node)) {
    case NodeKind::Bool: return pickle_.boolean(graph_.boolean(node));
    case NodeKind::Int: return pickle_.integer(graph_.integer(node));
    case NodeKind::Float: return pickle_.real(graph_.real(node));
    case NodeKind::BigInt:
      if (pickle_.big_integer(graph_.text(node))) return;
      return write_text(node);
    default: return pickle_.op(Op::None);
  }
}

void TorchPickler::write_text(NodeId node) {
  const std::string_view text = graph_.text(node);
  if (is_python_text(text)) {
    pickle_.text(text);
  } else {
    ++replaced_["str that is not UTF-8 -> str with \\x.. in it"];
    pickle_.text(repaired_utf8(text));
  }
  put(node);
}

void TorchPickler::write_bytes(NodeId node, Form form) {
  std::vector<uint8_t> bytes;
  if (!graph_.is(node, NodeKind::Call)) {
    const std::string_view text = graph_.text(node);
    bytes.assign(text.begin(), text.end());
    if (graph_.is_external(node))
      bytes = graph_.byte_source(node)->read_all(graph_.byte_offset(node), graph_.byte_size(node));
  }
  form == Form::Bytes ? pickle_.bytes(bytes) : pickle_.byte_array(bytes);
  put(node);
}

void TorchPickler::write_plain_number(const PlainNumber& number) {
  if (const auto* truth = std::get_if<bool>(&number)) return pickle_.boolean(*truth);
  if (const auto* integer = std::get_if<int64_t>(&number)) return pickle_.integer(*integer);
  if (const auto* count = std::get_if<uint64_t>(&number)) return pickle_.count(*count);
  if (const auto* real = std::get_if<double>(&number)) return pickle_.real(*real);
  const auto& complex = std::get<std::complex<double>>(number);
  pickle_.global("__builtin__", "complex");
  pickle_.real(complex.real());
  pickle_.real(complex.imag());
  pickle_.op(Op::Tuple2);
  pickle_.op(Op::Reduce);
}

// --- Containers ---

void TorchPickler::write_tuple(NodeId node) {
  const std::vector<NodeId> items = graph_.items(node).to_vector();
  const Op end = tuple_op(items.size());
  if (items.empty()) return pickle_.op(end);
  open(node);
  if (end == Op::Tuple) pickle_.op(Op::Mark);
  Steps steps;
  for (const NodeId item : items) steps.push_back(value_step(item));
  steps.push_back(op_step(end));
  steps.push_back(put_step(node));
  push(std::move(steps));
}

void TorchPickler::write_list(NodeId node) {
  pickle_.op(Op::EmptyList);
  put(node);
  push({sequence_step(forms_.items(node), Op::Appends)});
}

void TorchPickler::write_dict(NodeId node, Form form) {
  if (form == Form::Dict) {
    pickle_.op(Op::EmptyDict);
  } else {
    pickle_.global("collections", form == Form::Counter ? "Counter" : "OrderedDict");
    pickle_.op(Op::EmptyTuple);
    pickle_.op(Op::Reduce);
  }
  put(node);
  Steps steps = {sequence_step(forms_.pairs(node), Op::SetItems)};
  if (form == Form::OrderedDict)
    for (const NodeId state : graph_.items(graph_.call(node).states)) {
      steps.push_back(value_step(state));
      steps.push_back(op_step(Op::Build));
    }
  push(std::move(steps));
}

void TorchPickler::write_set(NodeId node) {
  open(node);
  pickle_.global("__builtin__", "set");
  pickle_.op(Op::EmptyList);
  push({sequence_step(forms_.items(node), Op::Appends), op_step(Op::Tuple1), op_step(Op::Reduce),
        put_step(node)});
}

void TorchPickler::write_call(NodeId node) {
  const Call& call = graph_.call(node);
  const Global& callee = graph_.global(call.callee);
  open(node);
  pickle_.global(callee.module, callee.name);
  push({value_step(call.args), op_step(Op::Reduce), put_step(node)});
}

// --- Objects, as dicts ---

void TorchPickler::add_field(Steps& steps, std::string_view name, Steps value) {
  steps.push_back(word_step(std::string(name)));
  std::ranges::move(value, std::back_inserter(steps));
  steps.push_back(op_step(Op::SetItem));
}

// The entries as a dict, or as a list of pairs if a key has no hash.
TorchPickler::Steps TorchPickler::dict_steps(const std::vector<NodeId>& pairs) {
  if (forms_.are_keys(pairs)) return {op_step(Op::EmptyDict), sequence_step(pairs, Op::SetItems)};
  Steps steps = {op_step(Op::EmptyList)};
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    steps.push_back(value_step(pairs[i]));
    steps.push_back(value_step(pairs[i + 1]));
    steps.push_back(op_step(Op::Tuple2));
    steps.push_back(op_step(Op::Append));
  }
  return steps;
}

void TorchPickler::write_pairs(NodeId node) {
  pickle_.op(Op::EmptyDict);
  put(node);
  const bool is_dict = graph_.is(node, NodeKind::Dict);
  const std::string name = is_dict ? "dict" : full_name(graph_.global(graph_.call(node).callee));
  Steps steps;
  add_field(steps, kClassField, {word_step(name)});
  add_field(steps, kItemsField, dict_steps(forms_.pairs(node)));
  if (!is_dict)
    for (const NodeId state : graph_.items(graph_.call(node).states))
      add_field(steps, kStateField, {value_step(state)});
  push(std::move(steps));
}

void TorchPickler::write_record(NodeId node) {
  if (graph_.is(node, NodeKind::Call)) return write_record_of_call(node, graph_.call(node));
  pickle_.op(Op::EmptyDict);
  put(node);
  const bool has_id = graph_.is(node, NodeKind::PersistentId);
  Steps steps;
  add_field(steps, kClassField, {word_step(has_id ? "persistent id" : "storage")});
  if (has_id) add_field(steps, kArgsField, {value_step(graph_.persistent_id(node))});
  push(std::move(steps));
}

void TorchPickler::write_record_of_call(NodeId node, const Call& call) {
  const ObjectFields fields = object_fields(graph_, node, call);
  ++classes_[fields.class_name.empty() ? "a class that a call gives" : fields.class_name];
  pickle_.op(Op::EmptyDict);
  put(node);
  Steps steps;
  add_field(
      steps, kClassField,
      {fields.class_name.empty() ? value_step(fields.class_node) : word_step(fields.class_name)});
  if (fields.source != kNoNode) add_field(steps, kSourceField, {value_step(fields.source)});
  if (fields.args != kNoNode) add_field(steps, kArgsField, {value_step(fields.args)});
  if (fields.kwargs != kNoNode) add_field(steps, kKwargsField, {value_step(fields.kwargs)});
  steps.push_back(sequence_step(fields.attributes, Op::SetItems));
  if (fields.states.size() == 1)
    add_field(steps, kStateField, {value_step(fields.states[0])});
  else if (!fields.states.empty())
    add_field(steps, kStateField,
              {op_step(Op::EmptyList), sequence_step(fields.states, Op::Appends)});
  if (!fields.items.empty()) add_field(steps, kItemsField, dict_steps(fields.items));
  if (!fields.values.empty())
    add_field(steps, kValuesField,
              {op_step(Op::EmptyList), sequence_step(fields.values, Op::Appends)});
  push(std::move(steps));
}

// --- What the user should know ---

void TorchPickler::note_replaced(NodeId node, Form form) {
  const auto note = [&](std::string_view what) { ++replaced_[std::string(what)]; };
  const NodeKind kind = graph_.kind(node);
  const Meaning meaning = graph_.callee_meaning(node);
  switch (form) {
    case Form::List:
      if (forms_.is_cyclic(node)) return note("tuple or set that holds itself -> list");
      if (meaning == Meaning::Deque) return note("collections.deque -> list");
      if (kind != NodeKind::List) note("set -> list");
      return;
    case Form::Set:
      if (kind == NodeKind::FrozenSet || meaning == Meaning::FrozenSet) note("frozenset -> set");
      return;
    case Form::Dict:
      if (kind == NodeKind::Call) note("collections.defaultdict -> dict");
      return;
    case Form::Text:
      if (kind == NodeKind::BigInt) note("int of more than 600 digits -> str");
      return;
    case Form::Name: return note("class or function -> str, its name");
    case Form::Number: return note("numpy scalar -> number");
    case Form::Pairs: return note("dict with keys that have no hash -> list of pairs");
    case Form::Record:
      if (kind == NodeKind::PersistentId) note("persistent id -> dict");
      return;
    default: return;
  }
}

}  // namespace unbrine
