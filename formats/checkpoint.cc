#include "formats/checkpoint.h"

#include <algorithm>

#include "formats/blob/blob_reader.h"
#include "formats/compressed.h"
#include "formats/error.h"
#include "formats/folder/folder.h"
#include "formats/folder/hf_index.h"
#include "formats/foreign.h"
#include "formats/interpret.h"
#include "formats/numpy/npy.h"
#include "formats/pickle_sequence.h"
#include "formats/safetensors/safetensors_reader.h"
#include "formats/tar_kinds.h"
#include "formats/zip_kinds.h"

namespace unbrine {
namespace {

constexpr uint64_t kHeadBytes = 4096;

constexpr CheckpointFormat kCheckpointFormats[] = {
    {.name = "zip", .matches = looks_like_zip_checkpoint, .read = read_zip_checkpoint},
    {.name = "compressed", .matches = looks_like_compressed, .read = read_compressed},
    {.name = "tar", .matches = looks_like_tar, .read = read_tar},
    {.name = "npy", .matches = looks_like_npy, .read = read_npy},
    {.name = "torch-legacy", .matches = looks_like_torch_legacy, .read = read_pickle_sequence},
    {.name = "pickle", .matches = looks_like_bare_pickle, .read = read_pickle_sequence},
    {.name = "safetensors", .matches = looks_like_safetensors, .read = read_safetensors},
};

// A file that two readers take for their own is a trap for one of them.
const CheckpointFormat* only_match(const Probe& probe) {
  const CheckpointFormat* match = nullptr;
  for (const CheckpointFormat& format : kCheckpointFormats) {
    if (!format.matches(probe)) continue;
    if (match != nullptr)
      fail(ErrorCode::Corrupt, "is both ", match->name, " and ", format.name,
           ": two readers would see two different things");
    match = &format;
  }
  return match;
}

}  // namespace

uint64_t Checkpoint::input_bytes() const {
  uint64_t bytes = 0;
  for (const auto& file : files) bytes += file->size();
  return bytes;
}

void Checkpoint::check_unchanged() const {
  for (const auto& file : files) file->check_unchanged();
}

void Checkpoint::cross_check() const {
  for (const auto& check : cross_checks) check();
}

Content read_content(const std::shared_ptr<const Source>& source, Checkpoint& checkpoint) {
  if (source->size() == 0) fail(ErrorCode::Corrupt, "is empty");
  check_limit("containers inside each other:", checkpoint.depth + 1, "max_nesting",
              checkpoint.limits.max_nesting);
  const std::vector<uint8_t> head = source->read_all(0, std::min(kHeadBytes, source->size()));
  const Probe probe{source, head, checkpoint.limits};
  const CheckpointFormat* format = only_match(probe);
  if (format == nullptr) fail_foreign(probe);
  ++checkpoint.depth;
  Content content = format->read(probe, checkpoint);
  --checkpoint.depth;
  return content;
}

void finish_checkpoint(Checkpoint& checkpoint, Content content) {
  keep_loose_storages(checkpoint, checkpoint.graph.resolved(content.root));
  checkpoint.root = checkpoint.graph.resolved(content.root);
  checkpoint.format = std::move(content.format);
}

Checkpoint open_checkpoint(const std::shared_ptr<const Source>& source, const Limits& limits) {
  Checkpoint checkpoint(limits);
  checkpoint.tensors.add_input(source->size());
  checkpoint.files.push_back(source);
  finish_checkpoint(checkpoint, read_content(source, checkpoint));
  return checkpoint;
}

Checkpoint open_checkpoint(const std::filesystem::path& path, const Limits& limits) {
  std::error_code ignored;  // what cannot be looked at is reported by opening it
  if (std::filesystem::is_directory(path, ignored)) return open_folder(path, limits);
  if (looks_like_hf_index(path)) return open_hf_index(path, limits);
  if (looks_like_blob(path)) return open_blob(path, limits);
  return open_checkpoint(std::make_shared<FileSource>(path), limits);
}

}  // namespace unbrine
