// How DeepSpeed names the files of a ZeRO checkpoint.
#pragma once

#include <string>
#include <vector>

#include "formats/folder/folder_files.h"

namespace unbrine {

inline constexpr std::string_view kZeroLatest = "latest";

// The names in the order of the ranks in them: "zero_pp_rank_12" and `suffix`, or with "bf16_" or
// "fp16_" before that. Throws Corrupt if a rank is missing or there twice, Unsupported for other
// names.
std::vector<std::string> by_rank(const std::vector<std::string>& names, std::string_view suffix);

// The folder that `latest` names, which is one of this folder. Throws Corrupt.
std::string zero_step(const FolderFiles& folder, Checkpoint& checkpoint);

}  // namespace unbrine
