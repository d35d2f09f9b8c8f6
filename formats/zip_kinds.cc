#include "formats/zip_kinds.h"

#include <algorithm>

#include "formats/archive/zip_archive.h"
#include "formats/error.h"
#include "formats/numpy/npz.h"
#include "formats/text.h"
#include "formats/torch/torch_export.h"
#include "formats/torch/torch_package.h"
#include "formats/torch/torch_zip.h"
#include "formats/torch/torchscript.h"
#include "formats/torch/torchscript_json.h"

namespace unbrine {
namespace {

// What the kinds are told by: the names of an archive's files. Directories count for nothing.
class Names {
 public:
  explicit Names(const Archive& archive) : archive_(archive) {
    for (const ArchiveEntry& entry : archive.entries)
      if (!entry.name.ends_with('/')) files_.push_back(&entry);
    if (!files_.empty()) prefix_ = files_[0]->name.substr(0, files_[0]->name.find('/'));
  }

  const std::vector<const ArchiveEntry*>& files() const { return files_; }
  const std::string& prefix() const { return prefix_; }  // the first part of the first name

  bool has(std::string_view name) const { return archive_.find(name) != nullptr; }
  bool has_below_prefix(std::string_view record) const {
    return has(prefix_ + "/" + std::string(record));
  }
  bool has_folder(std::string_view folder) const {
    return std::ranges::any_of(
        files_, [&](const ArchiveEntry* file) { return file->name.starts_with(folder); });
  }
  bool all_end_with(std::string_view suffix) const {
    return std::ranges::all_of(
        files_, [&](const ArchiveEntry* file) { return file->name.ends_with(suffix); });
  }

 private:
  const Archive& archive_;
  std::vector<const ArchiveEntry*> files_;
  std::string prefix_;
};

using ReadZip = Content (*)(const Probe&, const std::shared_ptr<const Archive>&,
                            const std::string& prefix, Checkpoint&);

struct ZipKind {
  std::string_view name;
  bool (*fits)(const Names&);
  bool has_prefix;  // every entry lies below one folder, as torch demands
  ReadZip read;
};

// `constants.pkl` is torch's own mark of TorchScript; a data.pkl is beside it.
constexpr ZipKind kZipKinds[] = {
    {"torch.save",
     [](const Names& names) {
       return names.has_below_prefix("data.pkl") && !names.has_below_prefix("constants.pkl");
     },
     true, read_torch_zip},
    {"TorchScript", [](const Names& names) { return names.has_below_prefix("constants.pkl"); },
     true, read_torchscript},
    {"TorchScript of torch 1.0 to 1.2",
     [](const Names& names) { return names.has_below_prefix("model.json"); }, true,
     read_torchscript_json},
    {"torch.package",
     [](const Names& names) { return names.has_below_prefix(".data/extern_modules"); }, true,
     read_torch_package},
    {"torch.export", [](const Names& names) { return names.has_below_prefix("archive_format"); },
     true, read_torch_export},
    {"torch.export of an early release",
     [](const Names& names) { return names.has("serialized_exported_program.json"); }, false,
     read_torch_export_early},
    {"npz", [](const Names& names) { return names.all_end_with(".npy"); }, false, read_npz},
};

// Zips that are not read, and what to do with them.
struct ForeignZip {
  std::string_view name;
  bool (*fits)(const Names&);
  std::string_view advice;
};

constexpr ForeignZip kForeignZips[] = {
    {"a Keras model", [](const Names& names) { return names.has("model.weights.h5"); },
     "its weights are HDF5"},
    {"a TorchServe archive", [](const Names& names) { return names.has("MAR-INF/MANIFEST.json"); },
     "unpack it and convert the checkpoint inside"},
    {"a model of stable-baselines3", [](const Names& names) { return names.has("policy.pth"); },
     "unpack it and convert policy.pth"},
    {"a TensorFlow SavedModel", [](const Names& names) { return names.has("saved_model.pb"); },
     "it holds no pickle"},
    {"an Office document", [](const Names& names) { return names.has("[Content_Types].xml"); },
     "it is no checkpoint"},
    {"an Android package", [](const Names& names) { return names.has("AndroidManifest.xml"); },
     "it is no checkpoint"},
    {"a Java archive", [](const Names& names) { return names.has("META-INF/MANIFEST.MF"); },
     "it is no checkpoint"},
    {"a Core ML model",
     [](const Names& names) { return names.has_folder("Data/com.apple.CoreML/"); },
     "it holds no pickle"},
};

// torch refuses an archive with a second first part, other readers do not look.
void check_single_prefix(const Archive& archive, const std::string& prefix) {
  for (const ArchiveEntry& entry : archive.entries)
    if (!entry.name.starts_with(prefix + "/"))
      fail(ErrorCode::Corrupt, "entry ", quoted(entry.name), " is not below ", quoted(prefix + "/"),
           " as the others are");
}

std::string some_names(const Names& names) {
  constexpr size_t kShown = 3;
  std::string list;
  for (size_t i = 0; i < std::min(kShown, names.files().size()); ++i)
    list += (i == 0 ? "" : ", ") + quoted(names.files()[i]->name);
  return list + (names.files().size() > kShown ? ", ..." : "");
}

// An archive of two kinds is a trap for one of their readers.
const ZipKind* only_kind(const Names& names) {
  const ZipKind* found = nullptr;
  for (const ZipKind& kind : kZipKinds) {
    if (!kind.fits(names)) continue;
    if (found != nullptr)
      fail(ErrorCode::Corrupt, "is both ", found->name, " and ", kind.name,
           ": two readers would see two different things");
    found = &kind;
  }
  return found;
}

[[noreturn]] void fail_foreign_zip(const Names& names) {
  for (const ForeignZip& kind : kForeignZips)
    if (kind.fits(names))
      fail(ErrorCode::Unsupported, "is ", kind.name, " and not read: ", kind.advice);
  fail(ErrorCode::Unsupported, "is a zip of ", names.files().size(),
       " entries but no checkpoint: it holds ", some_names(names));
}

}  // namespace

bool looks_like_zip_checkpoint(const Probe& probe) { return looks_like_zip(probe.head); }

Content read_zip_checkpoint(const Probe& probe, Checkpoint& checkpoint) {
  auto archive = std::make_shared<Archive>(open_zip(probe.source, probe.limits));
  const Names names(*archive);
  if (names.files().empty()) fail(ErrorCode::Unsupported, "is a zip without files");
  const ZipKind* kind = only_kind(names);
  if (kind == nullptr) fail_foreign_zip(names);
  if (kind->has_prefix) check_single_prefix(*archive, names.prefix());
  if (!archive->has_crc)
    checkpoint.notes.push_back(
        "the archive records no CRC-32 (all are 0): damage to the weights cannot be noticed");
  checkpoint.cross_checks.push_back([archive] { check_zip_with_libzip(*archive); });
  return kind->read(probe, archive, kind->has_prefix ? names.prefix() : "", checkpoint);
}

}  // namespace unbrine
