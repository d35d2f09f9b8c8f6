// A checkpoint that is a folder: shards and an index, or what each rank of a job wrote. Which kind
// it is, is told by the names of its files alone.
#pragma once

#include <filesystem>

#include "formats/checkpoint.h"
#include "formats/folder/folder_files.h"

namespace unbrine {

struct FolderKind {
  std::string_view name;
  bool (*matches)(const FolderFiles& folder);  // by names; never throws
  Content (*read)(const FolderFiles& folder, Checkpoint& checkpoint);
  // May lie beside a kind of an earlier row, which is then the one that is read.
  bool gives_way = false;
  bool is_whole = false;  // what later rows would find in the folder are its parts
};

// Nothing outside the folder is opened, whatever its files say, but links in it are read through.
// Throws Io, Unsupported (no kind fits: what the folder holds, and what to do), Corrupt (two kinds
// fit), and what the readers throw.
Checkpoint open_folder(const std::filesystem::path& path, const Limits& limits);

}  // namespace unbrine
