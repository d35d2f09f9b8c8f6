#include "formats/object_view.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "formats/dict_entries.h"

namespace unbrine {
namespace {

// skorch pickles what may live on a GPU by itself; version 0.5 used the second name.
constexpr std::string_view kStreamAttributes[] = {
    "__cuda_dependent_attributes__",
    "cuda_dependent_attributes_",
};

// Calls of the standard library's other containers: set([...]), deque([...], maxlen).
bool is_sequence_call(const Graph& graph, NodeId node) {
  const Meaning meaning = graph.callee_meaning(node);
  return meaning == Meaning::Set || meaning == Meaning::FrozenSet || meaning == Meaning::Deque ||
         meaning == Meaning::Size;
}

std::vector<Member> mapping_entries(const Graph& graph, NodeId node) {
  DictEntries entries(graph);
  entries.add_all_of(node);
  return entries.take();
}

void append_all(std::vector<Member>& out, const std::vector<Member>& more) {
  out.insert(out.end(), more.begin(), more.end());
}

// The entries, and where everything counts the keys that are more than text.
std::vector<Member> mapping_members(const Graph& graph, NodeId node, ModuleView view) {
  DictEntries entries(graph);
  entries.add_all_of(node);
  std::vector<Member> out = entries.take();
  if (view == ModuleView::Everything) append_all(out, entries.take_keys());
  return out;
}

// A state is a dict of attributes, or a pair (dict or None, dict of slots); else it is whatever the
// class's __setstate__ makes of it.
bool is_attribute_state(const Graph& graph, NodeId state) {
  if (graph.is(state, NodeKind::Dict)) return true;
  if (!graph.is(state, NodeKind::Tuple)) return false;
  size_t parts = 0;
  for (const NodeId part : graph.items(state)) {
    if (!graph.is(part, NodeKind::Dict) && !graph.is(part, NodeKind::None)) return false;
    ++parts;
  }
  return parts == 2;
}

void add_attributes(const Graph& graph, NodeId state, DictEntries& entries) {
  if (!is_attribute_state(graph, state)) return;
  if (graph.is(state, NodeKind::Dict)) return entries.add_pairs(graph.items(state));
  for (const NodeId part : graph.items(state))
    if (graph.is(part, NodeKind::Dict)) entries.add_pairs(graph.items(part));
}

// The attributes that a stream holds count as the object's own, as its __setstate__ has it.
std::vector<Member> without_streams(const Graph& graph, const std::vector<Member>& attributes) {
  std::vector<Member> out;
  for (const Member& member : attributes) {
    if (is_stream_attribute(member.text) && is_mapping(graph, member.value))
      append_all(out, mapping_entries(graph, member.value));
    else
      out.push_back(member);
  }
  return out;
}

std::vector<Member> attributes(const Graph& graph, const Call& call) {
  DictEntries entries(graph);
  for (const NodeId state : graph.items(call.states)) add_attributes(graph, state, entries);
  return without_streams(graph, entries.take());
}

void append_plain_states(const Graph& graph, const Call& call, std::vector<Member>& out) {
  for (const NodeId state : graph.items(call.states))
    if (!is_attribute_state(graph, state))
      out.push_back(text_member("state", graph.resolved(state)));
}

void append_positions(const Graph& graph, Items items, std::vector<Member>& out) {
  int64_t position = 0;
  for (const NodeId item : items) out.push_back(numbered_member(position++, graph.resolved(item)));
}

// Numbered on through the constructor's argument and what was appended.
std::vector<Member> sequence_call_members(const Graph& graph, const Call& call) {
  std::vector<NodeId> items = graph.items(call.values).to_vector();
  if (is_sequence(graph, call.args)) {
    const Items args = graph.items(call.args);
    if (!args.empty() && is_sequence(graph, *args.begin())) {
      const std::vector<NodeId> given = graph.items(*args.begin()).to_vector();
      items.insert(items.begin(), given.begin(), given.end());
    }
  }
  std::vector<Member> out;
  for (const NodeId item : items)
    out.push_back(numbered_member(static_cast<int64_t>(out.size()), graph.resolved(item)));
  return out;
}

// The values of a numpy array of objects: BUILD (version, shape, dtype, is_fortran, [values]).
NodeId object_array_values(const Graph& graph, NodeId node) {
  if (graph.callee_meaning(node) != Meaning::NumpyReconstruct) return kNoNode;
  for (const NodeId state : graph.items(graph.call(node).states)) {
    if (!graph.is(state, NodeKind::Tuple)) continue;
    const std::vector<NodeId> parts = graph.items(state).to_vector();
    if (!parts.empty() && graph.is(parts.back(), NodeKind::List)) return parts.back();
  }
  return kNoNode;
}

// _rebuild_from_type_v2(func, cls, args, state) that was not understood: its attributes.
std::vector<Member> subclass_members(const Graph& graph, const Call& call) {
  DictEntries entries(graph);
  const std::vector<NodeId> args = graph.items(call.args).to_vector();
  if (args.size() == 4) add_attributes(graph, args[3], entries);
  return entries.take();
}

std::vector<Member> object_members(const Graph& graph, NodeId node) {
  const Call& call = graph.call(node);
  std::vector<Member> out;
  const bool is_subclass = graph.callee_meaning(node) == Meaning::RebuildFromType;
  if (is_subclass && graph.is(call.args, NodeKind::Tuple)) out = subclass_members(graph, call);
  if (out.empty()) out.push_back(text_member("args", graph.resolved(call.args)));
  if (call.kwargs != kNoNode) out.push_back(text_member("kwargs", graph.resolved(call.kwargs)));
  append_all(out, attributes(graph, call));
  append_plain_states(graph, call, out);
  append_all(out, mapping_entries(graph, node));
  append_positions(graph, graph.items(call.values), out);
  return out;
}

// TorchScript's classes live in a module of their own; parameters, buffers and submodules are plain
// attributes there.
bool is_script_object(const Graph& graph, NodeId node) {
  if (!graph.is(node, NodeKind::Call)) return false;
  const NodeId callee = graph.call(node).callee;
  if (!graph.is(callee, NodeKind::Global)) return false;
  const std::string_view module = graph.global(callee).module;
  return module == "__torch__" || module.starts_with("__torch__.");
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

bool is_opacus_filter(const Graph& graph, const Member& hook) {
  if (!graph.is(hook.value, NodeKind::Global)) return false;
  const Global& global = graph.global(hook.value);
  return global.module == "opacus.layers.param_rename" && global.name == "filter_out_old_keys";
}

// What a wrapper became, whole or in parts, is no attribute of it any more.
bool is_part_of(const Graph& graph, NodeId node, NodeId value) {
  if (!graph.is(value, NodeKind::Tensor)) return false;
  const uint32_t row = graph.index(value);
  if (graph.is(node, NodeKind::Tensor)) return graph.index(node) == row;
  return std::ranges::any_of(graph.composite(node).parts, [&](const CompositePart& part) {
    return graph.index(part.tensor) == row;
  });
}

// A tensor's own attributes: what _rebuild_parameter_with_state and _rebuild_from_type_v2 carry
// beside the data, and what BUILD sets.
std::vector<Member> tensor_attributes(const Graph& graph, NodeId node) {
  if (!graph.has_tensor_call(node)) return {};
  const Call& call = graph.tensor_call(node);
  const Meaning meaning = graph.meaning(call.callee);
  const bool has_state =
      meaning == Meaning::RebuildParameterWithState || meaning == Meaning::RebuildFromType;
  if (!has_state && call.states.first == kNoNode) return {};  // nearly all
  std::vector<NodeId> args;
  if (graph.is(call.args, NodeKind::Tuple)) args = graph.items(call.args).to_vector();
  DictEntries entries(graph);
  if (has_state && args.size() == 4) add_attributes(graph, args[3], entries);
  for (const NodeId state : graph.items(call.states)) add_attributes(graph, state, entries);
  std::vector<Member> out = entries.take();
  std::erase_if(out, [&](const Member& member) { return is_part_of(graph, node, member.value); });
  return out;
}

std::vector<Member> tensor_members(const Graph& graph, NodeId node, ModuleView view) {
  std::vector<Member> out;
  if (graph.is(node, NodeKind::Composite))
    for (const CompositePart& part : graph.composite(node).parts)
      out.push_back(
          {part.role.empty() ? Member::Part::Own : Member::Part::Text, part.role, 0, part.tensor});
  if (view == ModuleView::Everything) append_all(out, tensor_attributes(graph, node));
  return out;
}

std::vector<Member> call_members(const Graph& graph, NodeId node, ModuleView view) {
  if (const auto parts = module_parts(graph, node)) return module_members(graph, *parts, view);
  if (is_sequence_call(graph, node)) return sequence_call_members(graph, graph.call(node));
  if (const NodeId values = object_array_values(graph, node); values != kNoNode)
    return members(graph, values, view);
  if (!is_dict_call(graph, node)) return object_members(graph, node);
  std::vector<Member> out = mapping_members(graph, node, view);
  if (view == ModuleView::Everything) append_all(out, attributes(graph, graph.call(node)));
  return out;
}

}  // namespace

void append_part(std::string& name, const Member& member, bool first) {
  if (member.part == Member::Part::Own) return;
  if (!first) name += '.';
  if (member.part == Member::Part::Text)
    name += member.text;
  else
    name += std::to_string(member.number);
  if (member.part == Member::Part::Key) name += ".key";
}

std::vector<Member> members(const Graph& graph, NodeId node, ModuleView view) {
  std::vector<Member> out;
  switch (graph.kind(node)) {
    case NodeKind::Tuple:
    case NodeKind::List:
    case NodeKind::Set:
    case NodeKind::FrozenSet: append_positions(graph, graph.items(node), out); return out;
    case NodeKind::Dict: return mapping_members(graph, node, view);
    case NodeKind::Call: return call_members(graph, node, view);
    case NodeKind::Tensor:
    case NodeKind::Composite: return tensor_members(graph, node, view);
    default: return out;
  }
}

bool is_module(const Graph& graph, NodeId node) {
  return module_parts(graph, node).has_value() || is_script_object(graph, node);
}

std::vector<std::string_view> names_hidden_by_hook(const Graph& graph, NodeId node) {
  std::vector<std::string_view> names;
  const auto parts = module_parts(graph, node);
  if (!parts) return names;
  std::vector<Member> hooks;
  std::vector<Member> renamed;
  for (const Member& member : parts->others) {
    if (member.text == "_state_dict_hooks") hooks = mapping_entries(graph, member.value);
    if (member.text == "old_to_new") renamed = mapping_entries(graph, member.value);
  }
  const bool filters =
      std::ranges::any_of(hooks, [&](const Member& hook) { return is_opacus_filter(graph, hook); });
  if (filters)
    for (const Member& entry : renamed) names.push_back(entry.text);
  return names;
}

bool is_mapping(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Dict) || is_dict_call(graph, node) ||
         (graph.is(node, NodeKind::Call) && graph.call(node).items.first != kNoNode);
}

NodeId attribute(const Graph& graph, NodeId state, std::string_view name) {
  DictEntries entries(graph);
  add_attributes(graph, state, entries);
  for (const Member& member : entries.take())
    if (member.part == Member::Part::Text && member.text == name) return member.value;
  return kNoNode;
}

bool is_stream_attribute(std::string_view name) {
  return std::ranges::count(kStreamAttributes, name) != 0;
}

bool is_opaque(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Call) && !is_dict_call(graph, node) &&
         !is_sequence_call(graph, node) && !is_module(graph, node);
}

}  // namespace unbrine
