// A folder in which one file is the checkpoint and the others tell about it: config.json,
// tokenizer.json, the state of an optimizer.
#pragma once

#include "formats/folder/folder_files.h"

namespace unbrine {

bool looks_like_one_file(const FolderFiles& folder);

// A note says which file was read.
Content read_one_file(const FolderFiles& folder, Checkpoint& checkpoint);

}  // namespace unbrine
