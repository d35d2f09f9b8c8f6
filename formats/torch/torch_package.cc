#include "formats/torch/torch_package.h"

#include <map>
#include <optional>

#include "formats/error.h"
#include "formats/text.h"
#include "formats/torch/torch_archive.h"
#include "formats/torch/torchscript.h"

namespace unbrine {
namespace {

constexpr std::string_view kPickleSuffix = ".pkl";

class PackageReader {
 public:
  explicit PackageReader(TorchArchive& torch) : torch_(torch), graph_(torch.checkpoint().graph) {}

  NodeId read() {
    const size_t first_id = graph_.persistent_ids().size();
    const std::vector<NodeId> objects = read_pickles();
    read_script_modules({first_id, graph_.persistent_ids().size()});
    if (objects.size() == 2) return objects[1];
    const NodeId dict = graph_.add_container(NodeKind::Dict);
    graph_.append(dict, objects.data(), objects.size());
    return dict;
  }

 private:
  // Names and objects in turn.
  std::vector<NodeId> read_pickles() {
    std::vector<NodeId> pairs;
    for (const ArchiveEntry& entry : torch_.entries()) {
      const std::optional<std::string_view> path = pickle_path(entry.name);
      if (!path) continue;
      pairs.push_back(graph_.add_text(NodeKind::String, as_bytes(*path)));
      pairs.push_back(torch_.read_pickle(entry, {".data/", ".storage"}));
    }
    if (pairs.empty()) fail(ErrorCode::Unsupported, "is a torch.package without a pickle");
    return pairs;
  }

  // "model/weights" of "prefix/model/weights.pkl"; none if the entry is not for the user to load.
  std::optional<std::string_view> pickle_path(std::string_view name) const {
    if (!name.ends_with(kPickleSuffix)) return std::nullopt;
    name.remove_prefix(torch_.full_name("").size());
    if (name.starts_with(".data/")) return std::nullopt;
    name.remove_suffix(kPickleSuffix.size());
    return name;
  }

  // --- ('reduce_package', number, unpackage_script_module, ('0',)): .data/ts_code/0/ ---

  void read_script_modules(IndexRange ids) {
    for (size_t i = ids.begin; i < ids.end; ++i) {
      const NodeId node = graph_.persistent_ids()[i];
      const std::optional<std::string> id = script_module_id(node);
      if (!id) continue;
      const auto [module, is_new] = modules_.try_emplace(*id, kNoNode);
      if (is_new) module->second = read_script_module(".data/ts_code/" + *id + "/");
      graph_.become_stream(node, {module->second, "torchscript"});
    }
  }

  std::optional<std::string> script_module_id(NodeId node) const {
    if (!graph_.is(node, NodeKind::PersistentId)) return std::nullopt;
    const std::vector<NodeId> parts = graph_.items(graph_.persistent_id(node)).to_vector();
    if (parts.size() != 4 || !graph_.is(parts[2], NodeKind::Global)) return std::nullopt;
    if (graph_.global(parts[2]).name != "unpackage_script_module") return std::nullopt;
    if (!graph_.is(parts[3], NodeKind::Tuple) || graph_.items(parts[3]).empty())
      return std::nullopt;
    const NodeId id = *graph_.items(parts[3]).begin();
    if (!graph_.is(id, NodeKind::String)) return std::nullopt;
    return std::string(graph_.text(id));
  }

  // Its storages bear their whole names: ('storage', class, '5.storage', ...).
  NodeId read_script_module(const std::string& folder) {
    const ArchiveEntry& data = torch_.require(folder + "data.pkl");
    const ArchiveEntry& more = torch_.require(folder + "constants.pkl");
    const NodeId module = torch_.read_pickle(data, {".data/"});
    require_script_object(graph_, module, data.name);
    const NodeId constants = torch_.read_pickle(more, {".data/"});
    require_tuple(graph_, constants, more.name);
    add_constants(graph_, module, constants);
    return module;
  }

  TorchArchive& torch_;
  Graph& graph_;
  std::map<std::string, NodeId> modules_;  // of TorchScript, by id
};

}  // namespace

Content read_torch_package(const Probe&, const std::shared_ptr<const Archive>& archive,
                           const std::string& prefix, Checkpoint& checkpoint) {
  TorchArchive torch(archive, prefix, checkpoint);
  return {PackageReader(torch).read(), "torch-package"};
}

}  // namespace unbrine
