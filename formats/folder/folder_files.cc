#include "formats/folder/folder_files.h"

#include <algorithm>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

bool holds(const std::vector<std::string>& sorted, std::string_view name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

}  // namespace

// Links are read through: in the cache of Hugging Face every file is one.
FolderFiles::FolderFiles(const fs::path& path) : path_(path) {
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code dangling;  // is neither a file nor a folder
    if (at->is_directory(dangling))
      folders_.push_back(at->path().filename());
    else if (at->is_regular_file(dangling))
      files_.push_back(at->path().filename());
  }
  if (error) fail(ErrorCode::Io, "cannot list the folder: ", error.message());
  std::ranges::sort(files_);
  std::ranges::sort(folders_);
}

bool FolderFiles::has(std::string_view file) const { return holds(files_, file); }

bool FolderFiles::has_folder(std::string_view folder) const { return holds(folders_, folder); }

std::vector<std::string> FolderFiles::ending_with(std::string_view suffix) const {
  std::vector<std::string> found;
  for (const std::string& name : files_)
    if (name.ends_with(suffix)) found.push_back(name);
  return found;
}

std::string FolderFiles::description() const {
  constexpr size_t kShown = 5;
  std::vector<std::string> all = files_;
  for (const std::string& folder : folders_) all.push_back(folder + "/");
  std::string text;
  for (size_t i = 0; i < std::min(kShown, all.size()); ++i)
    text += (i == 0 ? "" : ", ") + quoted(all[i]);
  if (all.size() > kShown) text += ", ... (" + std::to_string(all.size()) + " in all)";
  return all.empty() ? "nothing" : text;
}

std::shared_ptr<const Source> FolderFiles::open(std::string_view file,
                                                Checkpoint& checkpoint) const {
  if (file.find('/') != std::string_view::npos)
    fail(ErrorCode::Corrupt, "the file ", quoted(file), " is not a plain name in the folder");
  if (!has(file)) fail(ErrorCode::Corrupt, "the file ", quoted(file), " is not in the folder");
  return in_context(quoted(file), [&] {
    auto source = std::make_shared<FileSource>(path_ / file);
    checkpoint.files.push_back(source);
    checkpoint.tensors.add_input(source->size());
    return source;
  });
}

Content FolderFiles::read(std::string_view file, Checkpoint& checkpoint) const {
  const std::shared_ptr<const Source> source = open(file, checkpoint);
  return in_context(quoted(file), [&] { return read_content(source, checkpoint); });
}

}  // namespace unbrine
