#include "formats/torch/object_fields.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "formats/dict_entries.h"
#include "formats/object_view.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kReserved[] = {kClassField, kSourceField, kArgsField,  kKwargsField,
                                          kStateField, kItemsField,  kValuesField};

constexpr std::string_view kModuleDicts[] = {"_parameters", "_buffers", "_modules"};

using Nodes = std::vector<NodeId>;

void append(Nodes& nodes, const Items& items) {
  for (const NodeId item : items) nodes.push_back(item);
}

bool is_text(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::String) ||
         (graph.is(node, NodeKind::ByteString) && !graph.is_external(node));
}

bool is_empty(const Graph& graph, NodeId container) {
  const NodeKind kind = graph.kind(container);
  return (kind == NodeKind::Tuple || kind == NodeKind::Dict) && graph.items(container).empty();
}

// The entries of a dict that has nothing else to tell.
std::optional<Nodes> plain_entries(const Graph& graph, NodeId node) {
  if (graph.is(node, NodeKind::Dict)) return graph.items(node).to_vector();
  if (graph.callee_meaning(node) != Meaning::OrderedDict) return std::nullopt;
  const Call& call = graph.call(node);
  const bool bare = is_empty(graph, call.args) && call.kwargs == kNoNode &&
                    call.states.first == kNoNode && call.values.first == kNoNode;
  return bare ? std::optional(graph.items(call.items).to_vector()) : std::nullopt;
}

class AttributeReader {
 public:
  AttributeReader(const Graph& graph, NodeId object)
      : graph_(graph), is_module_(is_module(graph, object)) {}

  // False for a state that holds no attributes.
  bool add(NodeId state) {
    state = graph_.resolved(state);
    if (graph_.is(state, NodeKind::Dict)) return add_entries(graph_.items(state)), true;
    if (!is_slots_state(state)) return false;
    for (const NodeId part : graph_.items(state))
      if (graph_.is(part, NodeKind::Dict)) add_entries(graph_.items(part));
    return true;
  }

  // False if the keys are none for a dict that has more to tell.
  bool is_sound() const {
    std::unordered_set<std::string_view> seen;
    for (size_t i = 0; i + 1 < pairs_.size(); i += 2) {
      if (!is_text(graph_, pairs_[i])) return false;
      const std::string_view key = graph_.text(pairs_[i]);
      if (std::ranges::count(kReserved, key) != 0 || !seen.insert(key).second) return false;
    }
    return true;
  }

  Nodes take() { return std::move(pairs_); }

 private:
  // (dict or None, dict or None): attributes and those in __slots__.
  bool is_slots_state(NodeId state) const {
    if (!graph_.is(state, NodeKind::Tuple)) return false;
    const Nodes parts = graph_.items(state).to_vector();
    return parts.size() == 2 && std::ranges::all_of(parts, [&](NodeId part) {
             return graph_.is(part, NodeKind::Dict) || graph_.is(part, NodeKind::None);
           });
  }

  void add_entries(const Items& entries) {
    const Nodes all = entries.to_vector();
    for (size_t i = 0; i + 1 < all.size(); i += 2)
      if (!open(all[i], all[i + 1])) pairs_.insert(pairs_.end(), {all[i], all[i + 1]});
  }

  // Some attributes stand for others: what a module keeps in dicts of its own, and what skorch
  // keeps in a stream. Gives false if this is none of them.
  bool open(NodeId key, NodeId value) {
    if (!is_text(graph_, key)) return false;
    const std::string_view name = graph_.text(key);
    if (!is_stream_attribute(name) && !(is_module_ && std::ranges::count(kModuleDicts, name) != 0))
      return false;
    const std::optional<Nodes> inner = plain_entries(graph_, graph_.resolved(value));
    if (inner) pairs_.insert(pairs_.end(), inner->begin(), inner->end());
    return inner.has_value();
  }

  const Graph& graph_;
  bool is_module_;
  Nodes pairs_;
};

bool is_reconstructor(const Graph& graph, NodeId callee) {
  if (!graph.is(callee, NodeKind::Global)) return false;
  const Global& global = graph.global(callee);
  return (global.module == "copyreg" || global.module == "copy_reg") &&
         global.name == "_reconstructor";
}

// copyreg._reconstructor(class, object, None): how protocols 0 and 1 make an object without
// arguments.
NodeId reconstructed_class(const Graph& graph, const Call& call) {
  if (!is_reconstructor(graph, call.callee) || !graph.is(call.args, NodeKind::Tuple))
    return kNoNode;
  const Nodes args = graph.items(call.args).to_vector();
  const bool bare =
      args.size() == 3 && graph.is(args[0], NodeKind::Global) && graph.is(args[2], NodeKind::None);
  return bare ? args[0] : kNoNode;
}

// ('module', class, file, source): how legacy files name a class.
Nodes module_id(const Graph& graph, NodeId callee) {
  if (!graph.is(callee, NodeKind::PersistentId)) return {};
  const NodeId id = graph.resolved(graph.persistent_id(callee));
  if (!graph.is(id, NodeKind::Tuple)) return {};
  Nodes parts = graph.items(id).to_vector();
  const bool is_module = parts.size() == 4 && is_text(graph, parts[0]) &&
                         graph.text(parts[0]) == "module" && graph.is(parts[1], NodeKind::Global);
  return is_module ? parts : Nodes();
}

void name_class(const Graph& graph, const Call& call, ObjectFields& fields) {
  NodeId named = reconstructed_class(graph, call);
  const bool has_args = named == kNoNode && !is_empty(graph, call.args);
  if (named == kNoNode) named = graph.resolved(call.callee);
  if (const Nodes id = module_id(graph, named); !id.empty()) {
    named = id[1];
    fields.source = id.back();
  }
  if (has_args) fields.args = call.args;
  if (graph.is(named, NodeKind::Global))
    fields.class_name = full_name(graph.global(named));
  else
    fields.class_node = named;
}

}  // namespace

std::string full_name(const Global& global) {
  return repaired_utf8(std::string(global.module) + "." + std::string(global.name));
}

ObjectFields object_fields(const Graph& graph, NodeId node, const Call& call) {
  ObjectFields fields;
  name_class(graph, call, fields);
  if (call.kwargs != kNoNode && !is_empty(graph, call.kwargs)) fields.kwargs = call.kwargs;
  AttributeReader attributes(graph, node);
  for (const NodeId state : graph.items(call.states))
    if (!attributes.add(state)) fields.states.push_back(state);
  if (attributes.is_sound())
    fields.attributes = attributes.take();
  else
    fields.states = graph.items(call.states).to_vector();
  append(fields.items, graph.items(call.items));
  append(fields.values, graph.items(call.values));
  return fields;
}

}  // namespace unbrine
