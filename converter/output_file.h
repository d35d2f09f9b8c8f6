// An output that exists under its name only when it is whole.
#pragma once

#include <filesystem>
#include <string>

#include "converter/sink.h"

namespace unbrine {

// Bytes are written to a temporary file in the target's folder (its name holds the target's and
// "unbrine-tmp"), which commit() renames and the destructor removes.
class OutputFile : public Sink {
 public:
  // Creates the temporary file and reserves `size` bytes on disk. Throws Io: folder missing or not
  // writable, disk full, `path` is no regular file, or it exists and `overwrite` is false (checked
  // again by commit()).
  OutputFile(std::filesystem::path path, uint64_t size, bool overwrite);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() override;

  // Whoever reads temporary() sees the bytes at once.
  void write_at(uint64_t offset, ByteSpan bytes) override;

  // Another name in the same folder, for one that is known only once the bytes are. Throws Io as
  // the constructor does.
  void set_path(std::filesystem::path path);

  // Renames the temporary to `path`: atomically, and without replacing an existing file unless
  // `overwrite`. A symbolic link at `path` is replaced, not followed. Throws Io.
  void commit();

  // After commit(): removes the output again. False if that cannot be, or would leave nothing where
  // something was before.
  bool withdraw();

  const std::filesystem::path& path() const { return path_; }
  // Where the bytes are until the commit.
  const std::filesystem::path& temporary() const { return temporary_; }

 private:
  OutputFile(std::filesystem::path path, bool overwrite);
  void check_target() const;
  void create_temporary();
  void reserve(uint64_t size);
  void close_temporary();
  bool rename_temporary();  // false: errno says why

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: there is none
  int descriptor_ = -1;
  bool overwrite_;
  bool replaced_ = false;  // by commit()
};

}  // namespace unbrine
