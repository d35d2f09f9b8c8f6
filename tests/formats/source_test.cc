#include "formats/source.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/support/error_of.h"
#include "tests/support/scratch_folder.h"

namespace unbrine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const Source> memory(std::vector<uint8_t> bytes) {
  return std::make_shared<MemorySource>(std::move(bytes));
}

TEST(FileSource, NamesAMissingFile) {
  const ScratchFolder folder;
  const Error error = error_of([&] { FileSource source(folder / "absent"); });
  EXPECT_EQ(error.code(), ErrorCode::Io);
  EXPECT_THAT(error.what(), HasSubstr("No such file"));
}

TEST(FileSource, RefusesAFolder) {
  const ScratchFolder folder;
  const Error error = error_of([&] { FileSource source(folder.path()); });
  EXPECT_EQ(error.code(), ErrorCode::Io);
  EXPECT_STREQ(error.what(), "is a folder, not a file");
}

TEST(FileSource, RefusesADevice) {
  const Error error = error_of([] { FileSource source("/dev/null"); });
  EXPECT_STREQ(error.what(), "is not a regular file");
}

TEST(FileSource, ReportsAFileThatBecameShorter) {
  const ScratchFolder folder;
  const auto path = folder.write("f", "0123456789");
  const FileSource source(path);
  ASSERT_EQ(truncate(path.c_str(), 4), 0);
  const Error error = error_of([&] { source.read_all(2, 4); });
  EXPECT_EQ(error.code(), ErrorCode::Io);
  EXPECT_THAT(error.what(), HasSubstr("became shorter"));
}

TEST(FileSource, NoticesAChangeSinceItWasOpened) {
  const ScratchFolder folder;
  const auto path = folder.write("f", "0123456789");
  const FileSource source(path);
  source.check_unchanged();
  folder.write("f", "0123456789abc");
  EXPECT_THAT(error_of([&] { source.check_unchanged(); }).what(), HasSubstr("changed"));
}

TEST(Source, RefusesARangePastItsEnd) {
  const auto source = memory({1, 2, 3});
  EXPECT_STREQ(error_of([&] { source->read_all(1, 3); }).what(), "byte 1: needs 3 bytes, has 2");
  EXPECT_EQ(error_of([&] { source->read_all(UINT64_MAX, 2); }).code(), ErrorCode::Corrupt);
}

TEST(SliceSource, CountsFromItsOwnStart) {
  const SliceSource slice(memory({0, 1, 2, 3, 4, 5}), 2, 3);
  EXPECT_THAT(slice.read_all(1, 2), ElementsAre(3, 4));
  EXPECT_EQ(error_of([&] { slice.read_all(1, 3); }).code(), ErrorCode::Corrupt);
}

TEST(SliceSource, RefusesToPassTheWhole) {
  EXPECT_EQ(error_of([] { SliceSource slice(memory({0, 1}), 1, 2); }).code(), ErrorCode::Corrupt);
}

TEST(WindowedReader, GivesAnyPieceWhateverTheWindow) {
  std::vector<uint8_t> bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  const MemorySource source(bytes);
  WindowedReader reader(source, 16);
  for (const uint64_t at : {0u, 5u, 15u, 500u, 496u, 990u, 3u})
    for (const uint64_t count : {0u, 1u, 10u, 40u}) {
      if (at + count > bytes.size()) continue;
      const ByteSpan piece = reader.read(at, count);
      EXPECT_TRUE(std::equal(piece.begin(), piece.end(), bytes.begin() + static_cast<long>(at)));
      EXPECT_EQ(piece.size(), count);
    }
  EXPECT_EQ(error_of([&] { reader.read(995, 6); }).code(), ErrorCode::Corrupt);
}

}  // namespace
}  // namespace unbrine
