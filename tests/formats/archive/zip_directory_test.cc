#include "formats/archive/zip_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

std::vector<CentralRecord> read(const ZipBuilder& zip, const Limits& limits = {}) {
  const auto source = zip.source();
  return read_zip_directory(*source, read_zip_end(*source), limits);
}

Error directory_error(const ZipBuilder& zip, const Limits& limits = {}) {
  return error_of([&] { read(zip, limits); });
}

ZipBuilder one_entry() { return ZipBuilder().add("a", "hello"); }

ZipBuilder named(const std::string& name, uint16_t flags = 0x0800) {
  return ZipBuilder().add({.name = name, .content = "", .flags = flags});
}

void expect_error(const Error& error, ErrorCode code, const char* message) {
  EXPECT_EQ(error.code(), code);
  EXPECT_THAT(error.what(), HasSubstr(message));
}

TEST(ZipDirectory, RejectsFewerEntriesThanAreThere) {
  ZipBuilder zip = one_entry().add("b", "");
  zip.set_end(kEndEntries, 1).set_end(kEndEntriesHere, 1);
  expect_error(directory_error(zip), ErrorCode::Corrupt,
               "47 bytes of the central directory follow its 1 entries");
}

TEST(ZipDirectory, RejectsMoreEntriesThanAreThere) {
  ZipBuilder zip = ZipBuilder().add(std::string(46, 'a'), "");
  zip.set_end(kEndEntries, 2).set_end(kEndEntriesHere, 2);
  expect_error(directory_error(zip), ErrorCode::Corrupt, "ends before its 2 entries do");
}

TEST(ZipDirectory, RejectsARecordThatRunsPastTheDirectory) {
  for (const ZipField field : {kCentralNameSize, kCentralExtraSize, kCentralCommentSize})
    expect_error(directory_error(one_entry().set_central(0, field, 0xffff)), ErrorCode::Corrupt,
                 "ends before its 1 entries do");
}

TEST(ZipDirectory, RejectsARecordWithoutItsMark) {
  expect_error(directory_error(one_entry().set_central(0, kCentralSignature, 0)),
               ErrorCode::Corrupt, "byte 36: expected the central directory header");
}

TEST(ZipDirectory, AsksTheLimitBeforeItAllocates) {
  Limits limits;
  limits.max_archive_entries = 2;
  ZipBuilder zip = one_entry().add("b", "");
  EXPECT_EQ(read(zip, limits).size(), 2u);
  expect_error(directory_error(zip.add("c", ""), limits), ErrorCode::Limit, "max_archive_entries");
}

TEST(ZipDirectory, RefusesEncryption) {
  expect_error(directory_error(one_entry().set_central(0, kCentralFlags, 1)),
               ErrorCode::Unsupported, "entry 'a': is encrypted");
}

TEST(ZipDirectory, RejectsFlagsThatReadersTakeDifferently) {
  for (const uint64_t flags : {0x10u, 0x20u, 0x40u, 0x80u, 0x1000u, 0x2000u, 0x4000u, 0x8000u})
    expect_error(directory_error(one_entry().set_central(0, kCentralFlags, flags)),
                 ErrorCode::Corrupt, "flag bits");
}

TEST(ZipDirectory, RefusesOtherMethods) {
  for (const uint64_t method : {1u, 9u, 12u, 14u, 93u, 99u})
    expect_error(directory_error(one_entry().set_central(0, kCentralMethod, method)),
                 ErrorCode::Unsupported, "entry 'a': compression method");
}

TEST(ZipDirectory, RejectsAnotherDisk) {
  expect_error(directory_error(one_entry().set_central(0, kCentralDisk, 1)), ErrorCode::Corrupt,
               "claims to lie on disk 1");
}

TEST(ZipDirectory, RejectsAStoredEntryOfTwoSizes) {
  expect_error(directory_error(one_entry().set_central(0, kCentralSize, 4)), ErrorCode::Corrupt,
               "in 5 bytes instead of 4");
}

TEST(ZipDirectory, RejectsNamesThatReadersTakeDifferently) {
  for (const std::string& name : {""s, "a\0b"s, "a\\b"s, "/a"s, "../a"s, "a/../b"s, "a/.."s, "./a"s,
                                  "a//b"s, "/"s, "//"s, "a//"s, "\xff"s, "\xed\xa0\x80"s})
    expect_error(directory_error(named(name)), ErrorCode::Corrupt, "not a plain relative path");
}

