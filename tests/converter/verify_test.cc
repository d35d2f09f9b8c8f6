#include "converter/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "converter/tensor_values.h"
#include "formats/error.h"
#include "kernels/digest.h"
#include "tests/support/error_of.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string digest_of(const std::string& bytes) {
  return digest_text(digest_bytes(as_bytes(bytes)));
}

class VerifyFolder : public ::testing::Test {
 protected:
  // A file with the tensors a = {1, 2} and b = {3}, and its manifest.
  VerifyFolder() {
    const std::string file = safetensors_file(
        {{"a", "F32", {2}, bytes_of<float>({1, 2})}, {"b", "F32", {1}, bytes_of<float>({3})}});
    std::filesystem::create_directory(folder / "out");
    folder.write("out/model.safetensors", file);
    const uint64_t data = file.size() - 12;
    folder.write("out/manifest.json", manifest(file.size(), data, ""));
    write_source("a", {1, 2}, "b", {3});
  }

  static std::string tensor_row(const std::string& name, uint64_t offset, uint64_t count,
                                const std::string& bytes) {
    return R"({"name":")" + name + R"(","file":"model.safetensors","offset":)" +
           std::to_string(offset) + R"(,"size":)" + std::to_string(bytes.size()) +
           R"(,"dtype":"F32","source":")" + name + R"(","source_dtype":"float32","shape":[)" +
           std::to_string(count) + R"(],"digest":")" + digest_of(bytes) + R"("})";
  }

  static std::string manifest(uint64_t size, uint64_t data, const std::string& aliases,
                              int excluded = 0) {
    return R"({"schema":"unbrine.manifest/1","source":{"file":"m","format":"safetensors",)"
           R"("size":1,"selected":""},"files":[{"file":"model.safetensors","size":)" +
           std::to_string(size) + R"(,"tensors":2)" + aliases + R"(}],"tensors":[)" +
           tensor_row("a", data, 2, bytes_of<float>({1, 2})) + "," +
           tensor_row("b", data + 8, 1, bytes_of<float>({3})) + R"(],"excluded":)" +
           std::to_string(excluded) + "}";
  }

  void write_source(const std::string& first, const std::vector<float>& a,
                    const std::string& second, const std::vector<float>& b) const {
    folder.write("in.safetensors", safetensors_file({{first, "F32", {a.size()}, bytes_of(a)},
                                                     {second, "F32", {b.size()}, bytes_of(b)}}));
  }

  // "file: name", of each finding.
  std::vector<std::string> findings(const VerifyOptions& options = {}) const {
    std::vector<std::string> list;
    for (const VerifyFinding& finding : verify(folder / "out", options).differences)
      list.push_back(finding.file + ": " + finding.name);
    return list;
  }

  VerifyOptions against_source() const {
    VerifyOptions options;
    options.against = folder / "in.safetensors";
    return options;
  }

  ScratchFolder folder;
};

TEST_F(VerifyFolder, AgreesWithItsManifest) {
  const VerifyReport report = verify(folder / "out", {});
  EXPECT_TRUE(report.agrees());
  EXPECT_FALSE(report.malformed());
  EXPECT_EQ(report.tensors, 2U);
  EXPECT_EQ(report.bytes, 12U);
  EXPECT_TRUE(report.has_digests);
  EXPECT_FALSE(report.has_state);
}

TEST_F(VerifyFolder, EveryByteOfTheDataIsCovered) {
  const std::string file = folder.read("out/model.safetensors");
  for (size_t i = file.size() - 12; i < file.size(); ++i) {
    std::string changed = file;
    changed[i] ^= 0x10;
    folder.write("out/model.safetensors", changed);
    EXPECT_THAT(findings(),
                ElementsAre(i < file.size() - 4 ? "model.safetensors: a" : "model.safetensors: b"))
        << i;
  }
}

TEST_F(VerifyFolder, NoByteOfTheHeaderChangesUnseen) {
  const std::string file = folder.read("out/model.safetensors");
  const size_t metadata = file.find("__metadata__");
  const size_t after_metadata = file.find("}", metadata);
  for (size_t i = 0; i < file.size() - 12; ++i) {
    const bool says_nothing_of_tensors = i >= metadata && i < after_metadata;
    if (says_nothing_of_tensors) continue;
    std::string changed = file;
    changed[i] ^= 0x02;
    folder.write("out/model.safetensors", changed);
    EXPECT_FALSE(findings().empty()) << i;
  }
}

TEST_F(VerifyFolder, FileCutAtAnyByteIsMalformed) {
  const std::string file = folder.read("out/model.safetensors");
  for (size_t size = 0; size < file.size(); ++size) {
    folder.write("out/model.safetensors", file.substr(0, size));
    EXPECT_TRUE(verify(folder / "out", {}).malformed()) << size;
  }
}

TEST_F(VerifyFolder, ManifestIsHeldToItsLimits) {
  VerifyOptions options;
  options.limits.max_tensors = 1;
  EXPECT_EQ(error_of([&] { verify(folder / "out", options); }).code(), ErrorCode::Limit);
}

TEST_F(VerifyFolder, InterruptStopsIt) {
  const std::atomic<bool> stop = true;
  VerifyOptions options;
  options.stop = &stop;
  EXPECT_THROW(verify(folder / "out", options), Interrupted);
}

TEST_F(VerifyFolder, EqualCheckpointAgrees) { EXPECT_THAT(findings(against_source()), IsEmpty()); }

