#include "converter/output_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>
#include <string>
#include <utility>

#include "converter/manifest_reader.h"
#include "converter/temporary.h"
#include "formats/error.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kChecksums = "SHA256SUMS";

// Without slashes at the end; "." and the like are given their name.
fs::path with_own_name(fs::path path) {
  while (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  if (path.empty()) fail_path("cannot write", path, ENOENT);
  if (path.filename() != "." && path.filename() != "..") return path;
  std::error_code error;
  fs::path named = fs::canonical(path, error);
  if (error) fail_path("cannot write", path, error.value());
  return named;
}

[[noreturn]] void refuse(const fs::path& folder, std::string_view why) {
  fail(ErrorCode::Io, "output folder ", name_of(folder), " ", why);
}

// A rename cannot replace it.
bool is_mount_point(const fs::path& folder) {
  struct statx status = {};
  return statx(AT_FDCWD, folder.c_str(), AT_SYMLINK_NOFOLLOW, 0, &status) == 0 &&
         (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

bool is_current_folder(const fs::path& folder) {
  std::error_code ignored;  // then it is another
  return fs::equivalent(folder, ".", ignored);
}

bool is_empty_folder(const fs::path& folder) {
  std::error_code error;
  const bool empty = fs::is_empty(folder, error);
  if (error) fail_path("cannot read output folder", folder, error.value());
  return empty;
}

// Names of all files that a folder's manifest speaks of, its own among them.
std::set<std::string, std::less<>> accounted_names(const fs::path& folder) {
  const FileSource source((folder / kManifest).native());
  std::set<std::string, std::less<>> names = {std::string(kManifest), std::string(kChecksums)};
  for (const ManifestFile& file : read_manifest(source, Limits{}).files) names.insert(file.name);
  return names;
}

// Whether nothing but files of these names lies in the folder; otherwise gives one that is not.
fs::path stranger_in(const fs::path& folder, const std::set<std::string, std::less<>>& names) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const bool is_folder = entry->symlink_status(error).type() == fs::file_type::directory;
    if (is_folder || !names.contains(entry->path().filename().native()))
      return entry->path().filename();
  }
  if (error) fail_path("cannot read output folder", folder, error.value());
  return {};
}

void check_all_accounted(const fs::path& folder) {
  std::error_code ignored;
  if (fs::symlink_status(folder / kManifest, ignored).type() != fs::file_type::regular)
    refuse(folder, "holds no manifest.json: --overwrite replaces only what unbrine wrote");
  try {
    const fs::path stranger = stranger_in(folder, accounted_names(folder));
    if (!stranger.empty())
      refuse(folder, "holds " + name_of(stranger) +
                         ", of which its manifest.json does not speak: --overwrite replaces only "
                         "what unbrine wrote");
  } catch (const Error& error) {
    if (error.code() == ErrorCode::Io) throw;
    refuse(folder, std::string("has a manifest.json that unbrine did not write: ") + error.what());
  }
}

// Gives the names of those that stay.
std::string withdraw(std::span<const std::unique_ptr<OutputFile>> files) {
  constexpr size_t kNamed = 3;
  std::string names;
  size_t remaining = 0;
  for (const std::unique_ptr<OutputFile>& file : files) {
    if (file->withdraw()) continue;
    if (++remaining <= kNamed) names += (names.empty() ? "" : ", ") + name_of(file->path());
  }
  if (remaining > kNamed) names += " and " + std::to_string(remaining - kNamed) + " more";
  return names;
}

// Of files and links alike, without following any.
void remove_tree(const fs::path& folder, std::error_code& error) { fs::remove_all(folder, error); }

}  // namespace

OutputFolder::OutputFolder(fs::path path, bool overwrite)
    : path_(with_own_name(std::move(path))), overwrite_(overwrite) {
  check_target();
  temporary_ = create_beside(path_, "cannot create a folder in folder",
                             [](const fs::path& name) { return mkdir(name.c_str(), 0777) == 0; });
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) remove_tree(temporary_, ignored);
}

void OutputFolder::check_target() const {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path_, error);
  if (status.type() == fs::file_type::none) fail_path("cannot write", path_, error.value());
  if (status.type() == fs::file_type::not_found) return;  // also if its parent is missing
  if (status.type() == fs::file_type::symlink)
    refuse(path_, "is a symbolic link: name the folder that it points at");
  if (status.type() != fs::file_type::directory)
    refuse(path_, "is not a folder: name another, also with --overwrite");
  const bool empty = is_empty_folder(path_);
  if (!empty && !overwrite_)
    refuse(path_, "exists: use --overwrite to replace it, or choose another name");
  if (is_mount_point(path_)) refuse(path_, "is a mount point: name a folder inside it");
  if (is_current_folder(path_)) refuse(path_, "is the current folder: name another");
  if (!empty) check_all_accounted(path_);
}

// A rename replaces an empty folder, and nothing else.
void OutputFolder::commit() {
  if (rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    if (error != ENOTEMPTY && error != EEXIST && error != ENOTDIR)
      fail_path("cannot rename the finished output to", path_, error);
    check_target();  // says what is in the way
    replace_old();
  }
  temporary_.clear();
}

void OutputFolder::replace_old() {
  if (!exchange_names(temporary_, path_)) {
    if (!is_not_known_here(errno)) fail_path("cannot replace output folder", path_, errno);
    exchange_in_steps();
  }
  std::error_code error;
  const fs::path old = std::exchange(temporary_, {});
  remove_tree(old, error);
  if (error)
    fail_path("the output is complete, but what it replaced cannot be removed from", old,
              error.value());
}

// Between the two renames there is no folder of that name; if the second fails, it comes back.
void OutputFolder::exchange_in_steps() {
  const fs::path old =
      create_beside(path_, "cannot move the old output aside in folder",
                    [&](const fs::path& name) { return rename(path_.c_str(), name.c_str()) == 0; });
  if (rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    rename(old.c_str(), path_.c_str());
    fail_path("cannot rename the finished output to", path_, error);
  }
  temporary_ = old;
}

void commit_together(std::span<const std::unique_ptr<OutputFile>> files, OutputFolder* folder) {
  size_t committed = 0;
  try {
    for (; committed < files.size(); ++committed) files[committed]->commit();
    if (folder != nullptr) folder->commit();
  } catch (const Error& error) {
    const std::string names = withdraw(files.first(committed));
    if (names.empty()) throw;
    fail(error.code(), std::string_view(error.what()),
         "; written already, and not taken back: ", names);
  }
}

}  // namespace unbrine