TEST(ZipDirectory, RejectsNamesBeyondAsciiThatAreNotMarkedAsUtf8) {
  expect_error(directory_error(named("é", 0)), ErrorCode::Corrupt, "not a plain relative path");
}

TEST(ZipDirectory, RejectsAnExtraFieldThatRenames) {
  ZipBuilder zip;
  zip.add({.name = "a", .content = "", .central_extra = "\x75\x70\x06\0\x01\0\0\0\0b"s});
  expect_error(directory_error(zip), ErrorCode::Corrupt, "second name");
}

TEST(ZipDirectory, RejectsAFolderWithContent) {
  expect_error(directory_error(ZipBuilder().add("d/", "x")), ErrorCode::Corrupt,
               "named as a folder but holds 1 bytes");
}

ZipBuilder with_extra(const std::string& extra) {
  return ZipBuilder().add({.name = "a", .content = "hello", .central_extra = extra});
}

TEST(ZipDirectory, RejectsExtraFieldsThatDoNotFillTheirSpace) {
  expect_error(directory_error(with_extra("\x01")), ErrorCode::Corrupt, "needs 2 bytes, has 1");
  expect_error(directory_error(with_extra("\x09\0\x04\0xyz"s)), ErrorCode::Corrupt,
               "needs 4 bytes, has 3");
}

TEST(ZipDirectory, RejectsAZip64FieldThatIsNotWhatItsHeaderAsksFor) {
  const std::string eight = "\x01\0\x08\0\x05\0\0\0\0\0\0\0"s;
  expect_error(directory_error(with_extra(eight)), ErrorCode::Corrupt, "does not ask for");
  expect_error(directory_error(with_extra("\x01\0\0\0"s)), ErrorCode::Corrupt, "empty or second");
  expect_error(directory_error(with_extra(eight + eight).set_central(0, kCentralSize, 0xffff'ffff)),
               ErrorCode::Corrupt, "empty or second");
  expect_error(directory_error(one_entry().set_central(0, kCentralSize, 0xffff'ffff)),
               ErrorCode::Corrupt, "needs 8 bytes, has 0");
}

TEST(ZipDirectory, ReadsExactlyTheNumbersThatTheHeaderLeavesToZip64) {
  const std::string eight = "\x01\0\x08\0\x05\0\0\0\0\0\0\0"s;
  for (const ZipField field : {kCentralSize, kCentralStoredSize}) {
    const auto records = read(with_extra(eight).set_central(0, field, 0xffff'ffff));
    EXPECT_EQ(records[0].entry.size, 5u);
    EXPECT_EQ(records[0].entry.stored_size, 5u);
  }
}

TEST(ZipDirectory, ReadsAllFields) {
  ZipBuilder zip;
  zip.add("a", "hello")
      .add({.name = "d/é",
            .content = std::string(1000, 'x'),
            .deflated = true,
            .zip64_central = true,
            .flags = 0x0800});
  const auto records = read(zip);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].entry.crc32, 0x3610'a686u);  // of "hello"
  EXPECT_EQ(records[1].entry.name, "d/é");
  EXPECT_EQ(records[1].entry.size, 1000u);
  EXPECT_LT(records[1].entry.stored_size, 100u);
  EXPECT_TRUE(records[1].entry.deflated);
  EXPECT_EQ(records[1].local_offset, 30 + 1 + 5u);
  EXPECT_EQ(records[1].flags, 0x0800);
}

TEST(ZipDirectory, IgnoresVersionsTimesAttributesAndEntryComments) {
  ZipBuilder zip;
  zip.add({.name = "a", .content = "hello", .central_extra = "note"})
      .set_central(0, kCentralVersion, 63)
      .set_central(0, kCentralTime, 0x1234'5678)
      .set_central(0, kCentralAttributes, 0xa1ff'0000)  // a symbolic link
      .set_central(0, kCentralExtraSize, 0)
      .set_central(0, kCentralCommentSize, 4);
  EXPECT_EQ(read(zip)[0].entry.size, 5u);
}

}  // namespace
}  // namespace unbrine
