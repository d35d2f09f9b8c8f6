#include "formats/torch/torch_zip.h"

#include <algorithm>

#include "formats/torch/torch_archive.h"

namespace unbrine {
namespace {

// torch 1.4 and 1.5 could write zips too, on request, with the storages in another folder.
std::string_view storage_folder(const TorchArchive& torch) {
  const auto begins = [&](std::string_view folder) {
    return std::ranges::any_of(torch.entries(), [&](const ArchiveEntry& entry) {
      return entry.name.starts_with(torch.full_name(folder));
    });
  };
  return !begins("data/") && begins("tensors/") ? "tensors/" : "data/";
}

}  // namespace

Content read_torch_zip(const Probe&, const std::shared_ptr<const Archive>& archive,
                       const std::string& prefix, Checkpoint& checkpoint) {
  TorchArchive torch(archive, prefix, checkpoint);
  const StorageNames names{storage_folder(torch)};
  return {torch.read_pickle(torch.require("data.pkl"), names), "torch-zip"};
}

}  // namespace unbrine
