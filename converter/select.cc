#include "converter/select.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/object_view.h"
#include "formats/tensor_names.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// Where training scripts keep the weights, the most telling names first.
constexpr std::string_view kWeightKeys[] = {
    "state_dict", "model_state_dict", "module_state_dict", "model_state", "net_state_dict",
    "model",      "module",           "module_",           "net",         "network",
    "generator",  "params",           "weights",
};

constexpr std::string_view kEmaKeys[] = {
    "state_dict_ema",
    "ema_state_dict",
    "model_ema_state_dict",
    "model_ema",
    "ema_model",
    "params_ema",
    "g_ema",
    "ema",
};

// A part of the checkpoint: where it is and what it is called from the root.
struct Part {
  NodeId node;
  std::string path;
  std::string last;  // the path's last part
};

class Selector {
 public:
  explicit Selector(const Checkpoint& checkpoint)
      : checkpoint_(checkpoint),
        graph_(checkpoint.graph),
        names_(checkpoint.graph, checkpoint.root, checkpoint.limits) {}

  Choice run(const std::string& wanted) const {
    const Part whole{checkpoint_.root, "", ""};
    const bool everything = wanted == "all";
    const Part part = everything ? whole : part_for(whole, wanted);
    const ModuleView view = everything ? ModuleView::Everything : ModuleView::StateDict;
    Choice choice = make_choice(part, view);
    choice.left_out = omissions(choice.selection);
    return choice;
  }

 private:
  Part part_for(const Part& whole, const std::string& wanted) const {
    if (wanted.empty()) return weights_of(whole);
    if (wanted == "ema") return weights_of(ema_of(whole));
    return part_at(wanted);
  }

  // The whole object if it is a module, else what a customary key holds, else again the whole.
  Part weights_of(const Part& part) const {
    if (is_module(graph_, part.node)) return part;
    return customary(part, kWeightKeys).value_or(part);
  }

  Part ema_of(const Part& whole) const {
    if (const auto part = customary(whole, kEmaKeys)) return *part;
    fail(ErrorCode::Usage, "--select ema: none of the customary keys (", std::string(kEmaKeys[0]),
         ", ", std::string(kEmaKeys[3]), ", ...) holds tensors; ", keys_of(whole.node));
  }

  template <size_t Count>
  std::optional<Part> customary(const Part& part, const std::string_view (&keys)[Count]) const {
    const std::vector<Member> all = members(graph_, part.node, ModuleView::Everything);
    for (const std::string_view key : keys)
      for (const Member& member : all)
        if (is_key(member, key) && holds_tensors(member.value)) return child(part, member);
    return std::nullopt;
  }

  static bool is_key(const Member& member, std::string_view key) {
    return member.part == Member::Part::Text && member.text == key;
  }

  // A container of tensors; a tensor that happens to be called "model" is no model.
  bool holds_tensors(NodeId node) const { return !is_tensor(node) && names_.any_below(node); }

  bool is_tensor(NodeId node) const {
    return graph_.is(node, NodeKind::Tensor) || graph_.is(node, NodeKind::Composite);
  }

  static Part child(const Part& part, const Member& member) {
    Part result{member.value, part.path, ""};
    append_part(result.last, member, true);
    append_part(result.path, member, part.path.empty());
    return result;
  }

  // Keys may hold dots themselves, so every member that starts the rest of the path is tried, in
  // the order of the file.
  Part part_at(const std::string& wanted) const {
    std::vector<Part> open = {{checkpoint_.root, "", ""}};
    while (!open.empty()) {
      const Part part = std::move(open.back());
      open.pop_back();
      if (part.path == wanted) return part;
      std::vector<Part> next;
      for (const Member& member : members(graph_, part.node, ModuleView::Everything)) {
        Part below = child(part, member);
        if (below.path == wanted || wanted.starts_with(below.path + "."))
          next.push_back(std::move(below));
      }
      open.insert(open.end(), next.rbegin(), next.rend());
    }
    fail(ErrorCode::Usage, "--select: there is nothing at ", quoted(wanted), "; ",
         keys_of(checkpoint_.root));
  }

  std::string keys_of(NodeId node) const {
    constexpr size_t kShown = 12;
    std::string list;
    const std::vector<Member> all = members(graph_, node, ModuleView::Everything);
    for (size_t i = 0; i < std::min(all.size(), kShown); ++i) {
      std::string key;
      append_part(key, all[i], true);
      list += (i == 0 ? "" : ", ") + quoted(key);
    }
    if (all.empty()) return "the checkpoint has no keys";
    return "the checkpoint has " + list + (all.size() > kShown ? ", ..." : "");
  }

  Choice make_choice(const Part& part, ModuleView view) const {
    std::vector<NamedTensor> found = names_.below(part.node, view);
    std::vector<std::string> names;
    for (NamedTensor& tensor : found) names.push_back(std::move(tensor.name));
    if (graph_.is(part.node, NodeKind::Tensor) && !part.last.empty()) names[0] = part.last;
    Choice choice;
    choice.root = part.path;
    for (const ChangedName& change : make_names_writable(names))
      choice.notes.push_back("name " + quoted(change.original) + " is written as " +
                             quoted(names[change.index]));
    for (size_t i = 0; i < found.size(); ++i)
      choice.selection.tensors.push_back({std::move(names[i]), graph_.index(found[i].node)});
    choice.selection.table = &checkpoint_.tensors;
    choice.selection.metadata = checkpoint_.metadata;
    choice.selection.metadata.try_emplace("format", "pt");
    check_budget(choice.selection);
    return choice;
  }

  // The table has bounded the tensors; a shared one may have been named many times.
  void check_budget(const Selection& selection) const {
    uint64_t bytes = 0;
    for (const SelectedTensor& tensor : selection.tensors)
      if (!checked_add(bytes, byte_count(selection.tensor(tensor)), bytes)) bytes = UINT64_MAX;
    check_limit("output bytes:", bytes, "free_output_bytes", checkpoint_.tensors.output_budget());
  }

  std::vector<Omission> omissions(const Selection& selection) const {
    std::unordered_set<uint32_t> kept;
    for (const SelectedTensor& tensor : selection.tensors) kept.insert(tensor.row);
    if (kept.size() == checkpoint_.tensors.tensors().size()) return {};
    const std::vector<Member> top = members(graph_, checkpoint_.root, ModuleView::Everything);
    std::vector<Omission> by_member(top.size());
    for (const NamedTensor& tensor : names_.below(checkpoint_.root, ModuleView::Everything)) {
      const uint32_t row = graph_.index(tensor.node);
      if (kept.contains(row))
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
  TensorNames names_;
};

}  // namespace

Choice select(const Checkpoint& checkpoint, const Rules& rules) {
  return Selector(checkpoint).run(rules.select);
}

}  // namespace unbrine
