#include "converter/placement.h"

#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "formats/view_key.h"

namespace unbrine {
namespace {

constexpr uint32_t kNowhere = UINT32_MAX;

// By index into Selection::tensors, the file of its slot.
std::vector<uint32_t> files_of(const Layout& layout, const Selection& selection) {
  std::vector<uint32_t> files(selection.tensors.size(), kNowhere);
  for (const Slot& slot : layout.slots) files[slot.selected] = slot.file;
  for (const SharedSlot& shared : layout.shared)
    files[shared.selected] = layout.slots[shared.slot].file;
  return files;
}

}  // namespace

std::vector<std::string> alias_names(const Layout& layout, const Selection& selection) {
  std::map<std::tuple<uint32_t, DType, ViewKey>, uint32_t> first;
  std::vector<std::string> names(selection.tensors.size());
  for (const Slot& slot : layout.slots) {
    if (slot.size == 0) continue;
    const SelectedTensor& selected = selection.tensors[slot.selected];
    const auto [found, is_new] =
        first.try_emplace({slot.file, selection.written_dtype(selected),
                           view_key(*selection.table, selection.tensor(selected))},
                          slot.selected);
    if (!is_new) names[slot.selected] = selection.tensors[found->second].name;
  }
  for (const SharedSlot& shared : layout.shared)
    names[shared.selected] = selection.tensors[layout.slots[shared.slot].selected].name;
  return names;
}

std::vector<TensorPlace> tensor_places(const Layout& layout, const Selection& selection) {
  const std::vector<uint32_t> files = files_of(layout, selection);
  const std::vector<std::string> aliases = alias_names(layout, selection);
  std::vector<TensorPlace> places(selection.table->tensors().size());
  for (size_t i = 0; i < files.size(); ++i) {
    TensorPlace& place = places[selection.tensors[i].row];
    if (files[i] == kNowhere || !place.file.empty()) continue;
    place = {layout.files[files[i]].name, selection.tensors[i].name, aliases[i]};
  }
  if (selection.aliased.empty()) return places;
  std::map<std::pair<uint32_t, std::string_view>, size_t> by_name;
  for (size_t i = 0; i < files.size(); ++i)
    by_name[{selection.tensors[i].group, selection.tensors[i].name}] = i;
  for (const SelectedTensor& aliased : selection.aliased) {
    TensorPlace& place = places[aliased.row];
    const std::string& kept = selection.groups[aliased.group].aliases.at(aliased.name);
    const uint32_t file = files[by_name.at({aliased.group, kept})];
    if (place.file.empty()) place = {layout.files[file].name, aliased.name, kept};
  }
  return places;
}

}  // namespace unbrine
