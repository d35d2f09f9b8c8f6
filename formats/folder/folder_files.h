// The files of one folder, by name. Every name that an index gives is looked up here, so that it
// can lead nowhere else.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"

namespace unbrine {

class FolderFiles {
 public:
  explicit FolderFiles(const std::filesystem::path& path);  // throws Io

  const std::filesystem::path& path() const { return path_; }
  const std::vector<std::string>& files() const { return files_; }      // sorted
  const std::vector<std::string>& folders() const { return folders_; }  // sorted

  bool has(std::string_view file) const;
  bool has_folder(std::string_view folder) const;
  std::vector<std::string> ending_with(std::string_view suffix) const;

  // "'a', 'b', ... (12 in all)", for messages.
  std::string description() const;

  // Opens a file and accounts for it in the checkpoint; call it once for each. Throws Corrupt if
  // the folder holds no file of exactly this name, and Io.
  std::shared_ptr<const Source> open(std::string_view file, Checkpoint& checkpoint) const;

  // Opens a file and reads it as a checkpoint of its own. Errors name the file.
  Content read(std::string_view file, Checkpoint& checkpoint) const;

 private:
  std::filesystem::path path_;
  std::vector<std::string> files_;
  std::vector<std::string> folders_;
};

}  // namespace unbrine
