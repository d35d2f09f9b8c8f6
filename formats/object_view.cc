#include "formats/object_view.h"

#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace unbrine {
namespace {

bool is_text_key(const Graph& graph, NodeId key) {
  const NodeKind kind = graph.kind(key);
  return kind == NodeKind::String || kind == NodeKind::BigInt ||
         (kind == NodeKind::ByteString && !graph.is_external(key));
}

Member text_member(std::string_view text, NodeId value) {
  return {Member::Part::Text, text, 0, value};
}

Member numbered_member(int64_t number, NodeId value) {
  return {Member::Part::Number, {}, number, value};
}

// A dict entry, named as DESIGN.md 4.1 says: any key that has no name is its position.
Member entry_member(const Graph& graph, NodeId key, NodeId value, size_t position) {
  if (is_text_key(graph, key)) return text_member(graph.text(key), value);
  switch (graph.kind(key)) {
    case NodeKind::Int: return numbered_member(graph.integer(key), value);
    case NodeKind::Bool: return text_member(graph.boolean(key) ? "True" : "False", value);
    case NodeKind::None: return text_member("None", value);
    default: return numbered_member(static_cast<int64_t>(position), value);
  }
}

// Collects dict entries with Python's rule for a repeated key: first place, last value.
class Entries {
 public:
  explicit Entries(const Graph& graph) : graph_(graph) {}

  void add(NodeId key, NodeId value) {
    size_t& place = place_of(key);
    if (place == kNowhere) {
      place = members_.size();
      members_.push_back(entry_member(graph_, key, value, place));
    } else {
      members_[place].value = value;
    }
  }

  void add_pairs(Items flattened) {
    for (auto at = flattened.begin(); at != flattened.end(); ++at) {
      const NodeId key = *at;
      if (++at == flattened.end()) return;
      add(key, *at);
    }
  }

  std::vector<Member> take() { return std::move(members_); }

 private:
  static constexpr size_t kNowhere = SIZE_MAX;

  size_t& place_of(NodeId key) {
    if (is_text_key(graph_, key))
      return texts_.try_emplace(graph_.text(key), kNowhere).first->second;
    if (graph_.is(key, NodeKind::Int))
      return numbers_.try_emplace(graph_.integer(key), kNowhere).first->second;
    if (graph_.is(key, NodeKind::Bool))  // True == 1 as a key
      return numbers_.try_emplace(graph_.boolean(key) ? 1 : 0, kNowhere).first->second;
    return others_.try_emplace(key, kNowhere).first->second;
  }

  const Graph& graph_;
  std::vector<Member> members_;
  std::unordered_map<std::string_view, size_t> texts_;
  std::unordered_map<int64_t, size_t> numbers_;
  std::unordered_map<NodeId, size_t> others_;
};

bool is_ordered_dict(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Call) && graph.callee_meaning(node) == Meaning::OrderedDict;
}

bool is_sequence(const Graph& graph, NodeId node) {
  const NodeKind kind = graph.kind(node);
  return kind == NodeKind::Tuple || kind == NodeKind::List;
}

// OrderedDict([[k, v], ...]), as Python 2 writes it.
void add_pair_list(const Graph& graph, NodeId list, Entries& entries) {
  for (const NodeId pair : graph.items(list)) {
    if (!is_sequence(graph, pair)) continue;
    const std::vector<NodeId> both = graph.items(pair).to_vector();
    if (both.size() == 2) entries.add(both[0], both[1]);
  }
}

void add_constructor_entries(const Graph& graph, const Call& call, Entries& entries) {
  if (!is_sequence(graph, call.args)) return;
  for (const NodeId argument : graph.items(call.args)) {
    if (graph.is(argument, NodeKind::Dict)) entries.add_pairs(graph.items(argument));
    if (is_sequence(graph, argument)) add_pair_list(graph, argument, entries);
  }
}

std::vector<Member> mapping_entries(const Graph& graph, NodeId node) {
  Entries entries(graph);
  if (graph.is(node, NodeKind::Dict)) entries.add_pairs(graph.items(node));
  if (graph.is(node, NodeKind::Call)) {
    if (is_ordered_dict(graph, node)) add_constructor_entries(graph, graph.call(node), entries);
    entries.add_pairs(graph.items(graph.call(node).items));
  }
  return entries.take();
}

// A state is a dict of attributes, or a pair (dict or None, dict of slots).
void add_attributes(const Graph& graph, NodeId state, Entries& entries) {
  if (graph.is(state, NodeKind::Dict)) entries.add_pairs(graph.items(state));
  if (!graph.is(state, NodeKind::Tuple)) return;
  for (const NodeId part : graph.items(state))
    if (graph.is(part, NodeKind::Dict)) entries.add_pairs(graph.items(part));
}

std::vector<Member> attributes(const Graph& graph, const Call& call) {
  Entries entries(graph);
  for (const NodeId state : graph.items(call.states)) add_attributes(graph, state, entries);
  return entries.take();
}

// States that are no attributes: whatever __setstate__ of the class would have made of them.
void append_plain_states(const Graph& graph, const Call& call, std::vector<Member>& out) {
  for (const NodeId state : graph.items(call.states)) {
    if (graph.is(state, NodeKind::Dict)) continue;
    bool is_attributes = graph.is(state, NodeKind::Tuple);
    if (is_attributes)
      for (const NodeId part : graph.items(state))
        is_attributes &= graph.is(part, NodeKind::Dict) || graph.is(part, NodeKind::None);
    if (!is_attributes) out.push_back(text_member("state", state));
  }
}

