#include "converter/part.h"

#include <algorithm>

#include "formats/error.h"
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

bool is_key(const Member& member, std::string_view key) {
  return member.part == Member::Part::Text && member.text == key;
}

Part child(const Part& part, const Member& member, bool of_root) {
  Part result{member.value, part.path, ""};
  append_part(result.last, member, true);
  append_part(result.path, member, of_root);
  return result;
}

}  // namespace

Part Parts::selected(const std::string& wanted) const {
  if (wanted.empty()) return weights();
  if (wanted == "all") return whole();
  if (wanted == "ema") return weights_of(moving_average());
  return at(wanted);
}

Part Parts::weights_of(const Part& part) const {
  if (is_module(graph_, part.node)) return part;
  Part found = customary(part, kWeightKeys);
  return found.node == kNoNode ? part : found;
}

Part Parts::moving_average() const {
  Part found = customary(whole(), kEmaKeys);
  if (found.node != kNoNode) return found;
  fail(ErrorCode::Usage, "--select ema: none of the customary keys (", kEmaKeys[0], ", ",
       kEmaKeys[3], ", ...) holds tensors; ", keys_of_root());
}

Part Parts::customary(const Part& part, std::span<const std::string_view> keys) const {
  const std::vector<Member> all = members(graph_, part.node, ModuleView::Everything);
  for (const std::string_view key : keys)
    for (const Member& member : all)
      if (is_key(member, key) && holds_tensors(member.value))
        return child(part, member, part.path.empty());
  return {kNoNode, "", ""};
}

// A container of tensors; a tensor that happens to be called "model" is no model.
bool Parts::holds_tensors(NodeId node) const {
  return !graph_.is(node, NodeKind::Tensor) && !graph_.is(node, NodeKind::Composite) &&
         names_.any_below(node);
}

// Keys may hold dots themselves, so every member that starts the rest of the path is tried, in the
// order of the file.
Part Parts::at(const std::string& path) const {
  std::vector<Part> open = {whole()};
  bool of_root = true;  // not told by an empty path: a key may be empty too
  while (!open.empty()) {
    Part part = std::move(open.back());
    open.pop_back();
    if (part.path == path) return part;
    std::vector<Part> next;
    for (const Member& member : members(graph_, part.node, ModuleView::Everything)) {
      Part below = child(part, member, of_root);
      if (below.path == path || path.starts_with(below.path + "."))
        next.push_back(std::move(below));
    }
    open.insert(open.end(), next.rbegin(), next.rend());
    of_root = false;
  }
  fail(ErrorCode::Usage, "--select: there is nothing at ", quoted(path), "; ", keys_of_root());
}

std::string Parts::keys_of_root() const {
  constexpr size_t kShown = 12;
  std::string list;
  const std::vector<Member> all = members(graph_, checkpoint_.root, ModuleView::Everything);
  for (size_t i = 0; i < std::min(all.size(), kShown); ++i) {
    std::string key;
    append_part(key, all[i], true);
    list += (i == 0 ? "" : ", ") + quoted(key);
  }
  if (all.empty()) return "the checkpoint has no keys";
  return "the checkpoint has " + list + (all.size() > kShown ? ", ..." : "");
}

}  // namespace unbrine
