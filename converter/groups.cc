#include "converter/groups.h"

#include <algorithm>

namespace unbrine {
namespace {

constexpr std::string_view kWeightsStem = "model";
constexpr std::string_view kRootStem = "root";
constexpr size_t kLongestStem = 100;  // of the 255 bytes that a file's name may have

bool is_plain(char byte) {
  return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
         (byte >= '0' && byte <= '9') || byte == '_' || byte == '.' || byte == '-';
}

std::string lower_case(std::string text) {
  for (char& byte : text)
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
  return text;
}

bool is_tensor(const Graph& graph, NodeId node) {
  return graph.is(node, NodeKind::Tensor) || graph.is(node, NodeKind::Composite);
}

// Collects the groups of a tree; knows which tensors have their place.
class TreeGroups {
 public:
  TreeGroups(const Checkpoint& checkpoint, const TensorNames& names)
      : checkpoint_(checkpoint),
        graph_(checkpoint.graph),
        names_(names),
        placed_(checkpoint.tensors.tensors().size(), false) {}

  void add(std::string stem, std::vector<SelectedTensor> tensors) {
    if (tensors.empty()) return;
    for (const SelectedTensor& tensor : tensors) placed_[tensor.row] = true;
    groups_.push_back({std::move(stem), std::move(tensors)});
  }

  // One group for each top-level key, then one for tensors that have no other key.
  void add_rest(Stems& stems) {
    const std::vector<Member> top = members(graph_, checkpoint_.root, ModuleView::Everything);
    std::vector<std::vector<NamedTensor>> by_member(top.size());
    for (NamedTensor& tensor : names_.below(checkpoint_.root, ModuleView::Everything))
      if (!placed_[graph_.index(tensor.node)]) by_member[tensor.top].push_back(std::move(tensor));
    std::vector<NamedTensor> loose;
    for (size_t i = 0; i < top.size(); ++i) {
      if (is_tensor(graph_, top[i].value))
        std::ranges::move(by_member[i], std::back_inserter(loose));
      else if (!by_member[i].empty())
        add_member(top[i], std::move(by_member[i]), stems);
    }
    add(std::string(kRootStem), unplaced(std::move(loose), 0));
  }

  std::vector<Group> take() { return std::move(groups_); }

 private:
  void add_member(const Member& member, std::vector<NamedTensor> found, Stems& stems) {
    std::string key;
    append_part(key, member, true);
    std::vector<SelectedTensor> tensors = unplaced(std::move(found), key.size() + 1);
    if (!tensors.empty()) add(stems.take(key), std::move(tensors));
  }

  // Names start behind the first `skipped` bytes of the whole path.
  std::vector<SelectedTensor> unplaced(std::vector<NamedTensor> found, size_t skipped) const {
    std::vector<SelectedTensor> tensors;
    for (NamedTensor& tensor : found) {
      const uint32_t row = graph_.index(tensor.node);
      if (placed_[row]) continue;
      std::string name = tensor.name.substr(std::min(skipped, tensor.name.size()));
      tensors.push_back({.name = std::move(name), .row = row, .source = std::move(tensor.name)});
    }
    return tensors;
  }

  const Checkpoint& checkpoint_;
  const Graph& graph_;
  const TensorNames& names_;
  std::vector<bool> placed_;  // per row of the table
  std::vector<Group> groups_;
};

}  // namespace

std::string stem_of_key(std::string_view key) {
  constexpr std::string_view kPrefix = "state_dict_";
  constexpr std::string_view kSuffix = "_state_dict";
  std::string stem;
  if (key.starts_with(kPrefix)) {
    stem = "model_";
    key.remove_prefix(kPrefix.size());
  } else if (key.ends_with(kSuffix)) {
    key.remove_suffix(kSuffix.size());
  }
  stem += key.substr(0, kLongestStem);
  if (stem.ends_with('_')) stem.pop_back();
  for (char& byte : stem)
    if (!is_plain(byte)) byte = '_';
  if (stem.starts_with('.')) stem[0] = '_';
  return stem.empty() ? "_" : stem;
}

std::string Stems::take(std::string_view key) {
  const std::string wanted = stem_of_key(key);
  std::string stem = wanted;
  for (uint64_t number = 1; !taken_.insert(lower_case(stem)).second; ++number)
    stem = wanted + "~" + std::to_string(number);
  return stem;
}

std::string stem_of_weights(const Part& weights) {
  return weights.last == "module_" ? "module" : std::string(kWeightsStem);
}

std::vector<SelectedTensor> tensors_of(const Checkpoint& checkpoint, const TensorNames& names,
                                       const Part& part, ModuleView view) {
  const Graph& graph = checkpoint.graph;
  const bool is_leaf = is_tensor(graph, part.node);
  std::vector<SelectedTensor> tensors;
  for (NamedTensor& found : names.below(part.node, view)) {
    // The part itself, if it is a tensor, has no name below it.
    const bool is_part = is_leaf && tensors.empty();
    std::string source = part.path;
    if (!is_part || part.path.empty()) source += (source.empty() ? "" : ".") + found.name;
    std::string name = std::move(found.name);
    if (is_part && graph.is(part.node, NodeKind::Tensor) && !part.last.empty()) name = part.last;
    tensors.push_back(
        {.name = std::move(name), .row = graph.index(found.node), .source = std::move(source)});
  }
  return tensors;
}

std::vector<Group> tree_groups(const Checkpoint& checkpoint, const TensorNames& names,
                               const Part& weights, bool split_top) {
  TreeGroups groups(checkpoint, names);
  const bool are_whole = weights.node == checkpoint.root;
  if (split_top) {
    Stems stems({std::string(kRootStem)});
    if (!are_whole)
      groups.add(stems.take(weights.last),
                 tensors_of(checkpoint, names, weights, ModuleView::StateDict));
    groups.add_rest(stems);
    return groups.take();
  }
  const std::string stem = stem_of_weights(weights);
  Stems stems({std::string(kRootStem), std::string(kWeightsStem), stem});
  groups.add(stem, tensors_of(checkpoint, names, weights, ModuleView::StateDict));
  groups.add_rest(stems);
  return groups.take();
}

}  // namespace unbrine
