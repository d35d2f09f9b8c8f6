// Calls: containers of the standard library and values that have a key of their own; any other
// call is an object, of which all that the file says is kept.
#include <algorithm>

#include "formats/error.h"
#include "formats/tree/value_writer.h"

namespace unbrine {
namespace {

constexpr std::string_view kCallKinds[] = {"reduce", "newobj", "newobj_ex", "obj", "inst"};
constexpr size_t kLongestDevice = 64;
constexpr size_t kShortClass = 256;

bool is_builtin(const Graph& graph, NodeId node, std::string_view name) {
  if (!graph.is(node, NodeKind::Global)) return false;
  const Global& global = graph.global(node);
  return global.name == name && (global.module == "builtins" || global.module == "__builtin__");
}

bool is_integer(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Int) || graph.is(node, NodeKind::BigInt);
}

bool is_number(const Graph& graph, NodeId node) {
  return is_integer(graph, node) || graph.is(node, NodeKind::Float);
}

// A dict, or [[key, value], ...].
bool holds_entries(const Graph& graph, NodeId node) {
  if (graph.is(node, NodeKind::Dict)) return true;
  if (!is_sequence(graph, node)) return false;
  for (const NodeId pair : graph.items(node)) {
    if (!is_sequence(graph, pair)) return false;
    size_t parts = 0;
    for (auto at = graph.items(pair).begin(); at != Items::Iterator() && parts < 3; ++at) ++parts;
    if (parts != 2) return false;
  }
  return true;
}

bool is_container(const Graph& graph, NodeId node) {
  return is_sequence(graph, node) || graph.is(node, NodeKind::Dict);
}

}  // namespace

void ValueWriter::call(Draft& out, NodeId node) {
  const bool has_kwargs = graph_.call(node).kwargs != kNoNode;
  if (has_kwargs || !known_call(out, node)) object(out, node);
}

bool ValueWriter::known_call(Draft& out, NodeId node) {
  switch (graph_.callee_meaning(node)) {
    case Meaning::OrderedDict:
    case Meaning::DefaultDict:
    case Meaning::Counter: return dict_call(out, node);
    case Meaning::Deque: return deque(out, node);
    case Meaning::Set: return sequence_call(out, node, "$set");
    case Meaning::FrozenSet: return sequence_call(out, node, "$frozenset");
    case Meaning::Size: return sequence_call(out, node, "$size");
    case Meaning::Device: return device(out, node);
    case Meaning::Encode:
    case Meaning::Bytes: return bytes_call(out, node, "$bytes");
    case Meaning::ByteArray: return bytes_call(out, node, "$bytearray");
    case Meaning::NumpyDType: return numpy_dtype(out, node);
    case Meaning::NumpyScalar: return numpy_scalar(out, node);
    case Meaning::NumpyReconstruct:
    case Meaning::NumpyFromBuffer: return array(out, node);
    case Meaning::JoblibArray: return joblib_array(out, node);
    case Meaning::Unknown: return builtin_call(out, node);
    default: return false;
  }
}

// Up to `most` arguments.
std::optional<std::vector<NodeId>> ValueWriter::few_args(const Call& call, size_t most) const {
  if (!graph_.is(call.args, NodeKind::Tuple)) return std::nullopt;
  Nodes args;
  for (const NodeId item : graph_.items(call.args)) {
    if (args.size() == most) return std::nullopt;
    args.push_back(item);
  }
  return args;
}

bool ValueWriter::is_untouched(const Call& call) const {
  return call.states.first == kNoNode && call.items.first == kNoNode &&
         call.values.first == kNoNode;
}

// A long value is written as part of one other only, or a small file could ask for much text.
bool ValueWriter::may_embed(NodeId content, NodeId by) {
  if (is_short_scalar(content)) return true;
  if (is_container(graph_, content) && graph_.items(content).empty()) return true;
  return embedded_.try_emplace(content, by).first->second == by;
}

// --- Builtins ---

