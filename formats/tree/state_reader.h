// Reads a folder that holds a tree: state.json (schema unbrine.tree/1) and the files of tensors
// that it names.
#pragma once

#include "formats/folder/folder_files.h"

namespace unbrine {

bool looks_like_tree(const FolderFiles& folder);

// The value graph as it was written: convert, inspect and diff then see the same object as in the
// checkpoint that the tree was made from. Throws Corrupt (naming the place in state.json: a value
// that is none, a $ref out of range, a tensor that no file holds), Limit, and what the readers of
// the tensors' files throw.
Content read_tree(const FolderFiles& folder, Checkpoint& checkpoint);

}  // namespace unbrine
