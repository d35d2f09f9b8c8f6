#include "formats/archive/zip_local_headers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/archive/zip_archive.h"
#include "tests/support/error_of.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

std::vector<CentralRecord> read(const ZipBuilder& zip) {
  const auto source = zip.source();
  const ZipEnd end = read_zip_end(*source);
  std::vector<CentralRecord> records = read_zip_directory(*source, end, Limits());
  read_local_headers(*source, end.directory_offset, records);
  return records;
}

void expect_corrupt(const ZipBuilder& zip, const char* message) {
  const Error error = error_of([&] { read(zip); });
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr(message));
}

ZipBuilder plain() { return ZipBuilder().add("a", "hello").add("b", "world!"); }
ZipBuilder torch_like() { return ZipBuilder().add_torch("a", "hello").add_torch("b", "world!"); }

ZipBuilder streamed(bool wide) {
  return ZipBuilder().add(
      {.name = "a", .content = "hello", .descriptor = true, .wide_descriptor = wide});
}

TEST(ZipLocalHeaders, RejectsBytesBeforeTheFirstEntry) {
  ZipBuilder zip = plain();
  zip.set_central(0, kCentralOffset, 36);
  expect_corrupt(zip, "36 bytes before the first entry");
}

TEST(ZipLocalHeaders, RejectsBytesBetweenEntries) {
  ZipBuilder zip;
  zip.add({.name = "a", .content = "hello", .junk_behind = "xyz"}).add("b", "");
  expect_corrupt(zip, "entry 'a': byte 36: 3 bytes behind it belong to nothing");
}

TEST(ZipLocalHeaders, RejectsBytesBetweenTheLastEntryAndTheDirectory) {
  expect_corrupt(plain().before_directory("x"), "entry 'b': byte 73: 1 bytes behind it");
}

TEST(ZipLocalHeaders, RejectsBytesBehindADescriptor) {
  ZipBuilder zip;
  zip.add({.name = "a", .content = "hello", .descriptor = true, .junk_behind = "x"});
  expect_corrupt(zip, "17 bytes behind it belong to nothing");
}

TEST(ZipLocalHeaders, RejectsTwoEntriesOverOneHeader) {
  ZipBuilder zip = ZipBuilder().add("a", "x").add("a", "x");
  expect_corrupt(zip.set_central(1, kCentralOffset, 0), "overlap what begins at byte 0");
}

TEST(ZipLocalHeaders, RejectsOverlappingEntries) {
  // A stored entry that holds the whole header and bytes of the next.
  ZipBuilder zip = plain();
  for (const ZipField field : {kCentralSize, kCentralStoredSize}) zip.set_central(0, field, 42);
  for (const ZipField field : {kLocalSize, kLocalStoredSize}) zip.set_local(0, field, 42);
  expect_corrupt(zip, "entry 'a': byte 0: its header and 42 bytes overlap");
}

TEST(ZipLocalHeaders, RejectsAnEntryThatRunsIntoTheDirectory) {
  ZipBuilder zip = ZipBuilder().add("a", "hello");
  expect_corrupt(zip.set_local(0, kLocalExtraSize, 0xffff), "overlap what begins at byte 36");
}

