#include "formats/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "formats/error.h"

namespace unbrine {
namespace {

void require_range(uint64_t offset, uint64_t count, uint64_t size) {
  if (offset > size || count > size - offset)
    fail(ErrorCode::Corrupt, "byte ", offset, ": needs ", count, " bytes, has ",
         offset > size ? 0 : size - offset);
}

}  // namespace

void Source::read_at(uint64_t offset, MutableByteSpan target) const {
  require_range(offset, target.size(), size());
  read_range(offset, target);
}

std::vector<uint8_t> Source::read_all(uint64_t offset, uint64_t count) const {
  require_range(offset, count, size());  // before the allocation
  std::vector<uint8_t> bytes(count);
  read_range(offset, bytes);
  return bytes;
}

void read_descriptor(int descriptor, uint64_t offset, MutableByteSpan target) {
  while (!target.empty()) {
    const ssize_t count =
        pread(descriptor, target.data(), target.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(ErrorCode::Io, "byte ", offset, ": cannot read: ", std::strerror(errno));
    if (count == 0)
      fail(ErrorCode::Io, "byte ", offset, ": the file became shorter while it was read");
    offset += static_cast<uint64_t>(count);
    target = target.subspan(static_cast<size_t>(count));
  }
}

FileSource::FileSource(const std::string& path) : path_(path) {
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(ErrorCode::Io, "cannot open: ", std::strerror(errno));
  struct stat status;
  const bool known = fstat(descriptor_, &status) == 0;
  const int error = errno;
  if (!known || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    if (!known) fail(ErrorCode::Io, "cannot stat: ", std::strerror(error));
    fail(ErrorCode::Io,
         S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is not a regular file");
  }
  size_ = static_cast<uint64_t>(status.st_size);
  modified_ = status.st_mtim;
}

FileSource::~FileSource() { close(descriptor_); }

void FileSource::check_unchanged() const {
  struct stat status;
  if (fstat(descriptor_, &status) != 0) fail(ErrorCode::Io, "cannot stat: ", std::strerror(errno));
  if (static_cast<uint64_t>(status.st_size) != size_ || status.st_mtim.tv_sec != modified_.tv_sec ||
      status.st_mtim.tv_nsec != modified_.tv_nsec)
    fail(ErrorCode::Io, "changed while it was read");
}

void FileSource::read_range(uint64_t offset, MutableByteSpan target) const {
  read_descriptor(descriptor_, offset, target);
}

void MemorySource::read_range(uint64_t offset, MutableByteSpan target) const {
  std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), target.size(), target.begin());
}

SliceSource::SliceSource(std::shared_ptr<const Source> whole, uint64_t offset, uint64_t size)
    : whole_(std::move(whole)), offset_(offset), size_(size) {
  require_range(offset, size, whole_->size());
}

void SliceSource::read_range(uint64_t offset, MutableByteSpan target) const {
  whole_->read_at(offset_ + offset, target);
}

ByteSpan WindowedReader::read(uint64_t offset, uint64_t count) {
  require_range(offset, count, source_.size());
  const bool held = offset >= first_ && offset - first_ <= block_.size() &&
                    count <= block_.size() - (offset - first_);
  if (!held) {
    block_.resize(std::min(std::max(count, window_), source_.size() - offset));
    source_.read_at(offset, block_);
    first_ = offset;
  }
  return ByteSpan(block_).subspan(offset - first_, count);
}

}  // namespace unbrine
