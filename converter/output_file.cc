#include "converter/output_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaryMark = ".unbrine-tmp-";
constexpr size_t kRandomLetters = 6;
constexpr size_t kLongestName = 255;  // bytes; NAME_MAX of every file system that matters
constexpr int kCreationAttempts = 100;

std::string name_of(const fs::path& path) { return quoted(path.native()); }

[[noreturn]] void fail_path(std::string_view what, const fs::path& path, int error) {
  fail(ErrorCode::Io, what, " ", name_of(path), ": ", std::strerror(error));
}

[[noreturn]] void fail_exists(const fs::path& path) {
  fail(ErrorCode::Io, "output ", name_of(path),
       " exists: use --overwrite to replace it, or choose another name");
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

std::string random_letters() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
  unsigned char bytes[kRandomLetters] = {};
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    fail(ErrorCode::Io, "cannot get random bytes: ", std::strerror(errno));
  std::string letters;
  for (const unsigned char byte : bytes) letters += kLetters[byte % kLetters.size()];
  return letters;
}

// `name` cut to `longest` bytes, not inside a UTF-8 sequence: some file systems take only those.
std::string shortened(std::string name, size_t longest) {
  if (name.size() <= longest) return name;
  while (longest > 0 && (static_cast<unsigned char>(name[longest]) & 0xc0) == 0x80) --longest;
  return name.substr(0, longest);
}

std::string temporary_name(const fs::path& path) {
  const size_t added = 1 + kTemporaryMark.size() + kRandomLetters;
  return "." + shortened(path.filename().native(), kLongestName - added) +
         std::string(kTemporaryMark) + random_letters();
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
  const fs::path folder = folder_of(path_);
  for (int attempt = 0; descriptor_ < 0; ++attempt) {
    const fs::path candidate = folder / temporary_name(path_);
    descriptor_ = open(candidate.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0)
      temporary_ = candidate;
    else if (errno != EINTR && (errno != EEXIST || attempt == kCreationAttempts))
      fail_path("cannot create a file in folder", folder, errno);
  }
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
  const bool renamed =
      overwrite_ ? rename(temporary_.c_str(), path_.c_str()) == 0 : rename_without_replacing();
  if (!renamed && errno == EEXIST) fail_exists(path_);
  if (!renamed) fail_path("cannot rename the finished output to", path_, errno);
  temporary_.clear();
}

// Some file systems tell of a failed write only now.
void OutputFile::close_temporary() {
  if (close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR)
    fail_path("cannot write", path_, errno);
}

bool OutputFile::rename_without_replacing() const {
  if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0)
    return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  // link() does not replace either. Should unlink() fail, the output is whole all the same.
  if (link(temporary_.c_str(), path_.c_str()) != 0) return false;
  unlink(temporary_.c_str());
  return true;
}

}  // namespace unbrine
