#include "formats/zip_kinds.h"

#include <algorithm>

#include "formats/archive/zip_archive.h"
#include "formats/error.h"
#include "formats/text.h"
#include "formats/torch/torch_zip.h"

namespace unbrine {
namespace {

using ReadZip = Checkpoint (*)(const Probe&, std::shared_ptr<Archive>, const std::string& prefix);

// A record is an entry's name without its first part.
struct ZipKind {
  std::string_view record;  // present in this kind...
  std::string_view absent;  // ...while this one is not
  ReadZip read;             // nullptr: recognised, not read
  std::string_view name;
};

// The first row that fits decides. `constants.pkl` is torch's own mark of TorchScript.
constexpr ZipKind kZipKinds[] = {
    {"data.pkl", "constants.pkl", read_torch_zip, "torch.save"},
    {"constants.pkl", "", nullptr, "a TorchScript archive"},
    {"model.json", "", nullptr, "a TorchScript archive of torch 1.0 to 1.2"},
    {".data/extern_modules", "", nullptr, "a torch.package archive"},
    {"archive_format", "", nullptr, "a torch.export archive"},
};

std::string prefix_of(std::string_view name) { return std::string(name.substr(0, name.find('/'))); }

bool holds(const Archive& archive, const std::string& prefix, std::string_view record) {
  return !record.empty() && archive.find(prefix + "/" + std::string(record)) != nullptr;
}

// torch refuses an archive with a second first part, other readers do not look.
void check_single_prefix(const Archive& archive, const std::string& prefix) {
  for (const ArchiveEntry& entry : archive.entries)
    if (!entry.name.starts_with(prefix + "/"))
      fail(ErrorCode::Corrupt, "entry ", quoted(entry.name), " is not below ", quoted(prefix + "/"),
           " as the others are");
}

std::string some_names(const Archive& archive) {
  constexpr size_t kShown = 3;
  std::string names;
  for (size_t i = 0; i < std::min(kShown, archive.entries.size()); ++i)
    names += (i == 0 ? "" : ", ") + quoted(archive.entries[i].name);
  return names + (archive.entries.size() > kShown ? ", ..." : "");
}

bool is_npz(const Archive& archive) {
  return std::ranges::all_of(archive.entries, [](const ArchiveEntry& entry) {
    return entry.name.ends_with(".npy") && entry.name.find('/') == std::string::npos;
  });
}

}  // namespace

bool looks_like_zip_checkpoint(const Probe& probe) { return looks_like_zip(probe.head); }

Checkpoint read_zip_checkpoint(const Probe& probe) {
  auto archive = std::make_shared<Archive>(open_zip(probe.source, probe.limits));
  if (archive->entries.empty()) fail(ErrorCode::Unsupported, "is a zip without entries");
  const std::string prefix = prefix_of(archive->entries.front().name);
  for (const ZipKind& kind : kZipKinds) {
    if (!holds(*archive, prefix, kind.record) || holds(*archive, prefix, kind.absent)) continue;
    if (kind.read == nullptr)
      fail(ErrorCode::Unsupported, "is ", kind.name, ", which is not read yet");
    check_single_prefix(*archive, prefix);
    return kind.read(probe, std::move(archive), prefix);
  }
  if (is_npz(*archive)) fail(ErrorCode::Unsupported, "is a numpy .npz, which is not read yet");
  fail(ErrorCode::Unsupported, "is a zip of ", archive->entries.size(),
       " entries but no checkpoint: it holds ", some_names(*archive));
}

}  // namespace unbrine
