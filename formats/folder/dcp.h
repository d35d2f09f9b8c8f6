// A DCP checkpoint: a folder of .metadata, which says where each part of each tensor is, and one
// or more __<rank>_<n>.distcp, which hold a torch.save stream for each part.
#pragma once

#include "formats/folder/folder_files.h"

namespace unbrine {

bool looks_like_dcp(const FolderFiles& folder);

// The root is the state dict that was saved, nested as it was. Throws Corrupt for parts that are
// missing, overlap or are not what .metadata says of them.
Content read_dcp(const FolderFiles& folder, Checkpoint& checkpoint);

}  // namespace unbrine
