// Which of the selected tensors go to which file: one file for each group, or, where a size is
// asked for, shards as huggingface_hub cuts them, with an index beside them:
//
//     {"metadata":{"total_parameters":6,"total_size":24},
//      "weight_map":{"a.weight":"model-00001-of-00002.safetensors",
//                    "b.weight":"model-00002-of-00002.safetensors"}}
#pragma once

#include "formats/layout.h"

namespace unbrine {

struct Shard {
  uint32_t group;                  // index into Selection::groups
  std::string name;                // of the file
  std::vector<uint32_t> selected;  // indices into Selection::tensors, in their order
};

// The files of all groups, in order; at least one for each. A shard takes tensors in the order of
// the selection until the next would exceed `max_size` bytes (0: no bound). Throws Usage for a
// tensor that is larger.
std::vector<Shard> split_into_shards(const Selection& selection, std::string_view suffix,
                                     uint64_t max_size);

// The selection's metadata and the aliases of tensors that the shard holds, name -> kept name.
// Where the two have a key in common the metadata wins, and a note says so.
std::map<std::string, std::string> shard_metadata(const Selection& selection, const Shard& shard,
                                                  std::vector<std::string>& notes);

// STEM.safetensors.index.json of every group that has more than one file.
std::vector<SideFile> shard_indexes(const Layout& layout, const Selection& selection);

}  // namespace unbrine
