// SHA-256, where others ask for it: sha256sum -c, and names that end with a part of it.
#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace unbrine {

// Of a whole file, as 64 lower-case hex digits. Throws Io, Interrupted (if `stop` is set).
std::string sha256_of_file(const std::filesystem::path& file,
                           const std::atomic<bool>* stop = nullptr);

// A line for `sha256sum -c`: digest, two blanks, name; names with a newline or backslash as
// coreutils writes them.
std::string sha256sum_line(const std::string& digest, const std::string& name);

struct Sha256Sum {
  std::string digest;
  std::string name;
};

// What such a line says, without its newline; none if it is not of this form.
std::optional<Sha256Sum> read_sha256sum_line(std::string_view line);

}  // namespace unbrine
