#include "formats/tar_kinds.h"

#include <algorithm>

#include "formats/archive/tar_archive.h"
#include "formats/archive/tar_header.h"
#include "formats/error.h"
#include "formats/nemo.h"
#include "formats/text.h"
#include "formats/torch/torch_tar.h"

namespace unbrine {
namespace {

struct TarKind {
  std::string_view name;
  bool (*matches)(const Archive& archive);
  Content (*read)(const Archive& archive, Checkpoint& checkpoint);
};

constexpr TarKind kTarKinds[] = {
    {.name = "torch-tar", .matches = is_torch_tar, .read = read_torch_tar},
    {.name = "nemo", .matches = is_nemo, .read = read_nemo},
};

const TarKind* only_match(const Archive& archive) {
  const TarKind* match = nullptr;
  for (const TarKind& kind : kTarKinds) {
    if (!kind.matches(archive)) continue;
    if (match != nullptr)
      fail(ErrorCode::Corrupt, "is a tar of both kinds, ", match->name, " and ", kind.name);
    match = &kind;
  }
  return match;
}

std::string some_names(const Archive& archive) {
  constexpr size_t kShown = 3;
  std::string names;
  for (size_t i = 0; i < std::min(kShown, archive.entries.size()); ++i)
    names += (i == 0 ? "" : ", ") + quoted(archive.entries[i].name);
  return names + (archive.entries.size() > kShown ? ", ..." : "");
}

}  // namespace

bool looks_like_tar(const Probe& probe) { return is_tar_header(probe.head); }

Content read_tar(const Probe& probe, Checkpoint& checkpoint) {
  const Archive archive = open_tar(probe.source, probe.limits);
  if (archive.entries.empty()) fail(ErrorCode::Unsupported, "is a tar without files");
  if (const TarKind* kind = only_match(archive)) return kind->read(archive, checkpoint);
  fail(ErrorCode::Unsupported, "is a tar of ", archive.entries.size(),
       " files but no checkpoint: it holds ", some_names(archive), "; unpack it first");
}

}  // namespace unbrine
