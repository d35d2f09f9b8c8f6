// Includes point left only: formats <- kernels <- converter <- converter/cli <- tests, benchmarks.
// And a header of ours needs no third-party header.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace unbrine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A layer may include itself and those above it in this table.
constexpr std::string_view kLayers[] = {"formats/", "kernels/", "converter/", "converter/cli/"};
constexpr size_t kOutside = std::size(kLayers);  // tests, benchmarks

size_t layer_of(std::string_view path) {
  for (size_t i = kOutside; i-- > 0;)  // from the back: converter/cli/ before converter/
    if (path.starts_with(kLayers[i])) return i;
  return kOutside;
}

bool is_outside(std::string_view path) {
  return path.starts_with("tests/") || path.starts_with("benchmarks/");
}

// <vector> and <sys/types.h> come with the compiler; <zip.h> and <boost/any.hpp> do not.
bool is_of_the_system(std::string_view name) {
  return name.find_first_of("./") == name.npos || name.starts_with("sys/") || name == "stddef.h" ||
         name == "stdint.h";
}

std::optional<std::string> quoted_complaint(const std::string& file, const std::string& target) {
  const size_t layer = layer_of(target);
  if (layer == kOutside && !is_outside(target))
    return "\"" + target + "\" is not a path from the repository's root";
  if (layer > layer_of(file)) return file + " must not include \"" + target + "\"";
  return std::nullopt;
}

// The name in an #include line with its opening < or ", or nothing.
std::string included(std::string_view line) {
  for (const std::string_view word : {"#", "include", ""}) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.starts_with(word)) return "";
    line.remove_prefix(word.size());
  }
  const size_t end = line.find_first_of(">\"", 1);
  return std::string(end == line.npos ? "" : line.substr(0, end));
}

// What is wrong with one line of a source file, if anything.
std::optional<std::string> complaint(const std::string& file, const std::string& line) {
  const std::string target = included(line);
  if (target.starts_with('"')) return quoted_complaint(file, target.substr(1));
  const bool in_our_header = file.ends_with(".h") && layer_of(file) != kOutside;
  if (in_our_header && target.starts_with('<') && !is_of_the_system(target.substr(1)))
    return file + ": " + target + "> belongs into a .cc file";
  return std::nullopt;
}

bool is_source(const fs::path& path) {
  return path.extension() == ".h" || path.extension() == ".cc" || path.extension() == ".cu";
}

std::vector<std::string> source_files() {
  const fs::path root = UNBRINE_SOURCE_DIR;
  std::vector<std::string> files;
  for (const char* folder : {"formats", "kernels", "converter", "tests", "benchmarks"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder))
      if (is_source(entry.path())) files.push_back(entry.path().lexically_relative(root).string());
  return files;
}

std::vector<std::string> complaints_about(const std::string& file) {
  std::vector<std::string> complaints;
  std::ifstream stream(fs::path(UNBRINE_SOURCE_DIR) / file);
  for (std::string line; std::getline(stream, line);)
    if (const auto found = complaint(file, line)) complaints.push_back(*found);
  return complaints;
}

TEST(Layering, RefusesIncludeOfLayerFurtherRight) {
  EXPECT_TRUE(complaint("formats/source.cc", "#include \"kernels/digest.h\""));
  EXPECT_TRUE(complaint("formats/source.cc", "#include \"converter/convert.h\""));
  EXPECT_TRUE(complaint("kernels/digest.cc", "  #  include \"converter/convert.h\"  // why not"));
  EXPECT_TRUE(complaint("converter/convert.cc", "#include \"converter/cli/command.h\""));
  EXPECT_TRUE(complaint("converter/convert.cc", "#include \"tests/support/zip_builder.h\""));
  EXPECT_TRUE(complaint("formats/source.cc", "#include \"benchmarks/measure.h\""));
}

TEST(Layering, RefusesIncludeRelativeToOwnFolder) {
  EXPECT_THAT(complaint("formats/source.cc", "#include \"source.h\"").value_or(""),
              HasSubstr("\"source.h\" is not a path from the repository's root"));
}

TEST(Layering, RefusesThirdPartyHeaderInHeader) {
  EXPECT_TRUE(complaint("formats/json.h", "#include <simdjson.h>"));
  EXPECT_TRUE(complaint("converter/cli/command.h", "#include <boost/program_options.hpp>"));
}

TEST(Layering, AllowsIncludesThatPointLeft) {
  EXPECT_FALSE(complaint("formats/source.cc", "#include \"formats/source.h\""));
  EXPECT_FALSE(complaint("kernels/digest.cc", "#include <xxhash.h>"));
  EXPECT_FALSE(complaint("converter/convert.h", "#include \"kernels/digest.h\""));
  EXPECT_FALSE(complaint("converter/cli/main.cc", "#include \"converter/cli/command.h\""));
  EXPECT_FALSE(complaint("tests/formats/source_test.cc", "#include \"formats/source.h\""));
  EXPECT_FALSE(complaint("formats/source.h", "#include <vector>"));
  EXPECT_FALSE(complaint("formats/source.h", "#include <sys/types.h>"));
  EXPECT_FALSE(complaint("formats/source.h", "// #include \"kernels/digest.h\""));
}

TEST(Layering, HoldsInEveryFile) {
  const std::vector<std::string> files = source_files();
  EXPECT_GT(files.size(), 20u) << "looked in the wrong place: " << UNBRINE_SOURCE_DIR;
  for (const std::string& file : files) EXPECT_THAT(complaints_about(file), IsEmpty());
}

}  // namespace
}  // namespace unbrine
