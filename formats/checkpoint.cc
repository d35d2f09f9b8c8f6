#include "formats/checkpoint.h"

#include <algorithm>

#include "formats/bare_pickle.h"
#include "formats/error.h"
#include "formats/foreign.h"
#include "formats/safetensors/safetensors_reader.h"
#include "formats/torch/torch_legacy.h"
#include "formats/zip_kinds.h"

namespace unbrine {
namespace {

constexpr uint64_t kHeadBytes = 4096;

// Sniffed in this order, most specific first.
constexpr CheckpointFormat kCheckpointFormats[] = {
    {.name = "zip", .matches = looks_like_zip_checkpoint, .read = read_zip_checkpoint},
    {.name = "torch-legacy", .matches = looks_like_torch_legacy, .read = read_torch_legacy},
    {.name = "pickle", .matches = looks_like_bare_pickle, .read = read_bare_pickle},
    {.name = "safetensors", .matches = looks_like_safetensors, .read = read_safetensors},
};

}  // namespace

Checkpoint open_checkpoint(std::shared_ptr<const Source> source, const Limits& limits) {
  if (source->size() == 0) fail(ErrorCode::Corrupt, "is empty");
  const std::vector<uint8_t> head = source->read_all(0, std::min(kHeadBytes, source->size()));
  const Probe probe{std::move(source), head, limits};
  for (const CheckpointFormat& format : kCheckpointFormats)
    if (format.matches(probe)) return format.read(probe);
  fail_foreign(probe);
}

}  // namespace unbrine
