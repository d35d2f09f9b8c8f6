#include "converter/output_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "converter/temporary.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_exists(const fs::path& path) {
  fail(ErrorCode::Io, "output ", name_of(path),
       " exists: use --overwrite to replace it, or choose another name");
}

int reserve_blocks(int descriptor, uint64_t size) {
  if (size == 0) return 0;
  int result = 0;
  do {
    result = fallocate(descriptor, 0, 0, static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  const bool refused = result != 0 && (errno == EOPNOTSUPP || errno == ENOSYS);
  return refused ? ftruncate(descriptor, static_cast<off_t>(size)) : result;
}

}  // namespace

// The other constructor has run when reserve() throws, so the destructor removes the temporary.
OutputFile::OutputFile(fs::path path, uint64_t size, bool overwrite)
    : OutputFile(std::move(path), overwrite) {
  reserve(size);
}

OutputFile::OutputFile(fs::path path, bool overwrite)
    : path_(std::move(path)), overwrite_(overwrite) {
  check_target();
  create_temporary();
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::set_path(fs::path path) {
  path_ = std::move(path);
  check_target();
}

void OutputFile::check_target() const {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path_, error);
  if (status.type() == fs::file_type::none) fail_path("cannot write", path_, error.value());
  if (status.type() == fs::file_type::not_found) return;  // also if its folder is missing
  if (status.type() == fs::file_type::directory)
    fail(ErrorCode::Io, "output ", name_of(path_),
         " is a folder: name a file, also with --overwrite");
  if (!overwrite_) fail_exists(path_);
  // Renaming onto a device or a pipe would remove it.
  if (status.type() != fs::file_type::regular && status.type() != fs::file_type::symlink)
    fail(ErrorCode::Io, "output ", name_of(path_),
         " is not a regular file: --overwrite does not replace it");
}

void OutputFile::create_temporary() {
  temporary_ = create_beside(path_, "cannot create a file in folder", [&](const fs::path& name) {
    descriptor_ = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return descriptor_ >= 0;
  });
}

void OutputFile::reserve(uint64_t size) {
  if (size > static_cast<uint64_t>(INT64_MAX)) fail_path("cannot write", path_, EFBIG);
  if (reserve_blocks(descriptor_, size) == 0) return;
  if (errno == ENOSPC || errno == EDQUOT)
    fail(ErrorCode::Io, "cannot write ", name_of(path_), ": disk full: needs ", human_bytes(size));
  fail_path("cannot reserve " + human_bytes(size) + " for", path_, errno);
}

void OutputFile::write_at(uint64_t offset, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_path("cannot write", path_, errno);
    offset += static_cast<uint64_t>(count);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void OutputFile::commit() {
  close_temporary();
  if (!rename_temporary()) {
    if (errno == EEXIST) fail_exists(path_);
    fail_path("cannot rename the finished output to", path_, errno);
  }
  temporary_.clear();
}

// Some file systems tell of a failed write only now.
void OutputFile::close_temporary() {
  if (close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR)
    fail_path("cannot write", path_, errno);
}

bool OutputFile::rename_temporary() {
  if (rename_file_to_free_name(temporary_, path_)) return true;
  if (!overwrite_) return false;
  replaced_ = true;
  return rename(temporary_.c_str(), path_.c_str()) == 0;
}

bool OutputFile::withdraw() {
  if (replaced_) return false;
  return unlink(path_.c_str()) == 0 || errno == ENOENT;
}

}  // namespace unbrine
