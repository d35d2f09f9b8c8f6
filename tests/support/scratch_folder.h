// A folder for one test, empty at first and gone with it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace unbrine {

class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  // Creates or replaces a file; returns its path.
  std::filesystem::path write(std::string_view name, std::string_view content) const;
  std::filesystem::path write(std::string_view name, const std::vector<uint8_t>& content) const;

  // Content of a file; fails the test if there is none.
  std::string read(std::string_view name) const;

  // What lies in the folder or in one below it, sorted.
  std::vector<std::string> names(std::string_view below = "") const;

 private:
  std::filesystem::path path_;
};

}  // namespace unbrine
