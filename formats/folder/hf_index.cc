#include "formats/folder/hf_index.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "formats/error.h"
#include "formats/json_document.h"
#include "formats/pickle/value_reader.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kHeadBytes = 4096;

struct ShardIndex {
  std::map<std::string, std::string> files;  // by name of the tensor
  std::optional<double> total_size;          // bytes; some writers wrote a float
};

std::map<std::string, std::string> read_weight_map(const JsonValue& map, const Limits& limits) {
  std::map<std::string, std::string> files;
  for (const JsonField& field : map.fields()) {
    check_limit("tensors:", files.size() + 1, "max_tensors", limits.max_tensors);
    files.emplace(field.key, in_context(quoted(field.key), [&] { return field.value.text(); }));
  }
  return files;
}

ShardIndex read_index(const Source& source, const Limits& limits) {
  const JsonDocument document(source, limits.max_header_bytes);
  const JsonValue root = document.root();
  const JsonValue map = root.its("weight_map");
  ShardIndex index;
  index.files = in_context("weight_map", [&] { return read_weight_map(map, limits); });
  if (const auto metadata = root.find("metadata"); metadata && metadata->is_object())
    if (const auto total = metadata->find("total_size"))
      index.total_size = in_context("total_size", [&] { return total->number(); });
  return index;
}

class ShardReader {
 public:
  ShardReader(const FolderFiles& folder, const ShardIndex& index, Checkpoint& checkpoint)
      : folder_(folder), index_(index), checkpoint_(checkpoint) {}

  Content run() {
    const NodeId root = checkpoint_.graph.add_container(NodeKind::Dict);
    std::set<std::string> shards;
    for (const auto& [name, file] : index_.files) shards.insert(file);
    std::string format;
    for (const std::string& file : shards) format = read_shard(file, root);
    require_all();
    note_unnamed();
    note_total_size();
    return {root, format.empty() ? "hf-shards" : "hf-shards+" + format};
  }

 private:
  std::string read_shard(const std::string& file, NodeId root) {
    const Content content = folder_.read(file, checkpoint_);
    in_context(quoted(file), [&] {
      const ValueReader values(checkpoint_.graph, checkpoint_.limits);
      for (const auto& [name, node] : values.entries(content.root, "the shard"))
        add(name, node, file, root);
    });
    return content.format;
  }

  void add(const std::string& name, NodeId node, const std::string& file, NodeId root) {
    const auto [place, is_new] = found_.emplace(name, file);
    if (!is_new)
      fail(ErrorCode::Corrupt, "tensor ", quoted(name), " is also in ", quoted(place->second));
    const auto wanted = index_.files.find(name);
    if (wanted == index_.files.end())
      unnamed_.push_back(name);
    else if (wanted->second != file)
      fail(ErrorCode::Corrupt, "tensor ", quoted(name), " should be in ", quoted(wanted->second),
           " by the index");
    checkpoint_.graph.set(root, name, node);
    account(checkpoint_.graph.resolved(node));
  }

  void account(NodeId node) {
    if (!checkpoint_.graph.is(node, NodeKind::Tensor)) return;
    const Tensor& tensor = checkpoint_.tensors.tensors()[checkpoint_.graph.index(node)];
    const uint64_t bytes = byte_count(tensor);
    all_bytes_ += static_cast<double>(bytes);
    if (storages_.insert(tensor.storage).second) distinct_bytes_ += static_cast<double>(bytes);
  }

  void require_all() const {
    for (const auto& [name, file] : index_.files)
      if (!found_.contains(name))
        fail(ErrorCode::Corrupt, quoted(file), ": has no tensor ", quoted(name),
             ", which the index says it has");
  }

  void note_unnamed() {
    if (unnamed_.empty()) return;
    checkpoint_.notes.push_back("the index does not name " + quoted(unnamed_.front()) +
                                (unnamed_.size() == 1 ? "" : " and others") +
                                ", found in the shards; kept");
  }

  // Writers counted tensors that share a storage once or each time.
  void note_total_size() {
    if (!index_.total_size) return;
    const double total = *index_.total_size;
    if (total == all_bytes_ || total == distinct_bytes_) return;
    const std::string told =
        total >= 0 && total < 0x1p63 ? std::to_string(static_cast<uint64_t>(total)) : "?";
    checkpoint_.notes.push_back("the index tells a total size of " + told +
                                " bytes, the tensors have " +
                                std::to_string(static_cast<uint64_t>(all_bytes_)));
  }

  const FolderFiles& folder_;
  const ShardIndex& index_;
  Checkpoint& checkpoint_;
  std::map<std::string, std::string> found_;  // file by name
  std::vector<std::string> unnamed_;
  std::set<uint32_t> storages_;
  double all_bytes_ = 0;  // doubles, as the sums in an index may be
  double distinct_bytes_ = 0;
};

Content read_by_index(const FolderFiles& folder, std::string_view file, Checkpoint& checkpoint) {
  const std::shared_ptr<const Source> source = folder.open(file, checkpoint);
  const ShardIndex index =
      in_context(quoted(file), [&] { return read_index(*source, checkpoint.limits); });
  return ShardReader(folder, index, checkpoint).run();
}

// Names with a variant, as in "model.safetensors.index.fp16.json", belong to a second model.
std::vector<std::string> indexes(const FolderFiles& folder, bool safetensors) {
  return folder.ending_with(safetensors ? ".safetensors.index.json" : ".bin.index.json");
}

}  // namespace

bool looks_like_hf_shards(const FolderFiles& folder) {
  return !indexes(folder, true).empty() || !indexes(folder, false).empty();
}

Content read_hf_shards(const FolderFiles& folder, Checkpoint& checkpoint) {
  const std::vector<std::string> preferred = indexes(folder, true);
  const std::vector<std::string> pickled = indexes(folder, false);
  const std::vector<std::string>& found = preferred.empty() ? pickled : preferred;
  if (found.size() > 1)
    fail(ErrorCode::Unsupported, "has several indexes (", quoted(found[0]), ", ", quoted(found[1]),
         "): name the one to read");
  if (!preferred.empty() && !pickled.empty())
    checkpoint.notes.push_back("of two indexes " + quoted(found[0]) + " is read; name " +
                               quoted(pickled[0]) + " for the other");
  return read_by_index(folder, found[0], checkpoint);
}

bool looks_like_hf_index(const fs::path& file) {
  try {
    const FileSource source(file);
    const std::vector<uint8_t> head = source.read_all(0, std::min(kHeadBytes, source.size()));
    const std::string_view text = as_text(head);
    const size_t start = text.find_first_not_of(" \t\r\n");
    return start != std::string_view::npos && text[start] == '{' &&
           text.find("\"weight_map\"") != std::string_view::npos;
  } catch (const Error&) {
    return false;
  }
}

Checkpoint open_hf_index(const fs::path& file, const Limits& limits) {
  const fs::path folder = file.parent_path();
  Checkpoint checkpoint(limits);
  Content content = read_by_index(FolderFiles(folder.empty() ? "." : folder),
                                  file.filename().native(), checkpoint);
  finish_checkpoint(checkpoint, std::move(content));
  return checkpoint;
}

}  // namespace unbrine
