#include "formats/nemo.h"

#include <algorithm>
#include <functional>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kConfig = "model_config.yaml";

bool is_weights(const ArchiveEntry& entry) { return entry.name.ends_with(".ckpt"); }

void note_the_rest(const Archive& archive, Checkpoint& checkpoint) {
  const auto others = std::ranges::count_if(archive.entries, std::not_fn(is_weights)) - 1;
  std::string note(kConfig);
  if (others > 0)
    note += " and " + std::to_string(others) + (others == 1 ? " other file" : " other files");
  note += others > 0 ? " of the .nemo archive are" : " of the .nemo archive is";
  checkpoint.notes.push_back(note + " not carried over");
}

Content read_weights(const Archive& archive, const ArchiveEntry& entry, Checkpoint& checkpoint) {
  const auto bytes = archive.open(entry, checkpoint.limits, checkpoint.inflated_bytes);
  return in_context(quoted(entry.name), [&] { return read_content(bytes, checkpoint); });
}

}  // namespace

bool is_nemo(const Archive& archive) {
  return archive.find(kConfig) != nullptr && std::ranges::any_of(archive.entries, is_weights);
}

Content read_nemo(const Archive& archive, Checkpoint& checkpoint) {
  note_the_rest(archive, checkpoint);
  if (std::ranges::count_if(archive.entries, is_weights) == 1) {
    const Content weights =
        read_weights(archive, *std::ranges::find_if(archive.entries, is_weights), checkpoint);
    return {weights.root, "nemo+" + weights.format};
  }
  checkpoint.notes.emplace_back(
      "the .nemo archive holds the weights of several ranks: each keeps its own names");
  Graph& graph = checkpoint.graph;
  const NodeId root = graph.add_container(NodeKind::Dict);
  for (const ArchiveEntry& entry : archive.entries) {
    if (!is_weights(entry)) continue;
    graph.set(root, entry.name, read_weights(archive, entry, checkpoint).root);
  }
  return {root, "nemo"};
}

}  // namespace unbrine
