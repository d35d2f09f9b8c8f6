#include "formats/folder/zero.h"

#include <algorithm>
#include <map>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/folder/flat_partition.h"
#include "formats/folder/widened_source.h"
#include "formats/folder/zero_files.h"
#include "formats/folder/zero_states.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr std::string_view kModelSuffix = "mp_rank_00_model_states.pt";
constexpr std::string_view kOptimSuffix = "_mp_rank_00_optim_states.pt";

class ZeroReader {
 public:
  ZeroReader(const FolderFiles& folder, Checkpoint& checkpoint)
      : folder_(folder), checkpoint_(checkpoint), table_(checkpoint.tensors) {}

  Content run() {
    const std::vector<std::string> models = folder_.ending_with("_model_states.pt");
    const std::vector<std::string> optims = folder_.ending_with("_optim_states.pt");
    if (models.empty()) fail(ErrorCode::Corrupt, "has no file *_model_states.pt");
    if (optims.empty()) return without_zero(models);
    read_partitions(by_rank(optims, kOptimSuffix));
    read_models(models);
    in_context(quoted(model_files_[0]), [&] { merge(); });
    note_what_is_left_out();
    return {state_dict(), "deepspeed-zero-" + std::to_string(stage())};
  }

 private:
  void note_what_is_left_out() {
    checkpoint_.notes.push_back("the weights are merged from the float32 partitions of " +
                                std::to_string(ranks()) + (ranks() == 1 ? " rank" : " ranks") +
                                "; the state of the optimizer is left out");
    const auto& names = models_[0].names;
    const auto is_missing = [&](const std::string& name) { return !places_.contains(name); };
    const auto first = std::ranges::find_if(names, is_missing);
    if (first == names.end()) return;
    const auto others = std::count_if(first + 1, names.end(), is_missing);
    checkpoint_.notes.push_back(
        "the partitions do not hold " + quoted(*first) +
        (others == 0 ? ""
                     : " and " + std::to_string(others) + (others == 1 ? " other" : " others")) +
        " of the module, which zero_to_fp32.py leaves out too");
  }

  uint64_t stage() const { return partitions_[0].stage; }
  uint64_t ranks() const { return partitions_.size(); }

  Content without_zero(const std::vector<std::string>& models) {
    if (models.size() > 1)
      fail(ErrorCode::Corrupt, "has no file *_optim_states.pt, which hold the weights");
    checkpoint_.notes.push_back("the folder has no partitions of an optimizer; " +
                                quoted(models[0]) + " is read");
    return folder_.read(models[0], checkpoint_);
  }

