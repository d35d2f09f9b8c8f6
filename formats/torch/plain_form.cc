#include "formats/torch/plain_form.h"

#include <algorithm>

#include "formats/dict_entries.h"
#include "formats/text.h"
#include "formats/torch/allowed_names.h"
#include "formats/torch/composite_kinds.h"
#include "formats/torch/plain_number.h"

namespace unbrine {
namespace {

constexpr size_t kLongestPlainInt = 600;  // decimal digits that LONG1 holds for sure

bool is_bare(const Graph& graph, const Call& call) {
  return call.kwargs == kNoNode && call.states.first == kNoNode && call.items.first == kNoNode &&
         graph.items(call.values).empty();
}

std::vector<NodeId> arguments(const Graph& graph, const Call& call) {
  std::vector<NodeId> args;
  if (graph.is(call.args, NodeKind::Tuple))
    for (const NodeId item : graph.items(call.args)) args.push_back(graph.resolved(item));
  return args;
}

bool is_pair(const Graph& graph, NodeId node) {
  node = graph.resolved(node);
  return is_sequence(graph, node) && graph.items(node).to_vector().size() == 2;
}

bool are_pairs(const Graph& graph, NodeId list) {
  return std::ranges::all_of(graph.items(list).to_vector(),
                             [&](NodeId item) { return is_pair(graph, item); });
}

bool are_numbers(const Graph& graph, NodeId tuple, NodeKind kind) {
  return is_sequence(graph, tuple) &&
         std::ranges::all_of(graph.items(tuple).to_vector(),
                             [&](NodeId item) { return graph.is(graph.resolved(item), kind); });
}

bool is_copy_of_complex(const Graph& graph, const Call& call) {
  if (!graph.is(call.callee, NodeKind::Global)) return false;
  const Global& global = graph.global(call.callee);
  return (global.module == "builtins" || global.module == "__builtin__") &&
         global.name == "complex" && graph.is(call.args, NodeKind::Tuple) &&
         are_numbers(graph, call.args, NodeKind::Float) && arguments(graph, call).size() == 2;
}

}  // namespace

Form PlainForms::form(NodeId node) {
  switch (graph_.kind(node)) {
    case NodeKind::None:
    case NodeKind::Bool:
    case NodeKind::Int:
    case NodeKind::Float: return Form::Scalar;
    case NodeKind::BigInt:
      return graph_.text(node).size() <= kLongestPlainInt ? Form::Scalar : Form::Text;
    case NodeKind::String: return Form::Text;
    case NodeKind::ByteString: return is_text(node) ? Form::Text : Form::Bytes;
    case NodeKind::Bytes: return Form::Bytes;
    case NodeKind::ByteArray: return Form::ByteArray;
    case NodeKind::Tuple: return is_cyclic(node) ? Form::List : Form::Tuple;
    case NodeKind::List: return Form::List;
    case NodeKind::Dict: return dict_form(node, Form::Dict);
    case NodeKind::Set:
    case NodeKind::FrozenSet: return set_form(node);
    case NodeKind::Global:
      return is_allowed_value(graph_.global(node).module, graph_.global(node).name) ? Form::Global
                                                                                    : Form::Name;
    case NodeKind::Call: return call_form(node);
    case NodeKind::Tensor: return Form::Tensor;
    case NodeKind::Composite: return Form::Composite;
    default: return Form::Record;
  }
}

Form PlainForms::call_form(NodeId node) {
  const Call& call = graph_.call(node);
  switch (graph_.callee_meaning(node)) {
    case Meaning::OrderedDict:
      return is_sound_dict(call) ? dict_form(node, Form::OrderedDict) : Form::Record;
    case Meaning::Counter:
      return is_sound_dict(call) ? dict_form(node, Form::Counter) : Form::Record;
    case Meaning::DefaultDict:
      return is_sound_dict(call) ? dict_form(node, Form::Dict) : Form::Record;
    case Meaning::Deque: return is_sound_sequence(call) ? Form::List : Form::Record;
    case Meaning::Set:
    case Meaning::FrozenSet: return is_sound_sequence(call) ? set_form(node) : Form::Record;
    case Meaning::NumpyScalar:
      return is_bare(graph_, call) && plain_number(graph_, node) ? Form::Number : Form::Record;
    case Meaning::Bytes:  // how protocol 2 writes none
      return is_bare(graph_, call) && arguments(graph_, call).empty() ? Form::Bytes : Form::Record;
    default: return is_allowed_call(node) ? Form::Call : Form::Record;
  }
}

Form PlainForms::dict_form(NodeId node, Form hashed) {
  return are_keys(pairs(node)) ? hashed : Form::Pairs;
}

bool PlainForms::are_keys(const std::vector<NodeId>& pairs) {
  for (size_t i = 0; i < pairs.size(); i += 2)
    if (!is_hashable(graph_.resolved(pairs[i]))) return false;
  return true;
}

Form PlainForms::set_form(NodeId node) {
  if (is_cyclic(node)) return Form::List;
  const bool hashed = std::ranges::all_of(
      items(node), [&](NodeId item) { return is_hashable(graph_.resolved(item)); });
  return hashed ? Form::Set : Form::List;
}

// Python 2 wrote text and data alike.
bool PlainForms::is_text(NodeId node) const {
  return !graph_.is_external(node) && is_valid_utf8(graph_.text(node));
}

// OrderedDict(), OrderedDict([[k, v], ...]), Counter({...}), defaultdict(factory), then entries;
// an OrderedDict may have attributes, as a state dict has.
bool PlainForms::is_sound_dict(const Call& call) const {
  if (call.kwargs != kNoNode || !graph_.items(call.values).empty() ||
      !graph_.is(call.args, NodeKind::Tuple))
    return false;
  const bool ordered = graph_.meaning(call.callee) == Meaning::OrderedDict;
  const auto is_attributes = [&](NodeId state) {
    return ordered && graph_.is(graph_.resolved(state), NodeKind::Dict);
  };
  const auto is_known = [&](NodeId argument) {
    return graph_.is(argument, NodeKind::Dict) || graph_.is(argument, NodeKind::Global) ||
           graph_.is(argument, NodeKind::None) ||
           (is_sequence(graph_, argument) && are_pairs(graph_, argument));
  };
  return std::ranges::all_of(graph_.items(call.states).to_vector(), is_attributes) &&
         std::ranges::all_of(arguments(graph_, call), is_known);
}

// set([...]), deque([...], maxlen).
bool PlainForms::is_sound_sequence(const Call& call) const {
  if (call.kwargs != kNoNode || call.states.first != kNoNode || call.items.first != kNoNode ||
      !graph_.is(call.args, NodeKind::Tuple))
    return false;
  const std::vector<NodeId> args = arguments(graph_, call);
  if (args.empty()) return true;
  const bool has_length =
      args.size() == 2 && (graph_.is(args[1], NodeKind::Int) || graph_.is(args[1], NodeKind::None));
  return is_sequence(graph_, args[0]) && (args.size() == 1 || has_length);
}

// _codecs.encode(text, 'latin1'), bytearray(text, 'latin-1'), bytearray(bytes), bytearray().
bool PlainForms::is_encoding(const Call& call) {
  const std::vector<NodeId> args = arguments(graph_, call);
  if (args.size() == 2 && graph_.is(args[0], NodeKind::String) &&
      graph_.is(args[1], NodeKind::String)) {
    const std::string_view encoding = graph_.text(args[1]);
    return (encoding == "latin1" || encoding == "latin-1") && is_latin1(args[0]);
  }
  if (graph_.meaning(call.callee) != Meaning::ByteArray || args.size() > 1) return false;
  if (args.empty() || graph_.is(args[0], NodeKind::Bytes)) return true;
  return graph_.callee_meaning(args[0]) == Meaning::Encode &&
         call_form(args[0]) == Form::Call;  // which has no call in it
}

// Each string is read once, however often it is encoded.
bool PlainForms::is_latin1(NodeId text) {
  const auto [known, is_new] = latin1_.try_emplace(text, true);
  if (!is_new) return known->second;
  const std::string_view utf8 = graph_.text(text);
  for (size_t i = 0; i < utf8.size() && known->second; ++i) {
    const auto byte = static_cast<uint8_t>(utf8[i]);
    if (byte < 0x80) continue;
    known->second = (byte == 0xc2 || byte == 0xc3) && ++i < utf8.size() &&
                    (static_cast<uint8_t>(utf8[i]) & 0xc0) == 0x80;
  }
  return known->second;
}

bool PlainForms::is_allowed_call(NodeId node) {
  const Call& call = graph_.call(node);
  if (call.kind != CallKind::Reduce || !is_bare(graph_, call)) return false;
  if (is_copy_of_complex(graph_, call)) return true;
  const std::vector<NodeId> args = arguments(graph_, call);
  const auto is_text_at = [&](size_t i) {
    return i < args.size() && graph_.is(args[i], NodeKind::String);
  };
  switch (graph_.callee_meaning(node)) {
    case Meaning::Size: return args.size() == 1 && are_numbers(graph_, args[0], NodeKind::Int);
    case Meaning::Device:
      return is_text_at(0) &&
             (args.size() == 1 || (args.size() == 2 && graph_.is(args[1], NodeKind::Int)));
    case Meaning::GetLayout:
      return args.size() == 1 && is_text_at(0) && is_torch_layout(graph_.text(args[0]));
    case Meaning::Encode:
    case Meaning::ByteArray: return is_encoding(call);
    default: return false;
  }
}

std::vector<NodeId> PlainForms::items(NodeId node) const {
  if (!graph_.is(node, NodeKind::Call)) return graph_.items(node).to_vector();
  const Call& call = graph_.call(node);
  const std::vector<NodeId> args = arguments(graph_, call);
  std::vector<NodeId> all;
  if (!args.empty()) all = graph_.items(args[0]).to_vector();
  for (const NodeId item : graph_.items(call.values)) all.push_back(item);
  return all;
}

std::vector<NodeId> PlainForms::pairs(NodeId node) const {
  if (!graph_.is(node, NodeKind::Call)) return graph_.items(node).to_vector();
  const Call& call = graph_.call(node);
  std::vector<NodeId> all;
  const auto add = [&](NodeId container) {
    for (const NodeId item : graph_.items(container)) all.push_back(item);
  };
  for (const NodeId argument : arguments(graph_, call)) {
    if (graph_.is(argument, NodeKind::Dict)) add(argument);
    if (is_sequence(graph_, argument))
      for (const NodeId pair : graph_.items(argument)) add(graph_.resolved(pair));
  }
  for (const NodeId item : graph_.items(call.items)) all.push_back(item);
  return all;
}

// By what the value becomes, not by what it was. Tuples say nothing by themselves. Keys of keys are
// not looked at: a dict has no hash, whatever it becomes.
std::optional<bool> PlainForms::leaf_hash(NodeId node) {
  switch (graph_.kind(node)) {
    case NodeKind::Tuple: return std::nullopt;
    case NodeKind::ByteArray:
    case NodeKind::List:
    case NodeKind::Dict:
    case NodeKind::Set:
    case NodeKind::FrozenSet:
    case NodeKind::PersistentId:
    case NodeKind::Storage: return false;
    case NodeKind::Call: return call_hash(node);
    case NodeKind::Composite: return composite_kind(graph_.composite(node)) != nullptr;
    default: return true;
  }
}

bool PlainForms::call_hash(NodeId node) {
  const Meaning meaning = graph_.callee_meaning(node);
  if (meaning == Meaning::NumpyScalar) return call_form(node) == Form::Number;
  return meaning != Meaning::ByteArray && is_allowed_call(node);
}

// A tuple has a hash if all that it holds has one.
bool PlainForms::is_hashable(NodeId root) {
  if (!graph_.is(root, NodeKind::Tuple)) return *leaf_hash(root);
  if (is_cyclic(root)) return false;
  hash_of_tuple_.resize(graph_.size());
  struct Open {
    NodeId tuple;
    std::vector<NodeId> items;
    size_t next = 0;
  };
  std::vector<Open> open;
  const auto enter = [&](NodeId tuple) {
    open.push_back({tuple, graph_.items(tuple).to_vector()});
  };
  // Answers for a child, or opens it.
  const auto known = [&](NodeId node) -> std::optional<bool> {
    if (!graph_.is(node, NodeKind::Tuple)) return leaf_hash(node);
    if (is_cyclic(node) || hash_of_tuple_[node] == 1) return false;
    if (hash_of_tuple_[node] == 2) return true;
    return std::nullopt;
  };
  if (const std::optional<bool> answer = known(root)) return *answer;
  enter(root);
  while (!open.empty()) {
    Open& top = open.back();
    if (top.next == top.items.size()) {
      hash_of_tuple_[top.tuple] = 2;
      open.pop_back();
      continue;
    }
    const NodeId child = graph_.resolved(top.items[top.next++]);
    const std::optional<bool> answer = known(child);
    if (!answer) {
      enter(child);
    } else if (!*answer) {
      for (const Open& tuple : open) hash_of_tuple_[tuple.tuple] = 1;
      return false;
    }
  }
  return true;
}

}  // namespace unbrine
