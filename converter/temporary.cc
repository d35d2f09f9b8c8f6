#include "converter/temporary.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaryMark = ".unbrine-tmp-";
constexpr size_t kRandomLetters = 6;
constexpr size_t kLongestName = 255;  // bytes; NAME_MAX of every file system that matters
constexpr int kCreationAttempts = 100;

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

}  // namespace

std::string name_of(const fs::path& path) { return quoted(path.native()); }

void fail_path(std::string_view what, const fs::path& path, int error) {
  fail(ErrorCode::Io, what, " ", name_of(path), ": ", std::strerror(error));
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path create_beside(const fs::path& path, std::string_view what,
                       const std::function<bool(const fs::path&)>& create) {
  const fs::path folder = folder_of(path);
  for (int attempt = 0;; ++attempt) {
    fs::path candidate = folder / temporary_name(path);
    if (create(candidate)) return candidate;
    if (errno != EINTR && (errno != EEXIST || attempt == kCreationAttempts))
      fail_path(what, folder, errno);
  }
}

bool rename_file_to_free_name(const fs::path& from, const fs::path& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (!is_not_known_here(errno)) return false;
  // link() does not replace either. Should unlink() fail, the output is whole all the same.
  if (link(from.c_str(), to.c_str()) != 0) return false;
  unlink(from.c_str());
  return true;
}

bool exchange_names(const fs::path& a, const fs::path& b) {
  return renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

bool is_not_known_here(int error) { return error == EINVAL || error == ENOSYS; }

}  // namespace unbrine