TEST(ZipLocalHeaders, RejectsAnOffsetBehindTheDirectory) {
  expect_corrupt(plain().set_central(1, kCentralOffset, 100), "byte 36: 64 bytes behind it");
  expect_corrupt(plain().set_central(1, kCentralOffset, 0xffff'fff0), "bytes behind it");
}

TEST(ZipLocalHeaders, RejectsAHeaderWithoutItsMark) {
  expect_corrupt(plain().set_local(1, kLocalSignature, 0), "byte 36: expected the local header");
}

TEST(ZipLocalHeaders, RejectsHeadersThatDisagree) {
  expect_corrupt(plain().set_local(0, kLocalNameByte, 'A'), "is called 'A' in its local header");
  expect_corrupt(plain().set_local(0, kLocalNameSize, 0), "is called '' in its local header");
  expect_corrupt(plain().set_local(0, kLocalFlags, 0x0800), "flags is 2048 in its local header");
  expect_corrupt(plain().set_local(0, kLocalMethod, 8), "method is 8");
  expect_corrupt(plain().set_local(0, kLocalCrc, 1), "CRC-32 is 1");
  expect_corrupt(plain().set_local(0, kLocalCrc, 0), "CRC-32 is 0");
  expect_corrupt(plain().set_local(0, kLocalSize, 4), "size is 4");
  expect_corrupt(plain().set_local(0, kLocalStoredSize, 4), "stored size is 4");
  expect_corrupt(torch_like().set_local(0, kLocalCrc, 1), "CRC-32 is 1");
  expect_corrupt(torch_like().set_local(0, kLocalSize, 4), "size is 4");
  expect_corrupt(torch_like().set_local(0, kLocalStoredSize, 4), "stored size is 4");
}

TEST(ZipLocalHeaders, RefusesEncryptionThatOnlyTheLocalHeaderTells) {
  const ZipBuilder zip = plain().set_local(0, kLocalFlags, 1);
  EXPECT_EQ(error_of([&] { read(zip); }).code(), ErrorCode::Unsupported);
}

TEST(ZipLocalHeaders, RejectsADescriptorThatDisagrees) {
  for (const bool wide : {false, true})
    for (const uint32_t at : {0u, 4u, 8u, wide ? 16u : 12u})
      expect_corrupt(streamed(wide).set_descriptor(0, {at, 4}, 1), "data descriptor");
}

TEST(ZipLocalHeaders, RejectsAMissingDescriptor) {
  ZipBuilder zip = plain();
  zip.set_local(0, kLocalFlags, 8).set_central(0, kCentralFlags, 8);
  expect_corrupt(zip, "its data descriptor is missing");
}

TEST(ZipLocalHeaders, RejectsAZip64FieldThatItsHeaderDoesNotAskFor) {
  ZipBuilder zip;
  zip.add({.name = "a", .content = "hello", .local_extra = "\x01\0\x08\0\x05\0\0\0\0\0\0\0"s});
  expect_corrupt(zip, "does not ask for");
}

TEST(ZipLocalHeaders, RejectsSpareZip64SizesThatDisagree) {
  ZipBuilder zip;
  const std::string sizes = "\x01\0\x10\0\x05\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0"s;
  zip.add({.name = "a", .content = "hello", .local_extra = sizes});
  expect_corrupt(zip, "does not ask for");
}

TEST(ZipLocalHeaders, AcceptsSpareZip64SizesThatAgree) {
  ZipBuilder zip;
  const std::string sizes = "\x01\0\x10\0\x05\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0"s;
  zip.add({.name = "a", .content = "hello", .local_extra = sizes});
  EXPECT_EQ(open_zip(zip.source(), Limits()).entries.size(), 1u);
}

TEST(ZipLocalHeaders, RejectsZip64SizesThatDisagree) {
  ZipBuilder zip;
  zip.add({.name = "a", .content = "hello", .zip64_local = true});
  EXPECT_EQ(read(zip)[0].entry.offset, 51u);
  expect_corrupt(zip.set_local(0, {30 + 1 + 4, 8}, 6), "size is 6 in its local header and 5");
}

TEST(ZipLocalHeaders, RejectsAnExtraFieldThatRenames) {
  ZipBuilder zip;
  zip.add({.name = "a", .content = "", .local_extra = "\x75\x70\x06\0\x01\0\0\0\0b"s});
  expect_corrupt(zip, "second name");
}

TEST(ZipLocalHeaders, TakesTheDataOffsetFromTheLocalHeader) {
  const auto records = read(torch_like());
  EXPECT_EQ(records[0].entry.offset, 64u);
  EXPECT_EQ(records[1].entry.offset, 128u);
}

TEST(ZipLocalHeaders, AcceptsDescriptorsOfBothWidths) {
  for (const bool wide : {false, true}) EXPECT_EQ(read(streamed(wide))[0].entry.offset, 31u);
}

TEST(ZipLocalHeaders, AcceptsAnEmptyStreamedEntryWithoutADescriptor) {
  EXPECT_EQ(read(ZipBuilder().add_torch("a", "").add_torch("b", "x")).size(), 2u);
}

TEST(ZipLocalHeaders, AcceptsTorchsZip64FieldOfAStreamedEntry) {
  ZipBuilder zip;
  zip.add({.name = "a",
           .content = "hello",
           .descriptor = true,
           .wide_descriptor = true,
           .local_extra = "\x01\0\x08\0\0\0\0\0\x01\0\0\0"s});
  EXPECT_EQ(read(zip).size(), 1u);
}

TEST(ZipLocalHeaders, AcceptsADirectoryInAnotherOrderThanTheFile) {
  ZipBuilder zip = ZipBuilder().add("b", "x").add("a", "x");
  zip.set_central(0, kCentralOffset, 32).set_central(0, kCentralNameByte, 'a');
  zip.set_central(1, kCentralOffset, 0).set_central(1, kCentralNameByte, 'b');
  const auto records = read(zip);
  EXPECT_EQ(records[0].entry.offset, 32 + 31u);
  EXPECT_EQ(records[1].entry.offset, 31u);
}

TEST(ZipLocalHeaders, ReadsSmallAndLargeRecordsAlike) {
  ZipBuilder zip;
  for (int i = 0; i < 300; ++i)
    zip.add_torch(std::to_string(i), std::string(i % 50 == 0 ? 100'000 : 10, 'x'));
  EXPECT_EQ(read(zip).size(), 300u);
}

}  // namespace
}  // namespace unbrine
