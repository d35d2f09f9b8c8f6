#include "formats/folder/one_file.h"

#include <algorithm>
#include <optional>

#include "formats/text.h"

namespace unbrine {
namespace {

// The names by which libraries find a model's weights, in the order in which from_pretrained looks.
constexpr std::string_view kWeightFiles[] = {"model.safetensors",
                                             "pytorch_model.bin",
                                             "diffusion_pytorch_model.safetensors",
                                             "diffusion_pytorch_model.bin",
                                             "adapter_model.safetensors",
                                             "adapter_model.bin"};

constexpr std::string_view kSuffixes[] = {".safetensors", ".bin", ".pt",  ".pth",     ".ckpt",
                                          ".pkl",         ".tar", ".npz", ".pdparams"};

// What a trainer writes beside the weights.
constexpr std::string_view kBeside[] = {"training_args.bin", "optimizer.", "scheduler.",
                                        "scaler.",           "rng_state",  "random_states"};

bool may_be_checkpoint(std::string_view name) {
  return std::ranges::any_of(kSuffixes, [&](auto suffix) { return name.ends_with(suffix); }) &&
         std::ranges::none_of(kBeside, [&](auto start) { return name.starts_with(start); });
}

std::optional<std::string> weight_file(const FolderFiles& folder) {
  for (const std::string_view name : kWeightFiles)
    if (folder.has(name)) return std::string(name);
  const auto first = std::ranges::find_if(folder.files(), may_be_checkpoint);
  if (first == folder.files().end()) return std::nullopt;
  const bool only = std::none_of(first + 1, folder.files().end(), may_be_checkpoint);
  return only ? std::optional(*first) : std::nullopt;
}

}  // namespace

// Shards that want an index, and what each rank wrote, are the parts of something else.
bool looks_like_one_file(const FolderFiles& folder) {
  const bool in_parts = !folder.ending_with(".index.json").empty() || folder.has(".metadata") ||
                        !folder.ending_with("_states.pt").empty();
  return !in_parts && weight_file(folder).has_value();
}

Content read_one_file(const FolderFiles& folder, Checkpoint& checkpoint) {
  const std::string file = *weight_file(folder);
  checkpoint.notes.push_back("of the folder, " + quoted(file) + " is read");
  return folder.read(file, checkpoint);
}

}  // namespace unbrine
