// Outputs of several files: a folder that exists under its name only when it is whole, and files
// that appear together.
#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "converter/output_file.h"

namespace unbrine {

// Files are written to a temporary folder beside the target (its name holds the target's and
// "unbrine-tmp"), which commit() renames and the destructor removes with all that is in it.
class OutputFolder {
 public:
  // Throws Io: the parent is missing or not writable, or `path` exists and is no empty folder that
  // a rename can replace (no link, mount point or current folder). With `overwrite` a folder is
  // replaced that unbrine wrote and nobody added to: its manifest.json, of schema
  // unbrine.manifest/1, accounts for every file in it.
  OutputFolder(std::filesystem::path path, bool overwrite);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();

  const std::filesystem::path& path() const { return path_; }
  // Where files go until the commit.
  const std::filesystem::path& temporary() const { return temporary_; }

  // Atomically, where the file system can exchange two names; what was there before is removed
  // afterwards. Throws Io.
  void commit();

 private:
  void check_target() const;
  void replace_old();
  void exchange_in_steps();

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: there is none
  bool overwrite_;
};

// Commits outputs that belong together, in order, the folder last. If one fails, the files before
// it are withdrawn, but for those that replaced something; the error names them.
void commit_together(std::span<const std::unique_ptr<OutputFile>> files,
                     OutputFolder* folder = nullptr);

}  // namespace unbrine
