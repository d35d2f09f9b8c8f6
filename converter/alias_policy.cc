#include "converter/alias_policy.h"

#include <algorithm>
#include <compare>
#include <numeric>

#include "formats/error.h"
#include "formats/text.h"
#include "formats/view_key.h"

namespace unbrine {
namespace {

// Equal for tensors of a group whose bytes would be written twice.
struct WrittenView {
  uint32_t group;
  ViewKey view;
  DType dtype;
  size_t tensor;  // index into Selection::tensors

  auto content() const { return std::tie(group, view, dtype); }
};

// Sorted, so that those of one content stand together, in the order of the selection.
std::vector<WrittenView> written_views(const Selection& selection) {
  std::vector<WrittenView> views;
  for (size_t i = 0; i < selection.tensors.size(); ++i) {
    const SelectedTensor& selected = selection.tensors[i];
    const Tensor& tensor = selection.tensor(selected);
    if (byte_count(tensor) == 0) continue;
    views.push_back(
        {selected.group, view_key(*selection.table, tensor), selection.written_dtype(selected), i});
  }
  std::ranges::sort(views, [](const WrittenView& a, const WrittenView& b) {
    return a.content() != b.content() ? a.content() < b.content() : a.tensor < b.tensor;
  });
  return views;
}

// Calls `visit` with each run of two or more tensors that have one content.
template <class Visit>
void for_each_alias_set(const std::vector<WrittenView>& views, Visit visit) {
  for (auto begin = views.begin(); begin != views.end();) {
    const auto end = std::find_if(begin, views.end(), [&](const WrittenView& view) {
      return view.content() != begin->content();
    });
    if (end - begin > 1) visit(std::span(begin, end));
    begin = end;
  }
}

// The first pair in the order of the selection.
void refuse_aliases(const Selection& selection, const std::vector<WrittenView>& views) {
  size_t first = SIZE_MAX;
  size_t second = SIZE_MAX;
  for_each_alias_set(views, [&](std::span<const WrittenView> set) {
    if (set[0].tensor > first) return;
    first = set[0].tensor;
    second = set[1].tensor;
  });
  if (first == SIZE_MAX) return;
  fail(ErrorCode::Usage, "--aliases error: ", quoted(selection.tensors[first].name), " and ",
       quoted(selection.tensors[second].name), " are the same view of one storage");
}

void move_dropped(Selection& selection, const std::vector<bool>& dropped) {
  std::vector<SelectedTensor> kept;
  for (size_t i = 0; i < dropped.size(); ++i)
    (dropped[i] ? selection.aliased : kept).push_back(std::move(selection.tensors[i]));
  selection.tensors = std::move(kept);
}

void keep_one(Selection& selection, const std::vector<WrittenView>& views) {
  std::vector<bool> dropped(selection.tensors.size(), false);
  const auto name_of = [&](const WrittenView& view) -> const std::string& {
    return selection.tensors[view.tensor].name;
  };
  for_each_alias_set(views, [&](std::span<const WrittenView> set) {
    const WrittenView& kept = *std::ranges::min_element(set, {}, name_of);
    for (const WrittenView& view : set) {
      if (view.tensor == kept.tensor) continue;
      selection.groups[view.group].aliases.emplace(name_of(view), name_of(kept));
      dropped[view.tensor] = true;
    }
  });
  move_dropped(selection, dropped);
}

}  // namespace

void apply_aliases(Selection& selection, Aliases policy) {
  if (policy == Aliases::Copy) return;
  const std::vector<WrittenView> views = written_views(selection);
  if (policy == Aliases::Error) return refuse_aliases(selection, views);
  keep_one(selection, views);
}

}  // namespace unbrine
