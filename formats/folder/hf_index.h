// Shards as transformers and diffusers write them: several checkpoint files, and an index that says
// which tensor is in which:
//
//     {"metadata": {"total_size": 24},
//      "weight_map": {"a.weight": "pytorch_model-00001-of-00002.bin",
//                     "b.weight": "pytorch_model-00002-of-00002.bin"}}
#pragma once

#include "formats/folder/folder_files.h"

namespace unbrine {

bool looks_like_hf_shards(const FolderFiles& folder);

// The shards in the order of their names; the root is a Dict of name -> tensor. Where one folder
// has an index of safetensors and one of pickled shards, the first is read, as from_pretrained
// does. Notes tell of that, of tensors that the index does not name, and of a total size that is
// not what the shards hold. Throws Corrupt for an index that is no such thing, a shard or a tensor
// that is missing, a tensor that is in two shards, Unsupported for several indexes of one kind.
Content read_hf_shards(const FolderFiles& folder, Checkpoint& checkpoint);

// True for a file that begins as an index does. Cheap; never throws.
bool looks_like_hf_index(const std::filesystem::path& file);

// The same by the index itself: shards are looked for beside it.
Checkpoint open_hf_index(const std::filesystem::path& file, const Limits& limits);

}  // namespace unbrine
