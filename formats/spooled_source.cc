#include "formats/spooled_source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

[[noreturn]] void fail_on(const std::string& folder, const char* what, int error) {
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  fail(ErrorCode::Io, "temporary file in ", quoted(folder), ": ", what, ": ", std::strerror(error),
       is_full ? "; set TMPDIR to a folder with more room" : "; set TMPDIR to another folder");
}

// Not all file systems have files without a name: there it loses its name at once.
int open_named(const std::string& folder) {
  std::string path = folder + "/unbrine-XXXXXX";
  const int descriptor = mkostemp(path.data(), O_CLOEXEC);
  if (descriptor >= 0) unlink(path.c_str());
  return descriptor;
}

int open_unnamed(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
    return descriptor;
  return open_named(folder);
}

std::string temporary_folder() {
  const char* const chosen = getenv("TMPDIR");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  return access("/var/tmp", W_OK | X_OK) == 0 ? "/var/tmp" : "/tmp";
}

}  // namespace

class SpoolFile : public Source {
 public:
  SpoolFile() : folder_(temporary_folder()), descriptor_(open_unnamed(folder_)) {
    if (descriptor_ < 0) fail_on(folder_, "cannot create", errno);
  }
  ~SpoolFile() override { close(descriptor_); }

  uint64_t size() const override { return size_; }

  void append(ByteSpan bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail_on(folder_, "cannot write", errno);
      size_ += static_cast<uint64_t>(count);
      bytes = bytes.subspan(static_cast<size_t>(count));
    }
  }

 private:
  void read_range(uint64_t offset, MutableByteSpan target) const override {
    read_descriptor(descriptor_, offset, target);
  }

  std::string folder_;
  int descriptor_;
  uint64_t size_ = 0;
};

Spool::Spool() = default;
Spool::~Spool() = default;

void Spool::write(ByteSpan bytes) {
  if (file_ == nullptr && bytes.size() > kMostSpooledInMemory - memory_.size()) {
    file_ = std::make_shared<SpoolFile>();
    file_->append(memory_);
    memory_ = {};
  }
  if (file_ != nullptr)
    file_->append(bytes);
  else
    memory_.insert(memory_.end(), bytes.begin(), bytes.end());
  size_ += bytes.size();
}

std::shared_ptr<const Source> Spool::finish() {
  if (file_ != nullptr) return std::move(file_);
  return std::make_shared<MemorySource>(std::move(memory_));
}

}  // namespace unbrine
