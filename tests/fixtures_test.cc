// The files of tests/data, which real libraries of many years wrote, give the names, types, shapes
// and bytes that these libraries recorded beside them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "converter/convert.h"
#include "formats/checkpoint.h"
#include "formats/error.h"
#include "formats/source.h"
#include "kernels/digest.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {
namespace {

namespace fs = std::filesystem;
namespace dom = simdjson::dom;
using ::testing::IsSubsetOf;
using ::testing::UnorderedElementsAreArray;

struct Fixture {
  std::string file;  // below tests/data
  std::string select;
  bool partial;                                // other tensors may be there too
  std::map<std::string, std::string> tensors;  // name -> "F32 [2, 3] xxh3-256k:..."
};

fs::path data_folder() { return fs::path(UNBRINE_SOURCE_DIR) / "tests/data"; }

std::string described(std::string_view dtype, const std::vector<uint64_t>& shape,
                      std::string_view digest) {
  std::string text(dtype);
  text += " [";
  for (const uint64_t size : shape) text += (text.back() == '[' ? "" : ", ") + std::to_string(size);
  return text.append("] ").append(digest);
}

std::string described(dom::object tensor) {
  std::vector<uint64_t> shape;
  for (const dom::element size : tensor["shape"].get_array()) shape.push_back(uint64_t{size});
  return described(std::string_view{tensor["dtype"]}, shape, std::string_view{tensor["digest"]});
}

std::map<std::string, std::string> described_all(dom::object tensors) {
  std::map<std::string, std::string> all;
  for (const auto& [name, tensor] : tensors) all.emplace(name, described(tensor));
  return all;
}

void append_group(const std::string& folder, dom::object group, std::vector<Fixture>& fixtures) {
  for (const auto& [file, origin] : dom::object(group["files"]))
    for (const auto& [select, tensors] : dom::object(group["selections"]))
      fixtures.push_back({folder + "/" + std::string(file), std::string(select),
                          bool{group["partial"]}, described_all(tensors)});
}

std::vector<Fixture> fixtures_in(const std::string& folder) {
  std::vector<Fixture> fixtures;
  dom::parser parser;
  const fs::path path = data_folder() / folder / "expectations.json";
  for (const dom::element group : dom::array(parser.load(path.string())))
    append_group(folder, group, fixtures);
  return fixtures;
}

std::vector<std::string> folders() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(data_folder()))
    if (fs::exists(entry.path() / "expectations.json"))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// What was written, or the error in place of it.
std::map<std::string, std::string> converted(const Fixture& fixture, const fs::path& output) try {
  ConvertOptions options;
  options.rules.select = fixture.select;
  options.overwrite = true;
  std::map<std::string, std::string> tensors;
  for (const WrittenTensor& tensor : convert(data_folder() / fixture.file, output, options).tensors)
    tensors.emplace(tensor.name, described(tensor.dtype, tensor.shape, digest_text(tensor.digest)));
  return tensors;
} catch (const Error& error) {
  return {{"error", error.what()}};
}

class Fixtures : public ::testing::TestWithParam<std::string> {};

TEST_P(Fixtures, HoldWhatTheirLibrarySays) {
  const ScratchFolder scratch;
  for (const Fixture& fixture : fixtures_in(GetParam())) {
    SCOPED_TRACE(fixture.file + " --select '" + fixture.select + "'");
    const auto found = converted(fixture, scratch / "out.safetensors");
    if (fixture.partial)
      EXPECT_THAT(fixture.tensors, IsSubsetOf(found));
    else
      EXPECT_THAT(found, UnorderedElementsAreArray(fixture.tensors));
  }
}

std::vector<uint8_t> file_bytes(const std::string& file) {
  const FileSource source(data_folder() / file);
  return source.read_all(0, source.size());
}

// Each file of a folder once.
std::map<std::string, std::vector<uint8_t>> files_in(const std::string& folder) {
  std::map<std::string, std::vector<uint8_t>> files;
  for (const Fixture& fixture : fixtures_in(folder))
    if (fs::is_regular_file(data_folder() / fixture.file))
      files.try_emplace(fixture.file, file_bytes(fixture.file));
  return files;
}

// True if the bytes are read as a checkpoint, false if they are refused with an Error.
bool opens(std::vector<uint8_t> bytes) try {
  open_checkpoint(std::make_shared<MemorySource>(std::move(bytes)), Limits{}).cross_check();
  return true;
} catch (const Error&) {
  return false;
}

// Without the zeros that pad a tar.
size_t size_that_counts(const std::vector<uint8_t>& bytes) {
  const auto last = std::find_if(bytes.rbegin(), bytes.rend(), [](uint8_t byte) { return byte; });
  return static_cast<size_t>(bytes.rend() - last);
}

// Pickles one after another: cut between two of them, the file is whole.
bool holds_several(std::string_view file) { return file.find("several") != file.npos; }

TEST_P(Fixtures, AreRefusedWhenCutShort) {
  constexpr size_t kCuts = 64;
  for (const auto& [file, bytes] : files_in(GetParam()))
    for (size_t i = 0; i < kCuts && !holds_several(file); ++i) {
      const size_t size = size_that_counts(bytes) * i / kCuts;
      EXPECT_FALSE(opens({bytes.data(), bytes.data() + size})) << file << ", " << size << " bytes";
    }
}

TEST_P(Fixtures, AreReadOrRefusedWhenAByteIsWrong) {
  constexpr size_t kPlaces = 128;
  for (const auto& [file, bytes] : files_in(GetParam()))
    for (size_t i = 0; i < kPlaces; ++i) {
      SCOPED_TRACE(file);
      std::vector<uint8_t> wrong = bytes;
      wrong[bytes.size() * i / kPlaces] ^= static_cast<uint8_t>(1u << (i % 8));
      EXPECT_NO_THROW(opens(std::move(wrong)));
    }
}

std::string test_name(const ::testing::TestParamInfo<std::string>& folder) {
  std::string name = folder.param;
  for (char& letter : name)
    if (!isalnum(static_cast<unsigned char>(letter))) letter = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Data, Fixtures, ::testing::ValuesIn(folders()), test_name);

TEST(FixtureList, CoversManyFiles) {
  size_t files = 0;
  for (const std::string& folder : folders()) files += fixtures_in(folder).size();
  EXPECT_GT(files, 700u) << data_folder();
}

}  // namespace
}  // namespace unbrine