void append_positions(Items items, std::vector<Member>& out) {
  int64_t position = 0;
  for (const NodeId item : items) out.push_back(numbered_member(position++, item));
}

void append_all(std::vector<Member>& out, const std::vector<Member>& more) {
  out.insert(out.end(), more.begin(), more.end());
}

std::vector<Member> object_members(const Graph& graph, NodeId node) {
  const Call& call = graph.call(node);
  std::vector<Member> out;
  out.push_back(text_member("args", call.args));
  if (call.kwargs != kNoNode) out.push_back(text_member("kwargs", call.kwargs));
  append_all(out, attributes(graph, call));
  append_plain_states(graph, call, out);
  append_all(out, mapping_entries(graph, node));
  append_positions(graph.items(call.values), out);
  return out;
}

struct ModuleParts {
  NodeId parameters = kNoNode;
  NodeId buffers = kNoNode;
  NodeId modules = kNoNode;
  NodeId non_persistent = kNoNode;  // _non_persistent_buffers_set
  std::vector<Member> others;
};

std::optional<ModuleParts> module_parts(const Graph& graph, NodeId node) {
  if (!graph.is(node, NodeKind::Call)) return std::nullopt;
  ModuleParts parts;
  for (const Member& member : attributes(graph, graph.call(node))) {
    if (member.text == "_parameters")
      parts.parameters = member.value;
    else if (member.text == "_buffers")
      parts.buffers = member.value;
    else if (member.text == "_modules")
      parts.modules = member.value;
    else if (member.text == "_non_persistent_buffers_set")
      parts.non_persistent = member.value;
    else
      parts.others.push_back(member);
  }
  const auto is_dict = [&](NodeId id) { return id != kNoNode && is_mapping(graph, id); };
  const bool complete =
      is_dict(parts.parameters) && is_dict(parts.buffers) && is_dict(parts.modules);
  return complete ? std::optional(std::move(parts)) : std::nullopt;
}

// The set is written as a Set, or as set([...]) up to protocol 3.
std::unordered_set<std::string_view> names_in_set(const Graph& graph, NodeId set) {
  std::unordered_set<std::string_view> names;
  if (set == kNoNode) return names;
  const auto add = [&](Items items) {
    for (const NodeId item : items)
      if (is_text_key(graph, item)) names.insert(graph.text(item));
  };
  if (graph.is(set, NodeKind::Set)) add(graph.items(set));
  if (graph.is(set, NodeKind::Call) && is_sequence(graph, graph.call(set).args))
    for (const NodeId argument : graph.items(graph.call(set).args))
      if (is_sequence(graph, argument)) add(graph.items(argument));
  return names;
}

std::vector<Member> module_members(const Graph& graph, const ModuleParts& parts, ModuleView view) {
  const bool everything = view == ModuleView::Everything;
  const auto hidden = names_in_set(graph, parts.non_persistent);
  std::vector<Member> out = mapping_entries(graph, parts.parameters);
  for (const Member& buffer : mapping_entries(graph, parts.buffers))
    if (everything || !hidden.contains(buffer.text)) out.push_back(buffer);
  append_all(out, mapping_entries(graph, parts.modules));
  if (everything) append_all(out, parts.others);
  return out;
}

// A tensor's own attributes: those that _rebuild_parameter_with_state carries beside the data.
std::vector<Member> tensor_members(const Graph& graph, NodeId node) {
  if (!graph.has_tensor_call(node)) return {};
  const Call& call = graph.tensor_call(node);
  if (graph.meaning(call.callee) != Meaning::RebuildParameterWithState) return {};
  const std::vector<NodeId> args = graph.items(call.args).to_vector();
  Entries entries(graph);
  add_attributes(graph, args[3], entries);
  return entries.take();
}

std::vector<Member> call_members(const Graph& graph, NodeId node, ModuleView view) {
  if (const auto parts = module_parts(graph, node)) return module_members(graph, *parts, view);
  if (!is_ordered_dict(graph, node)) return object_members(graph, node);
  std::vector<Member> out = mapping_entries(graph, node);
  if (view == ModuleView::Everything) append_all(out, attributes(graph, graph.call(node)));
  return out;
}

}  // namespace

void append_part(std::string& name, const Member& member, bool first) {
  if (!first) name += '.';
  if (member.part == Member::Part::Text)
    name += member.text;
  else
    name += std::to_string(member.number);
}

std::vector<Member> members(const Graph& graph, NodeId node, ModuleView view) {
  std::vector<Member> out;
  switch (graph.kind(node)) {
    case NodeKind::Tuple:
    case NodeKind::List:
    case NodeKind::Set:
    case NodeKind::FrozenSet: append_positions(graph.items(node), out); return out;
    case NodeKind::Dict: return mapping_entries(graph, node);
    case NodeKind::Call: return call_members(graph, node, view);
    case NodeKind::Tensor:
      return view == ModuleView::Everything ? tensor_members(graph, node) : out;
    default: return out;
  }
}

bool is_module(const Graph& graph, NodeId node) { return module_parts(graph, node).has_value(); }

bool is_mapping(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Dict) || is_ordered_dict(graph, node) ||
         (graph.is(node, NodeKind::Call) && graph.call(node).items.first != kNoNode);
}

bool is_opaque(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Call) && !is_ordered_dict(graph, node) && !is_module(graph, node);
}

}  // namespace unbrine
