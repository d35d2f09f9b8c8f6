// An output that exists under its name only when it is whole.
#pragma once

#include <filesystem>
#include <string>

#include "formats/bytes.h"

namespace unbrine {

// Bytes are written to a temporary file in the target's folder (its name holds the target's and
// "unbrine-tmp"), which commit() renames and the destructor removes.
class OutputFile {
 public:
  // Creates the temporary file and reserves `size` bytes on disk. Throws Io: folder missing or not
  // writable, disk full, `path` is no regular file, or it exists and `overwrite` is false (checked
  // again by commit()).
  OutputFile(std::filesystem::path path, uint64_t size, bool overwrite);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  // Thread-safe. Throws Io.
  void write_at(uint64_t offset, ByteSpan bytes);

  // Renames the temporary to `path`: atomically, and without replacing an existing file unless
  // `overwrite`. A symbolic link at `path` is replaced, not followed. Throws Io.
  void commit();

  const std::filesystem::path& path() const { return path_; }

 private:
  OutputFile(std::filesystem::path path, bool overwrite);
  void check_target() const;
  void create_temporary();
  void reserve(uint64_t size);
  void close_temporary();
  bool rename_without_replacing() const;  // false: errno says why

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: there is none
  int descriptor_ = -1;
  bool overwrite_;
};

}  // namespace unbrine
