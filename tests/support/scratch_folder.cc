#include "tests/support/scratch_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace unbrine {
namespace fs = std::filesystem;

ScratchFolder::ScratchFolder() {
  std::string name = ::testing::TempDir() + "/unbrine-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch folder: " + name);
  path_ = fs::canonical(name);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path ScratchFolder::write(std::string_view name, std::string_view content) const {
  const fs::path file = path_ / name;
  std::ofstream out(file, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
  return file;
}

fs::path ScratchFolder::write(std::string_view name, const std::vector<uint8_t>& content) const {
  return write(name, std::string(content.begin(), content.end()));
}

std::string ScratchFolder::read(std::string_view name) const {
  std::ifstream in(path_ / name, std::ios::binary);
  EXPECT_TRUE(in) << name << " does not exist";
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> ScratchFolder::names(std::string_view below) const {
  std::vector<std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_ / below))
    found.push_back(entry.path().filename().string());
  std::ranges::sort(found);
  return found;
}

}  // namespace unbrine
