#include "formats/dict_entries.h"

#include <algorithm>

namespace unbrine {
namespace {

// Named as DESIGN.md 4.1 says: any key that has no name is its position.
Member entry_member(const Graph& graph, NodeId key, NodeId value, size_t position) {
  if (is_text_key(graph, key)) return text_member(graph.text(key), value);
  switch (graph.kind(key)) {
    case NodeKind::Int: return numbered_member(graph.integer(key), value);
    case NodeKind::Bool: return text_member(graph.boolean(key) ? "True" : "False", value);
    case NodeKind::None: return text_member("None", value);
    default: return numbered_member(static_cast<int64_t>(position), value);
  }
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

bool holds_values(NodeKind kind) {
  return kind == NodeKind::Tensor || kind == NodeKind::Composite || kind == NodeKind::Tuple ||
         kind == NodeKind::FrozenSet || kind == NodeKind::Call;
}

}  // namespace

Member text_member(std::string_view text, NodeId value) {
  return {Member::Part::Text, text, 0, value};
}

Member numbered_member(int64_t number, NodeId value) {
  return {Member::Part::Number, {}, number, value};
}

bool is_text_key(const Graph& graph, NodeId key) {
  const NodeKind kind = graph.kind(key);
  return kind == NodeKind::String || kind == NodeKind::BigInt ||
         (kind == NodeKind::ByteString && !graph.is_external(key));
}

bool is_sequence(const Graph& graph, NodeId node) {
  const NodeKind kind = graph.kind(node);
  return kind == NodeKind::Tuple || kind == NodeKind::List;
}

bool is_dict_call(const Graph& graph, NodeId node) {
  const Meaning meaning = graph.callee_meaning(node);
  return meaning == Meaning::OrderedDict || meaning == Meaning::DefaultDict ||
         meaning == Meaning::Counter;
}

void DictEntries::add(NodeId key, NodeId value) {
  const DictEntry entry{key, value};
  key = graph_.resolved(key);
  value = graph_.resolved(value);
  size_t& place = place_of(key);
  if (place == kNowhere) {
    place = members_.size();
    entries_.push_back(entry);
    members_.push_back(entry_member(graph_, key, value, place));
    if (holds_values(graph_.kind(key)))
      keys_.push_back({Member::Part::Key, {}, static_cast<int64_t>(place), key});
  } else {
    entries_[place].value = entry.value;
    members_[place].value = value;
  }
}

void DictEntries::add_pairs(Items flattened) {
  for (auto at = flattened.begin(); at != flattened.end(); ++at) {
    const NodeId key = *at;
    if (++at == flattened.end()) return;
    add(key, *at);
  }
}

void DictEntries::add_all_of(NodeId node) {
  if (graph_.is(node, NodeKind::Dict)) add_pairs(graph_.items(node));
  if (!graph_.is(node, NodeKind::Call)) return;
  if (is_dict_call(graph_, node)) add_constructor_entries(graph_.call(node));
  add_pairs(graph_.items(graph_.call(node).items));
}

// A str and a Python 2 str are equal keys if both are ASCII; an int is never equal to its digits.
std::unordered_map<std::string_view, size_t>& DictEntries::texts_of(NodeId key) {
  if (graph_.is(key, NodeKind::BigInt)) return integers_;
  const bool is_data = graph_.is(key, NodeKind::ByteString) && !is_ascii(graph_.text(key));
  return is_data ? data_ : texts_;
}

size_t& DictEntries::place_of(NodeId key) {
  if (is_text_key(graph_, key))
    return texts_of(key).try_emplace(graph_.text(key), kNowhere).first->second;
  if (graph_.is(key, NodeKind::Int))
    return numbers_.try_emplace(graph_.integer(key), kNowhere).first->second;
  if (graph_.is(key, NodeKind::Bool))  // True == 1 as a key
    return numbers_.try_emplace(graph_.boolean(key) ? 1 : 0, kNowhere).first->second;
  return others_.try_emplace(key, kNowhere).first->second;
}

// OrderedDict([[k, v], ...]), as Python 2 writes it.
void DictEntries::add_pair_list(NodeId list) {
  for (const NodeId pair : graph_.items(list)) {
    if (!is_sequence(graph_, pair)) continue;
    const std::vector<NodeId> both = graph_.items(pair).to_vector();
    if (both.size() == 2) add(both[0], both[1]);
  }
}

void DictEntries::add_constructor_entries(const Call& call) {
  if (!is_sequence(graph_, call.args)) return;
  for (const NodeId argument : graph_.items(call.args)) {
    if (graph_.is(argument, NodeKind::Dict)) add_pairs(graph_.items(argument));
    if (is_sequence(graph_, argument)) add_pair_list(argument);
  }
}

}  // namespace unbrine
