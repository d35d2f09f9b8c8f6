// Tensors as they lie in memory: NAME.blob holds each of them, row-major and little endian, at a
// multiple of the alignment, with zeros between; NAME.blob.json (blob_index.h) says what and where
// they are, with digests. Made for O_DIRECT, pinned memory and reads by a GPU.
#pragma once

#include "formats/layout.h"

namespace unbrine {

// One file per group, as long as a multiple of the alignment. Throws Usage for an alignment that is
// no power of two and for a shard size, Limit.
Layout blob_layout(const Selection& selection, const WriteOptions& options);
std::vector<SideFile> blob_side_files(const Layout& layout, const Selection& selection,
                                      std::span<const std::string> digests);

}  // namespace unbrine
