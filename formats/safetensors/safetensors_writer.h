// Lays out safetensors files, each byte for byte as safetensors.torch.save_file would write it.
#pragma once

#include "formats/layout.h"

namespace unbrine {

// One file for each group, or shards. Throws Limit if a header would exceed max_header_bytes, Usage
// for a tensor that no shard can take.
Layout safetensors_layout(const Selection& selection, const WriteOptions& options);

// The indexes of groups that are sharded.
std::vector<SideFile> safetensors_side_files(const Layout& layout, const Selection& selection,
                                             std::span<const std::string> digests);

// The shape as a header gives it: complex numbers without a dtype of their own get a dimension for
// their two parts, packed halves of bytes count as two. Throws Unsupported if that wraps.
std::vector<uint64_t> safetensors_shape(const Tensor& tensor);

// The same of a tensor as it is written, which may be cast.
std::vector<uint64_t> safetensors_shape(const Selection& selection, const SelectedTensor& selected);

}  // namespace unbrine
