#include "converter/select.h"

#include <algorithm>

#include "converter/alias_policy.h"
#include "converter/cast_rules.h"
#include "converter/groups.h"
#include "converter/naming.h"
#include "converter/part.h"
#include "formats/checked.h"
#include "formats/error.h"

namespace unbrine {
namespace {

class Selector {
 public:
  Selector(const Checkpoint& checkpoint, const Rules& rules, Scope scope)
      : checkpoint_(checkpoint),
        graph_(checkpoint.graph),
        rules_(rules),
        scope_(scope),
        names_(checkpoint.graph, checkpoint.root, checkpoint.limits),
        parts_(checkpoint, names_) {}

  Choice run() {
    const Part part = chosen_part();
    choice_.root = part.path;
    choice_.part = part.node;
    choice_.selection.table = &checkpoint_.tensors;
    fill(groups_of(part));
    choice_.left_out = omissions();
    apply_rules();
    keep_structure();
    choice_.selection.metadata = metadata();
    check_budget();
    return std::move(choice_);
  }

 private:
  Part chosen_part() const {
    const bool by_default = rules_.select.empty() && scope_ != Scope::Weights;
    return by_default ? parts_.whole() : parts_.selected(rules_.select);
  }

  std::vector<Group> groups_of(const Part& part) const {
    if (scope_ != Scope::Tree) return {{SelectedGroup{}.stem, all_tensors_of(part)}};
    const bool is_whole = rules_.select.empty() || rules_.select == "all";
    if (is_whole) return tree_groups(checkpoint_, names_, parts_.weights(), rules_.split_top);
    return {{stem_of_part(part), all_tensors_of(part)}};
  }

  std::vector<SelectedTensor> all_tensors_of(const Part& part) const {
    const bool weights_only = scope_ == Scope::Weights && rules_.select != "all";
    return tensors_of(checkpoint_, names_, part,
                      weights_only ? ModuleView::StateDict : ModuleView::Everything);
  }

  std::string stem_of_part(const Part& part) const {
    const bool is_weights = part.path == parts_.weights().path;
    return is_weights && !rules_.split_top ? stem_of_weights(part) : stem_of_key(part.last);
  }

  void fill(std::vector<Group> groups) {
    Selection& selection = choice_.selection;
    selection.groups.clear();
    for (Group& group : groups) {
      const uint32_t index = static_cast<uint32_t>(selection.groups.size());
      selection.groups.push_back({.stem = std::move(group.stem)});
      for (SelectedTensor& tensor : group.tensors) {
        tensor.group = index;
        selection.tensors.push_back(std::move(tensor));
      }
    }
  }

  // Patterns see the names as they were found; aliases the names as they are written.
  void apply_rules() {
    Selection& selection = choice_.selection;
    choice_.excluded = filter_names(selection, rules_, choice_.warnings);
    choose_casts(selection, rules_.dtypes, graph_, choice_.warnings);
    note_common_prefixes(selection, rules_, choice_.notes);
    spell_names(selection, rules_, checkpoint_.limits, choice_.notes, choice_.warnings);
    if (rules_.strict && !choice_.warnings.empty()) refuse_warnings();
    // A file that keeps objects keeps shared storages too: nothing is written twice there.
    const bool is_shared = scope_ == Scope::Object && rules_.aliases == Aliases::KeepOne;
    if (!is_shared) apply_aliases(selection, rules_.aliases);
    if (scope_ == Scope::Tree) drop_empty_groups();
  }

  [[noreturn]] void refuse_warnings() const {
    std::string all;
    for (const std::string& warning : choice_.warnings) all += (all.empty() ? "" : "; ") + warning;
    fail(ErrorCode::Usage, all);
  }

  // What an alias stands for is kept, so that its group is.
  void drop_empty_groups() {
    Selection& selection = choice_.selection;
    std::vector<bool> used(selection.groups.size(), false);
    for (const SelectedTensor& tensor : selection.tensors) used[tensor.group] = true;
    std::vector<SelectedGroup> groups;
    std::vector<uint32_t> index(used.size());
    for (size_t i = 0; i < used.size(); ++i) {
      index[i] = static_cast<uint32_t>(groups.size());
      if (used[i]) groups.push_back(std::move(selection.groups[i]));
    }
    for (SelectedTensor& tensor : selection.tensors) tensor.group = index[tensor.group];
    for (SelectedTensor& tensor : selection.aliased) tensor.group = index[tensor.group];
    selection.groups = std::move(groups);
  }

  void keep_structure() {
    const bool is_whole = scope_ == Scope::Object && !rules_.change_names();
    if (scope_ != Scope::Tree && !is_whole) return;
    choice_.selection.graph = &graph_;
    choice_.selection.root = choice_.part;
  }

  std::map<std::string, std::string> metadata() const {
    std::map<std::string, std::string> merged = rules_.metadata;
    merged.insert(checkpoint_.metadata.begin(), checkpoint_.metadata.end());
    merged.try_emplace("format", "pt");
    return merged;
  }

  // The table has bounded the tensors; a shared one may have been named many times.
  void check_budget() const {
    const Selection& selection = choice_.selection;
    uint64_t bytes = 0;
    for (const SelectedTensor& tensor : selection.tensors)
      if (!checked_add(bytes, selection.written_size(tensor), bytes)) bytes = UINT64_MAX;
    check_limit("output bytes:", bytes, "free_output_bytes", checkpoint_.tensors.output_budget());
  }

  std::vector<Omission> omissions() const {
    const size_t rows = checkpoint_.tensors.tensors().size();
    std::vector<bool> kept(rows, false);
    for (const SelectedTensor& tensor : choice_.selection.tensors) kept[tensor.row] = true;
    if (std::ranges::find(kept, false) == kept.end()) return {};
    const std::vector<Member> top = members(graph_, checkpoint_.root, ModuleView::Everything);
    std::vector<Omission> by_member(top.size());
    for (const NamedTensor& tensor : names_.below(checkpoint_.root, ModuleView::Everything)) {
      const uint32_t row = graph_.index(tensor.node);
      if (kept[row])
        by_member[tensor.top].whole = false;
      else
        add_tensor(by_member[tensor.top], row);
    }
    std::vector<Omission> list;
    for (size_t i = 0; i < top.size(); ++i) {
      if (by_member[i].tensors == 0) continue;
      append_part(by_member[i].key, top[i], true);
      list.push_back(std::move(by_member[i]));
    }
    return list;
  }

  void add_tensor(Omission& omission, uint32_t row) const {
    omission.tensors += 1;
    omission.bytes += byte_count(checkpoint_.tensors.tensors()[row]);
  }

  const Checkpoint& checkpoint_;
  const Graph& graph_;
  const Rules& rules_;
  Scope scope_;
  TensorNames names_;
  Parts parts_;
  Choice choice_;
};

}  // namespace

Choice select(const Checkpoint& checkpoint, const Rules& rules, Scope scope) {
  check_rules(rules);
  return Selector(checkpoint, rules, scope).run();
}

}  // namespace unbrine
