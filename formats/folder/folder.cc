#include "formats/folder/folder.h"

#include "formats/error.h"
#include "formats/folder/dcp.h"
#include "formats/folder/hf_index.h"
#include "formats/folder/one_file.h"
#include "formats/folder/zero.h"
#include "formats/tree/state_reader.h"

namespace unbrine {
namespace {

constexpr FolderKind kFolderKinds[] = {
    {.name = "tree", .matches = looks_like_tree, .read = read_tree, .is_whole = true},
    {.name = "hf-shards", .matches = looks_like_hf_shards, .read = read_hf_shards},
    {.name = "torch-dcp", .matches = looks_like_dcp, .read = read_dcp},
    {.name = "one file", .matches = looks_like_one_file, .read = read_one_file, .gives_way = true},
    {.name = "deepspeed-zero", .matches = looks_like_zero, .read = read_zero, .gives_way = true},
};

const FolderKind& kind_of(const FolderFiles& folder, Checkpoint& checkpoint) {
  const FolderKind* match = nullptr;
  for (const FolderKind& kind : kFolderKinds) {
    if (!kind.matches(folder)) continue;
    if (match == nullptr && kind.is_whole) return kind;
    if (match == nullptr)
      match = &kind;
    else if (!kind.gives_way)
      fail(ErrorCode::Corrupt, "is both ", match->name, " and ", kind.name,
           ": two readers would see two different things");
    else
      checkpoint.notes.push_back("the folder is read as " + std::string(match->name) +
                                 "; that it also fits " + std::string(kind.name) + " is ignored");
  }
  if (match == nullptr)
    fail(ErrorCode::Unsupported, "is a folder that is no checkpoint itself: it holds ",
         folder.description(), "; name one of its files");
  return *match;
}

}  // namespace

Checkpoint open_folder(const std::filesystem::path& path, const Limits& limits) {
  const FolderFiles folder(path);
  Checkpoint checkpoint(limits);
  Content content = kind_of(folder, checkpoint).read(folder, checkpoint);
  finish_checkpoint(checkpoint, std::move(content));
  return checkpoint;
}

}  // namespace unbrine
