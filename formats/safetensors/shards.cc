#include "formats/safetensors/shards.h"

#include <set>

#include "formats/error.h"
#include "formats/json.h"
#include "formats/text.h"

namespace unbrine {
namespace {

using Parts = std::vector<std::vector<uint32_t>>;

void check_fits(const SelectedTensor& tensor, uint64_t size, uint64_t max_size) {
  if (size > max_size)
    fail(ErrorCode::Usage, "tensor ", quoted(tensor.name), " has ", size,
         " bytes, more than a shard of at most ", max_size, " can take");
}

// Tensors of one group, cut where the next would be too much.
Parts cut(const Selection& selection, uint32_t first, uint32_t last, uint64_t max_size) {
  Parts parts(1);
  uint64_t filled = 0;
  for (uint32_t i = first; i < last; ++i) {
    const uint64_t size = selection.written_size(selection.tensors[i]);
    if (max_size != 0) {
      check_fits(selection.tensors[i], size, max_size);
      if (size > max_size - filled) {
        parts.emplace_back();
        filled = 0;
      }
      filled += size;
    }
    parts.back().push_back(i);
  }
  return parts;
}

std::string five_digits(size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 5 ? 5 - digits.size() : 0, '0') + digits;
}

std::string shard_name(const std::string& stem, size_t index, size_t count,
                       std::string_view suffix) {
  if (count == 1) return stem + std::string(suffix);
  return stem + "-" + five_digits(index + 1) + "-of-" + five_digits(count) + std::string(suffix);
}

// What an index says of one group.
struct GroupFiles {
  std::set<uint32_t> files;
  std::map<std::string_view, uint32_t> file_of;  // by name of the tensor
  uint64_t bytes = 0;
  uint64_t elements = 0;
};

std::vector<GroupFiles> files_by_group(const Layout& layout, const Selection& selection) {
  std::vector<GroupFiles> groups(selection.groups.size());
  for (const Slot& slot : layout.slots) {
    const SelectedTensor& tensor = selection.tensors[slot.selected];
    GroupFiles& group = groups[tensor.group];
    group.files.insert(slot.file);
    group.file_of.emplace(tensor.name, slot.file);
    group.bytes += slot.size;
    group.elements += element_count(selection.tensor(tensor));
  }
  return groups;
}

std::string index_json(const GroupFiles& group, const Layout& layout) {
  JsonWriter json;
  json.begin_object().key("metadata").begin_object();
  json.key("total_parameters").value(group.elements);
  json.key("total_size").value(group.bytes).end_object();
  json.key("weight_map").begin_object();
  for (const auto& [name, file] : group.file_of) json.key(name).value(layout.files[file].name);
  return json.end_object().end_object().take() + "\n";
}

}  // namespace

std::vector<Shard> split_into_shards(const Selection& selection, std::string_view suffix,
                                     uint64_t max_size) {
  std::vector<Shard> shards;
  uint32_t first = 0;
  for (uint32_t group = 0; group < selection.groups.size(); ++group) {
    uint32_t last = first;
    while (last < selection.tensors.size() && selection.tensors[last].group == group) ++last;
    Parts parts = cut(selection, first, last, max_size);
    const std::string& stem = selection.groups[group].stem;
    for (size_t i = 0; i < parts.size(); ++i)
      shards.push_back({group, shard_name(stem, i, parts.size(), suffix), std::move(parts[i])});
    first = last;
  }
  return shards;
}

std::map<std::string, std::string> shard_metadata(const Selection& selection, const Shard& shard,
                                                  std::vector<std::string>& notes) {
  std::map<std::string, std::string> metadata = selection.metadata;
  const auto& aliases = selection.groups[shard.group].aliases;
  if (aliases.empty()) return metadata;
  std::set<std::string_view> held;
  for (const uint32_t i : shard.selected) held.insert(selection.tensors[i].name);
  for (const auto& [name, kept] : aliases)
    if (held.contains(kept) && !metadata.emplace(name, kept).second)
      notes.push_back("that " + quoted(name) + " is an alias of " + quoted(kept) +
                      " is not recorded: the metadata has another value of that name");
  return metadata;
}

std::vector<SideFile> shard_indexes(const Layout& layout, const Selection& selection) {
  std::vector<SideFile> indexes;
  const std::vector<GroupFiles> groups = files_by_group(layout, selection);
  for (size_t i = 0; i < groups.size(); ++i)
    if (groups[i].files.size() > 1)
      indexes.push_back(
          {selection.groups[i].stem + ".safetensors.index.json", index_json(groups[i], layout)});
  return indexes;
}

}  // namespace unbrine
