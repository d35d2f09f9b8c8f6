#include "formats/archive/zip_end.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

Error end_error(const std::vector<uint8_t>& bytes) {
  return error_of([&] { read_zip_end(MemorySource(bytes)); });
}

Error end_error(const ZipBuilder& zip) { return end_error(zip.bytes()); }

ZipBuilder two_entries() { return ZipBuilder().add("a", "first").add("b", "second"); }

std::string text_of(const ZipBuilder& zip) {
  const std::vector<uint8_t> bytes = zip.bytes();
  return {bytes.begin(), bytes.end()};
}

void expect_corrupt(const Error& error, const char* message) {
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr(message));
}

TEST(ZipEnd, RejectsFilesWithoutAnEndRecord) {
  expect_corrupt(end_error(std::vector<uint8_t>{}), "truncated download?");
  expect_corrupt(end_error({'P', 'K', 3, 4}), "truncated download?");
  expect_corrupt(end_error({'P', 'K', 5, 6}), "truncated download?");
}

TEST(ZipEnd, RejectsBytesBehindTheEndRecord) {
  expect_corrupt(end_error(two_entries().behind_end("x")), "1 bytes follow the end record");
  expect_corrupt(end_error(two_entries().behind_end(std::string(4096, '\0'))),
                 "4096 bytes follow the end record");
}

TEST(ZipEnd, RejectsACommentThatIsCutShort) {
  expect_corrupt(end_error(two_entries().set_end(kEndCommentSize, 5)), "needs 5 more bytes");
}

TEST(ZipEnd, RejectsASecondArchiveInsideTheComment) {
  const std::string inner = text_of(ZipBuilder().add("a", "other"));
  expect_corrupt(end_error(two_entries().comment(inner)), "two end records");
}

TEST(ZipEnd, RejectsPartsOfAZipInsideTheComment) {
  for (const char* mark : {"PK\1\2", "PK\3\4", "PK\5\6", "PK\6\6", "PK\6\7", "PK\7\x8"})
    expect_corrupt(end_error(two_entries().comment("see "s + mark)), "holds a part of a zip");
}

TEST(ZipEnd, RejectsAZipAfterAZip) {
  const std::string one = text_of(two_entries());
  const std::string both = one + one;
  expect_corrupt(end_error(std::vector<uint8_t>(both.begin(), both.end())), "does not end at byte");
}

TEST(ZipEnd, RejectsSeveralDisks) {
  expect_corrupt(end_error(two_entries().set_end(kEndDisk, 1)), "several disks");
  expect_corrupt(end_error(two_entries().set_end(kEndDirectoryDisk, 1)), "several disks");
  expect_corrupt(end_error(two_entries().set_end(kEndEntriesHere, 1)), "several disks");
  expect_corrupt(end_error(two_entries().zip64_end().set_zip64_end(kEnd64Disk, 1)),
                 "several disks");
  expect_corrupt(end_error(two_entries().zip64_end().set_locator(kLocatorDisk, 1)),
                 "several disks");
  expect_corrupt(end_error(two_entries().zip64_end().set_locator(kLocatorDisks, 2)),
                 "several disks");
}

TEST(ZipEnd, RejectsADirectoryThatIsNotDirectlyBeforeTheEndRecord) {
  const char* message = "where the end records begin";
  expect_corrupt(end_error(two_entries().before_end("x")), message);
  expect_corrupt(end_error(two_entries().set_end(kEndDirectorySize, 93)), message);
  expect_corrupt(end_error(two_entries().set_end(kEndDirectoryOffset, 0)), message);
  expect_corrupt(end_error(two_entries().set_end(kEndDirectoryOffset, 0xffff'ffff)), message);
  expect_corrupt(end_error(two_entries().zip64_end().before_end("x")), message);
}

TEST(ZipEnd, RejectsMoreEntriesThanTheDirectoryCanHold) {
  expect_corrupt(end_error(two_entries().set_end(kEndEntries, 3).set_end(kEndEntriesHere, 3)),
                 "cannot hold the 3 entries");
  expect_corrupt(end_error(two_entries()
                               .zip64_end_only()
                               .set_zip64_end(kEnd64Entries, UINT64_MAX)
                               .set_zip64_end(kEnd64EntriesHere, UINT64_MAX)),
                 "cannot hold the 18446744073709551615 entries");
}

TEST(ZipEnd, RejectsEndRecordsThatDisagree) {
  for (const ZipField field : {kEndDisk, kEndDirectoryDisk, kEndEntriesHere, kEndEntries,
                               kEndDirectorySize, kEndDirectoryOffset})
    expect_corrupt(end_error(two_entries().zip64_end().set_end(field, 1)), "disagree");
}

TEST(ZipEnd, RejectsAZip64EndRecordElsewhere) {
  expect_corrupt(end_error(two_entries().zip64_end().set_locator(kLocatorOffset, 0)),
                 "not directly before its locator");
  expect_corrupt(end_error(two_entries().zip64_end().set_locator(kLocatorOffset, UINT64_MAX)),
                 "not directly before its locator");
  expect_corrupt(end_error(two_entries().zip64_end().set_zip64_end({0, 4}, 0)),
                 "expected the zip64 end record");
}

TEST(ZipEnd, RejectsAZip64EndRecordOfAnotherSize) {
  expect_corrupt(end_error(two_entries().zip64_end().set_zip64_end(kEnd64RecordSize, 45)),
                 "gives its size as 45");
}

TEST(ZipEnd, ReadsAPlainEndRecord) {
  const ZipEnd end = read_zip_end(*two_entries().source());
  EXPECT_EQ(end.entries, 2u);
  EXPECT_EQ(end.directory_offset, 2 * (30 + 1) + 5 + 6u);
  EXPECT_EQ(end.directory_size, 2 * (46 + 1u));
}

TEST(ZipEnd, ReadsTheNumbersFromZip64WhereThePlainOnesSaySo) {
  const ZipEnd end = read_zip_end(*two_entries().zip64_end_only().source());
  EXPECT_EQ(end.entries, 2u);
  EXPECT_EQ(end.directory_offset, 2 * (30 + 1) + 5 + 6u);
}

TEST(ZipEnd, AcceptsTheLongestCommentThatReachesTheEndOfTheFile) {
  for (const bool zip64 : {false, true})
    EXPECT_EQ(
        read_zip_end(*two_entries().zip64_end(zip64).comment(std::string(0xffff, 'P')).source())
            .entries,
        2u);
}

TEST(ZipEnd, AcceptsAZipStoredInsideAZip) {
  const std::string inner = text_of(two_entries());
  EXPECT_EQ(read_zip_end(*ZipBuilder().add("inner.zip", inner).source()).entries, 1u);
}

}  // namespace
}  // namespace unbrine