bool ValueWriter::builtin_call(Draft& out, NodeId node) {
  const Call& call = graph_.call(node);
  const auto args = few_args(call, 3);
  if (!args || !is_untouched(call)) return false;
  const auto all_are = [&](bool (*kind)(const Graph&, NodeId)) {
    return std::ranges::all_of(*args, [&](NodeId arg) { return kind(graph_, arg); });
  };
  std::string_view key;
  if (is_builtin(graph_, call.callee, "complex") && args->size() == 2 && all_are(is_number))
    key = "$complex";
  else if (is_builtin(graph_, call.callee, "slice") && args->size() == 3)
    key = "$slice";
  else if ((is_builtin(graph_, call.callee, "range") ||
            is_builtin(graph_, call.callee, "xrange")) &&
           !args->empty() && all_are(is_integer))
    key = "$range";
  else
    return false;
  sequence(out, key, *args);
  return true;
}

// --- Containers ---

bool ValueWriter::dict_call(Draft& out, NodeId node) {
  const Call& call = graph_.call(node);
  const Meaning meaning = graph_.callee_meaning(node);
  const size_t before = meaning == Meaning::DefaultDict ? 1 : 0;  // the factory
  const auto args = few_args(call, before + 1);
  if (!args || call.values.first != kNoNode) return false;
  if (args->size() > before &&
      !(may_embed(args->back(), node) && holds_entries(graph_, args->back())))
    return false;
  DictEntries collected(graph_);
  collected.add_all_of(node);
  const Entries entries = collected.take_entries();
  out.json.begin_object();
  if (meaning == Meaning::OrderedDict) {
    out.json.key("$odict");
    mapping(out, entries);
  } else {
    out.json.key(before == 1 ? "$defaultdict" : "$counter");
    pairs(out, entries);
  }
  if (before == 1 && !args->empty()) {
    out.json.key("factory");
    put(out, args->front());
  }
  states(out, "attrs", graph_.items(call.states).to_vector());
  out.json.end_object();
  return true;
}

// deque([...][, maxlen]), and what was appended.
bool ValueWriter::deque(Draft& out, NodeId node) {
  const Call& call = graph_.call(node);
  const auto args = few_args(call, 2);
  if (!args || call.items.first != kNoNode) return false;
  Nodes items;
  if (!args->empty()) {
    if (!is_sequence(graph_, args->front()) || !may_embed(args->front(), node)) return false;
    items = graph_.items(args->front()).to_vector();
  }
  for (const NodeId value : graph_.items(call.values)) items.push_back(value);
  out.json.begin_object().key("$deque");
  put_all(out, items);
  if (args->size() == 2 && !graph_.is(args->back(), NodeKind::None)) {
    out.json.key("maxlen");
    put(out, args->back());
  }
  states(out, "attrs", graph_.items(call.states).to_vector());
  out.json.end_object();
  return true;
}

// set([...]), frozenset([...]), torch.Size((...)).
bool ValueWriter::sequence_call(Draft& out, NodeId node, std::string_view key) {
  const Call& call = graph_.call(node);
  const auto args = few_args(call, 1);
  if (!args || call.items.first != kNoNode || call.values.first != kNoNode) return false;
  Nodes items;
  if (!args->empty()) {
    if (!is_sequence(graph_, args->front()) || !may_embed(args->front(), node)) return false;
    items = graph_.items(args->front()).to_vector();
  }
  out.in_full = key != "$set" && call.states.first == kNoNode && are_few_scalars(items);
  out.json.begin_object().key(key);
  put_all(out, items);
  states(out, "attrs", graph_.items(call.states).to_vector());
  out.json.end_object();
  return true;
}

// --- Values ---

// Bytes as protocols 0 to 2 write them, from text or other bytes.
bool ValueWriter::bytes_call(Draft& out, NodeId node, std::string_view key) {
  const Call& call = graph_.call(node);
  const auto args = few_args(call, 2);
  if (!args || !is_untouched(call)) return false;
  if (!args->empty()) {
    NodeId content = args->front();
    if (graph_.callee_meaning(content) == Meaning::Encode) {
      const auto inner = few_args(graph_.call(content), 2);
      if (!inner || inner->empty()) return false;
      content = inner->front();
    }
    if (!may_embed(content, node)) return false;
  }
  std::optional<ByteRange> bytes;
  try {
    bytes = bytes_of(graph_, node);
  } catch (const Error&) {  // another encoding than Latin-1
    return false;
  }
  if (!bytes) return false;
  out.in_full = key == "$bytes" && bytes->size <= kShortText;
  out.json.begin_object();
  base64(out, key, *bytes);
  out.json.end_object();
  return true;
}

