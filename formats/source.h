// Where input bytes come from: a file opened once, or bytes in memory.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "formats/bytes.h"

namespace unbrine {

// A run of bytes of known size, read by position. Thread-safe: read_at keeps no cursor.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  virtual uint64_t size() const = 0;  // bytes, fixed when the source was opened

  // Fills `target` from `offset` on. Throws Corrupt when the range passes the end, Io when the
  // system refuses or the file has become shorter since it was opened.
  void read_at(uint64_t offset, MutableByteSpan target) const;

  // Throws Io if what lies below has changed since it was opened.
  virtual void check_unchanged() const {}

  std::vector<uint8_t> read_all(uint64_t offset, uint64_t count) const;

 private:
  virtual void read_range(uint64_t offset, MutableByteSpan target) const = 0;
};

// Fills `target` from `offset` of an open file. Throws Io, also if the file ends before.
void read_descriptor(int descriptor, uint64_t offset, MutableByteSpan target);

// A regular file, opened once and read with pread; never mapped, so that a file which shrinks
// is an error and not a signal.
class FileSource : public Source {
 public:
  explicit FileSource(const std::string& path);  // throws Io
  ~FileSource() override;

  uint64_t size() const override { return size_; }
  void check_unchanged() const override;  // size, mtime and inode
  const std::string& path() const { return path_; }

 private:
  void read_range(uint64_t offset, MutableByteSpan target) const override;

  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
  struct timespec modified_ = {};
};

class MemorySource : public Source {
 public:
  explicit MemorySource(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }

 private:
  void read_range(uint64_t offset, MutableByteSpan target) const override;

  std::vector<uint8_t> bytes_;
};

// Part of another source, numbered from 0. Keeps the other alive.
class SliceSource : public Source {
 public:
  // Throws Corrupt if the range passes the end of `whole`.
  SliceSource(std::shared_ptr<const Source> whole, uint64_t offset, uint64_t size);
  uint64_t size() const override { return size_; }
  void check_unchanged() const override { whole_->check_unchanged(); }

 private:
  void read_range(uint64_t offset, MutableByteSpan target) const override;

  std::shared_ptr<const Source> whole_;
  uint64_t offset_;
  uint64_t size_;
};

// Reads small pieces that lie near each other through one block, so that walking ten thousand
// headers does not cost ten thousand system calls.
class WindowedReader {
 public:
  WindowedReader(const Source& source, uint64_t window) : source_(source), window_(window) {}

  // `count` bytes at `offset`; valid until the next call. Throws as Source::read_at.
  ByteSpan read(uint64_t offset, uint64_t count);

 private:
  const Source& source_;
  uint64_t window_;
  uint64_t first_ = 0;
  std::vector<uint8_t> block_;
};

}  // namespace unbrine