TEST_F(VerifyFolder, OtherValuesAreFoundByName) {
  write_source("a", {1, 2}, "b", {4});
  EXPECT_THAT(findings(against_source()), ElementsAre("model.safetensors: b"));
}

TEST_F(VerifyFolder, OtherNamesAreMissingAndAdditional) {
  write_source("a", {1, 2}, "c", {3});
  EXPECT_THAT(findings(against_source()), ElementsAre(": c", "model.safetensors: b"));
}

TEST_F(VerifyFolder, OtherShapesAreFound) {
  write_source("a", {1, 2}, "b", {3, 3});
  EXPECT_THAT(findings(against_source()), ElementsAre("model.safetensors: b"));
}

TEST_F(VerifyFolder, NameThatAnotherStandsForIsHeldAgainstThatOne) {
  const std::string file = folder.read("out/model.safetensors");
  folder.write("out/manifest.json",
               manifest(file.size(), file.size() - 12, R"(,"aliases":{"c":"a"})"));
  const auto write = [&](float last) {
    folder.write("in.safetensors", safetensors_file({{"a", "F32", {2}, bytes_of<float>({1, 2})},
                                                     {"c", "F32", {2}, bytes_of<float>({1, last})},
                                                     {"b", "F32", {1}, bytes_of<float>({3})}}));
  };
  write(2);
  EXPECT_THAT(findings(against_source()), IsEmpty());
  write(5);
  EXPECT_THAT(findings(against_source()), ElementsAre("model.safetensors: a"));
}

TEST_F(VerifyFolder, AsManyMissingAsWereLeftOutAreNoDifference) {
  const std::string file = folder.read("out/model.safetensors");
  folder.write("out/manifest.json", manifest(file.size(), file.size() - 12, "", 1));
  folder.write("in.safetensors", safetensors_file({{"a", "F32", {2}, bytes_of<float>({1, 2})},
                                                   {"b", "F32", {1}, bytes_of<float>({3})},
                                                   {"c", "F32", {1}, bytes_of<float>({4})}}));
  const VerifyReport report = verify(folder / "out", against_source());
  EXPECT_TRUE(report.agrees());
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("1 of the tensors of in.safetensors")));
}

// Three tensors in a file that begins with a text of the writer's own.
class VerifyWritten : public ::testing::Test {
 protected:
  VerifyWritten() : table_(no_limits()) {
    selection_.table = &table_;
    add("first", "\1\2\3\4");
    add("empty", "");
    add("second", "\5\6");
    layout_.files.push_back({.header = "head", .size = 14, .name = "m.bin"});
    layout_.files.back().texts.push_back({.offset = 10, .bytes = std::string(4, '\0')});
    layout_.slots = {{.selected = 0, .file = 0, .offset = 4, .size = 4},
                     {.selected = 1, .file = 0, .offset = 8, .size = 0},
                     {.selected = 2, .file = 0, .offset = 8, .size = 2}};
    layout_.crc_places = {{.slot = 2, .offset = 10}};
    results_[2].crc32 = 0x04030201;
  }

  void add(const std::string& name, const std::string& bytes) {
    auto source = std::make_shared<MemorySource>(std::vector<uint8_t>(bytes.begin(), bytes.end()));
    const uint32_t storage =
        table_.add_storage({.name = name, .source = source, .size = bytes.size()});
    const uint32_t row = table_.add(row_major_tensor(DType::U8, {bytes.size()}, storage));
    selection_.tensors.push_back({.name = name, .row = row});
    results_.push_back({.digest = digest_bytes(as_bytes(bytes)), .cast = {}});
  }

  void check(const std::string& content) const {
    verify_written(folder_.write("temporary", content), layout_, 0, selection_, results_);
  }

  std::string failure(const std::string& content) const {
    const Error error = error_of([&] { check(content); });
    EXPECT_EQ(error.code(), ErrorCode::Io);
    return error.what();
  }

  const std::string kWritten = "head\1\2\3\4\5\6\1\2\3\4";
  ScratchFolder folder_;
  TensorTable table_;
  Selection selection_;
  Layout layout_;
  std::vector<SlotResult> results_;
};

TEST_F(VerifyWritten, NamesTheTensorThatDiffers) {
  std::string changed = kWritten;
  changed[9] ^= 1;
  EXPECT_THAT(failure(changed), HasSubstr("m.bin: tensor 'second': read back from disk"));
}

TEST_F(VerifyWritten, ReportsAFileOfAnotherSize) {
  EXPECT_THAT(failure(kWritten + "x"), HasSubstr("has 15 bytes on disk, 14 were written"));
  EXPECT_THAT(failure(kWritten.substr(1)), HasSubstr("13 bytes"));
}

TEST_F(VerifyWritten, ReportsHeadersAndChecksumsThatDiffer) {
  std::string header = kWritten;
  header[0] ^= 1;
  EXPECT_THAT(failure(header), HasSubstr("the 4 bytes at byte 0"));
  std::string checksum = kWritten;
  checksum[13] ^= 1;
  EXPECT_THAT(failure(checksum), HasSubstr("the 4 bytes at byte 10"));
}

TEST_F(VerifyWritten, ReportsAMissingFile) {
  EXPECT_EQ(
      error_of([&] { verify_written(folder_ / "gone", layout_, 0, selection_, results_); }).code(),
      ErrorCode::Io);
}

TEST_F(VerifyWritten, PassesWhatWasWritten) { check(kWritten); }

}  // namespace
}  // namespace unbrine