// torch.device('cpu'), torch.device('cuda', 0)
bool ValueWriter::device(Draft& out, NodeId node) {
  const Call& call = graph_.call(node);
  const auto args = few_args(call, 2);
  if (!args || args->empty() || !is_untouched(call)) return false;
  const bool is_text =
      graph_.is(args->front(), NodeKind::String) || graph_.is(args->front(), NodeKind::ByteString);
  if (!is_text || graph_.byte_size(args->front()) > kLongestDevice) return false;
  const bool has_index = args->size() == 2 && !graph_.is(args->back(), NodeKind::None);
  if (has_index && !graph_.is(args->back(), NodeKind::Int)) return false;
  std::string name(graph_.text(args->front()));
  if (has_index) name += ":" + std::to_string(graph_.integer(args->back()));
  out.in_full = true;
  out.json.begin_object().key("$device");
  text(out, name);
  out.json.end_object();
  return true;
}

// --- Objects ---

void ValueWriter::object(Draft& out, NodeId node) {
  const Call& call = graph_.call(node);
  out.json.begin_object().key("$object").begin_object().key("class");
  class_of(out, call.callee);
  out.json.key("by").value(kCallKinds[static_cast<size_t>(call.kind)]);
  arguments(out, call.args);
  if (call.kwargs != kNoNode && !is_own_empty_dict(call.kwargs)) {
    out.json.key("kwargs");
    put(out, call.kwargs);
  }
  if (call.states.first != kNoNode) {
    out.json.key("state");
    put_all(out, graph_.items(call.states).to_vector());
  }
  if (call.items.first != kNoNode) {
    Entries entries;
    const Nodes items = graph_.items(call.items).to_vector();
    for (size_t i = 0; i + 1 < items.size(); i += 2) entries.push_back({items[i], items[i + 1]});
    out.json.key("items");
    pairs(out, entries);
  }
  if (call.values.first != kNoNode) {
    out.json.key("values");
    put_all(out, graph_.items(call.values).to_vector());
  }
  out.json.end_object().end_object();
}

void ValueWriter::class_of(Draft& out, NodeId callee) {
  callee = meant(callee);
  if (!graph_.is(callee, NodeKind::Global)) return out.add_hole(callee);
  const Global& global = graph_.global(callee);
  if (global.module.size() + global.name.size() > kShortClass) return out.add_hole(callee);
  module_and_name(out, global);
}

// An array of the arguments; a tuple that others refer to as well, or what is no tuple, as a value,
// which then must not be an array.
void ValueWriter::arguments(Draft& out, NodeId args) {
  args = meant(args);
  const bool is_tuple = graph_.is(args, NodeKind::Tuple);
  if (is_tuple && graph_.items(args).empty()) return;
  out.json.key("args");
  if (graph_.is(args, NodeKind::List)) sharing_.force(args);
  const bool is_own = is_tuple && stage_ != Stage::Meet && !sharing_.is_shared(args);
  if (is_own)
    put_all(out, graph_.items(args).to_vector());
  else
    put(out, args);
}

bool ValueWriter::is_own_empty_dict(NodeId node) const {
  return stage_ != Stage::Meet && graph_.is(node, NodeKind::Dict) && graph_.items(node).empty() &&
         !sharing_.is_shared(node);
}

// Of several BUILDs a tuple.
void ValueWriter::states(Draft& out, std::string_view key, const Nodes& states) {
  if (states.empty()) return;
  out.json.key(key);
  if (states.size() == 1) return put(out, states[0]);
  out.json.begin_object().key("$tuple");
  put_all(out, states);
  out.json.end_object();
}

}  // namespace unbrine