  void read_partitions(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
      const NodeId root = folder_.read(file, checkpoint_).root;
      in_context(quoted(file), [&] {
        partitions_.push_back(read_partition(checkpoint_, root));
        const ZeroPartition &first = partitions_[0], &last = partitions_.back();
        if (last.ranks != files.size())
          fail(ErrorCode::Corrupt, "tells of ", last.ranks, " ranks, but the folder has ",
               files.size(), " files *_optim_states.pt");
        if (last.stage != first.stage || last.fp32.size() != first.fp32.size())
          fail(ErrorCode::Corrupt, "is of stage ", last.stage, " with ", last.fp32.size(),
               " groups, that of rank 0 of stage ", first.stage, " with ", first.fp32.size());
      });
    }
  }

  // At stage 3 frozen parameters are cut among the ranks as well, so all files are needed.
  void read_models(const std::vector<std::string>& names) {
    const bool by_ranks = stage() == 3;
    model_files_ = by_ranks ? by_rank(names, "_" + std::string(kModelSuffix)) : names;
    if (model_files_.size() != (by_ranks ? ranks() : 1))
      fail(ErrorCode::Corrupt, "has ", model_files_.size(), " files *_model_states.pt, expected ",
           by_ranks ? ranks() : 1, " at stage ", stage());
    if (!by_ranks && names[0] != kModelSuffix)
      fail(ErrorCode::Corrupt, "has ", quoted(names[0]), ", expected ", quoted(kModelSuffix));
    for (const std::string& file : model_files_) {
      const NodeId root = folder_.read(file, checkpoint_).root;
      models_.push_back(
          in_context(quoted(file), [&] { return read_model_state(checkpoint_, root); }));
    }
  }

  void merge() {
    for (const auto& [name, row] : models_[0].buffers) put(name, table_.tensors()[row]);
    for (const auto& [name, shape] : models_[0].frozen_shapes)
      in_context("parameter " + quoted(name), [&] { put(name, frozen(name, shape)); });
    if (stage() == 3)
      merge_cut_params();
    else
      merge_whole_params();
    for (const auto& [name, other] : models_[0].shared) share(name, other);
  }

  // --- Stages 1 and 2: each group is one vector, cut among the ranks wherever it may be ---

  void merge_whole_params() {
    const auto& groups = models_[0].param_shapes;
    if (groups.size() != partitions_[0].fp32.size())
      fail(ErrorCode::Corrupt, "param_shapes has ", groups.size(), " groups, the partitions have ",
           partitions_[0].fp32.size());
    for (size_t group = 0; group < groups.size(); ++group)
      in_context("group " + std::to_string(group), [&] { merge_group(group); });
  }

  void merge_group(size_t group) {
    const auto& shapes = models_[0].param_shapes[group];
    const std::vector<uint64_t> paddings = paddings_of(group, shapes.size());
    std::vector<uint32_t> rows;
    for (const ZeroPartition& partition : partitions_) rows.push_back(partition.fp32[group]);
    const FlatPartition flat(table_, rows);
    uint64_t begin = 0;
    for (size_t i = 0; i < shapes.size(); ++i) {
      const auto& [name, shape] = shapes[i];
      in_context("parameter " + quoted(name), [&] {
        const uint64_t count = checked_elements(shape);
        put(name, join_flat(table_, name, shape, flat.slice(begin, count, 0)));
        begin += count;
        if (!checked_add(begin, paddings[i], begin)) fail(ErrorCode::Corrupt, "its padding");
      });
    }
    require_used(begin, flat.size());
  }

  std::vector<uint64_t> paddings_of(size_t group, size_t params) const {
    if (!partitions_[0].paddings) return std::vector<uint64_t>(params);
    const auto& all = *partitions_[0].paddings;
    const size_t found = group < all.size() ? all[group].size() : 0;
    if (found != params)
      fail(ErrorCode::Corrupt, "param_alignment_paddings has ", found, " numbers for ", params,
           " parameters");
    return all[group];
  }

  // The vector may end with padding, of which writers kept more or less.
  void require_used(uint64_t used, uint64_t available) const {
    const uint64_t unit = 2 * ranks();
    const auto units = [&](uint64_t count) { return count / unit + (count % unit != 0); };
    if (units(used) != units(available))
      fail(ErrorCode::Corrupt, "the parameters take ", used, " elements of the partitions' ",
           available);
  }

  // --- Stage 3: each parameter is cut among the ranks evenly, the last piece padded ---

  uint64_t piece_size(uint64_t count) const { return count / ranks() + (count % ranks() != 0); }

  void merge_cut_params() {
    std::vector<FlatPartition> flats;
    for (const ZeroPartition& partition : partitions_) {
      flats.emplace_back(table_, partition.fp32);
      if (flats.back().ends() != flats[0].ends())
        fail(ErrorCode::Corrupt, "the partitions of rank ", flats.size() - 1,
             " are not as large as those of rank 0");
    }
    uint64_t begin = 0;
    for (const auto& group : models_[0].param_shapes)
      for (const auto& [name, shape] : group)
        in_context("parameter " + quoted(name), [&] {
          put(name, join_pieces(name, shape, flats, begin));
          begin += piece_size(checked_elements(shape));
        });
    if (begin != flats[0].size())
      fail(ErrorCode::Corrupt, "the parameters take ", begin, " elements of each partition's ",
           flats[0].size());
  }

  // `begin` is the same for all ranks.
  Tensor join_pieces(const std::string& name, const std::vector<uint64_t>& shape,
                     const std::vector<FlatPartition>& flats, uint64_t begin) {
    const uint64_t count = checked_elements(shape);
    const uint64_t piece = piece_size(count);
    std::vector<TensorPart> parts;
    uint64_t done = 0;
    for (size_t rank = 0; rank < flats.size() && done < count; ++rank) {
      const uint64_t taken = std::min(piece, count - done);
      std::ranges::move(flats[rank].slice(begin, taken, done), std::back_inserter(parts));
      done += taken;
    }
    return join_flat(table_, name, shape, parts);
  }

  Tensor frozen(const std::string& name, const std::vector<uint64_t>& shape) {
    if (stage() == 3) {
      std::vector<FlatPartition> flats;
      for (const ZeroModelState& model : models_)
        flats.emplace_back(table_, std::vector<uint32_t>{fragment(model, name)});
      return join_pieces(name, shape, flats, 0);
    }
    const Tensor& tensor = table_.tensors()[fragment(models_[0], name)];
    if (tensor.shape != shape)
      fail(ErrorCode::Corrupt, "is frozen, but does not have the shape that is told");
    return tensor;
  }

  static uint32_t fragment(const ZeroModelState& model, const std::string& name) {
    const auto found = model.frozen_fragments.find(name);
    if (found == model.frozen_fragments.end())
      fail(ErrorCode::Corrupt, "is missing in frozen_param_fragments");
    return found->second;
  }

  // --- The state dict ---

  void put(const std::string& name, Tensor tensor) {
    const auto [place, is_new] = places_.emplace(name, names_.size());
    if (!is_new) fail(ErrorCode::Corrupt, "two tensors are called ", quoted(name));
    tensor = as_float32(table_, std::move(tensor));
    names_.push_back(name);
    nodes_.push_back(checkpoint_.graph.add_tensor(table_.add(std::move(tensor))));
  }

  void share(const std::string& name, const std::string& other) {
    const auto found = places_.find(other);
    if (found == places_.end() || name == other) return;
    const NodeId node = nodes_[found->second];
    const auto [place, is_new] = places_.emplace(name, names_.size());
    if (!is_new) fail(ErrorCode::Corrupt, "two tensors are called ", quoted(name));
    names_.push_back(name);
    nodes_.push_back(node);
  }

  NodeId state_dict() {
    Graph& graph = checkpoint_.graph;
    const NodeId root = graph.add_container(NodeKind::Dict);
    for (size_t i = 0; i < names_.size(); ++i) graph.set(root, names_[i], nodes_[i]);
    return root;
  }

  const FolderFiles& folder_;
  Checkpoint& checkpoint_;
  TensorTable& table_;
  std::vector<ZeroPartition> partitions_;  // by rank
  std::vector<std::string> model_files_;
  std::vector<ZeroModelState> models_;  // by rank at stage 3, else one
  std::vector<std::string> names_;
  std::vector<NodeId> nodes_;
  std::map<std::string, size_t> places_;
};

bool has_states(const FolderFiles& folder) {
  return !folder.ending_with("_model_states.pt").empty() ||
         !folder.ending_with("_optim_states.pt").empty();
}

}  // namespace

bool looks_like_zero(const FolderFiles& folder) {
  return has_states(folder) || (folder.has(kZeroLatest) && !folder.folders().empty());
}

Content read_zero(const FolderFiles& folder, Checkpoint& checkpoint) {
  if (has_states(folder)) return ZeroReader(folder, checkpoint).run();
  const std::string tag = zero_step(folder, checkpoint);
  return in_context(quoted(tag), [&] {
    const FolderFiles step(folder.path() / tag);
    return ZeroReader(step, checkpoint).run();
  });
}

}  // namespace unbrine
