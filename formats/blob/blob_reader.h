// Reads a blob (blob_writer.h) strictly: by its index, or by the blob with the index beside it.
#pragma once

#include <filesystem>

#include "formats/folder/folder_files.h"

namespace unbrine {

// True for NAME.blob.json that begins as an index does, and for NAME.blob with such a file beside
// it. Cheap; never throws.
bool looks_like_blob(const std::filesystem::path& file);

// The graph is one Dict of name -> Tensor in the order of the index. Throws Io, Corrupt, Limit,
// Unsupported.
Checkpoint open_blob(const std::filesystem::path& file, const Limits& limits);

// The same of a folder's file NAME.blob.json, as a part of something else.
Content read_blob(const FolderFiles& folder, std::string_view index_file, Checkpoint& checkpoint);

}  // namespace unbrine
