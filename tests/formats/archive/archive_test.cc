#include "formats/archive/archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/archive/zip_archive.h"
#include "tests/support/error_of.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using testing::HasSubstr;

Archive open(const ZipBuilder& zip) { return open_zip(zip.source(), Limits()); }

Error open_error(const ZipBuilder& zip, const Limits& limits = {}) {
  const Archive archive = open(zip);
  uint64_t inflated = 0;
  return error_of([&] {
    for (const ArchiveEntry& entry : archive.entries) archive.open(entry, limits, inflated);
  });
}

std::string content(const ZipBuilder& zip) {
  const Archive archive = open(zip);
  uint64_t inflated = 0;
  const auto source = archive.open(archive.entries.at(0), Limits(), inflated);
  const std::vector<uint8_t> bytes = source->read_all(0, source->size());
  return {bytes.begin(), bytes.end()};
}

ZipRecord deflated(const std::string& text, const char* name = "a") {
  return {.name = name, .content = text, .deflated = true};
}

TEST(Archive, RejectsStoredBytesThatDoNotMatchTheirCrc) {
  const Error error = open_error(ZipBuilder().add("a", "hello").set_content(0, {0, 1}, 'j'));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("'a': its bytes do not match the CRC-32"));
}

TEST(Archive, RejectsInflatedBytesThatDoNotMatchTheirCrc) {
  ZipBuilder zip = ZipBuilder().add(deflated("hello"));
  zip.set_local(0, kLocalCrc, 7).set_central(0, kCentralCrc, 7);
  EXPECT_THAT(open_error(zip).what(), HasSubstr("'a': its bytes do not match the CRC-32"));
}

TEST(Archive, ChecksAZeroCrcIfAnotherEntryRecordsOne) {
  ZipBuilder zip;
  zip.add({.name = "a", .content = "x", .record_crc = false}).add("b", "x");
  EXPECT_THAT(open_error(zip).what(), HasSubstr("do not match the CRC-32"));
}

TEST(Archive, RejectsBytesThatDoNotInflate) {
  const Error error = open_error(ZipBuilder().add(deflated("hello")).set_content(0, {0, 1}, 0xff));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("do not inflate to the 5 bytes recorded"));
}

TEST(Archive, RejectsAnotherInflatedSizeThanRecorded) {
  for (const uint64_t size : {4u, 6u}) {
    ZipBuilder zip = ZipBuilder().add(deflated("hello"));
    zip.set_local(0, kLocalSize, size).set_central(0, kCentralSize, size);
    EXPECT_THAT(open_error(zip).what(), HasSubstr("do not inflate to"));
  }
}

TEST(Archive, RejectsBytesBehindTheDeflatedOnes) {
  ZipBuilder zip = ZipBuilder().add("a", "\x4b\x04!");  // "a" needs two bytes and a third
  zip.set_content(0, {0, 3}, 0x21'00'03);               // 03 00: nothing at all
  zip.set_local(0, kLocalMethod, 8).set_central(0, kCentralMethod, 8);
  zip.set_local(0, kLocalSize, 0).set_central(0, kCentralSize, 0);
  EXPECT_THAT(open_error(zip).what(), HasSubstr("1 bytes follow its deflated bytes"));
}

TEST(Archive, BoundsInflatedBytesOverTheWholeArchive) {
  const ZipBuilder zip = ZipBuilder().add(deflated("12345", "a")).add(deflated("67890", "b"));
  Limits limits;
  limits.max_inflated_bytes = 10;
  const Archive archive = open(zip);
  uint64_t inflated = 0;
  for (const ArchiveEntry& entry : archive.entries) archive.open(entry, limits, inflated);
  EXPECT_EQ(inflated, 10u);
  limits.max_inflated_bytes = 9;
  const Error error = open_error(zip, limits);
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("max_inflated_bytes"));
}

TEST(Archive, BoundsTheRatioOfInflatedToStoredBytes) {
  const Archive archive = open(ZipBuilder().add(deflated(std::string(100'000, '\0'))));
  uint64_t inflated = 0;
  const ArchiveEntry& entry = archive.entries[0];
  Limits limits;
  limits.max_inflate_ratio = entry.size / entry.stored_size;
  EXPECT_EQ(archive.open(entry, limits, inflated)->size(), 100'000u);
  limits.max_inflate_ratio -= 1;
  const Error error = error_of([&] { archive.open(entry, limits, inflated); });
  EXPECT_EQ(error.code(), ErrorCode::Limit);
  EXPECT_THAT(error.what(), HasSubstr("max_inflate_ratio"));
}

TEST(Archive, RefusesAClaimOfHugeSizeBeforeItAllocates) {
  ZipBuilder zip = ZipBuilder().add(deflated("hello"));
  zip.set_local(0, kLocalSize, 0xffff'fffe).set_central(0, kCentralSize, 0xffff'fffe);
  EXPECT_EQ(open_error(zip).code(), ErrorCode::Limit);
}

TEST(Archive, GivesTheBytesOfAnEntry) {
  EXPECT_EQ(content(ZipBuilder().add("a", "hello")), "hello");
  EXPECT_EQ(content(ZipBuilder().add("a", "")), "");
  EXPECT_EQ(content(ZipBuilder().add(deflated("hello"))), "hello");
  EXPECT_EQ(content(ZipBuilder().add(deflated(""))), "");
  const std::string large(600'000, 'x');  // more than one block of the CRC check
  EXPECT_EQ(content(ZipBuilder().add("a", large)), large);
}

TEST(Archive, DoesNotCheckCrcsThatWereNotRecorded) {
  EXPECT_EQ(content(ZipBuilder().add({.name = "a", .content = "x", .record_crc = false})), "x");
}

TEST(Archive, FindsEntriesByTheirExactName) {
  ZipBuilder zip;
  for (int i = 0; i < 100; ++i) zip.add("data/" + std::to_string(i), std::to_string(i));
  const Archive archive = open(zip);
  for (const ArchiveEntry& entry : archive.entries) EXPECT_EQ(archive.find(entry.name), &entry);
  EXPECT_EQ(archive.find("data/100"), nullptr);
  EXPECT_EQ(archive.find("DATA/1"), nullptr);
  EXPECT_EQ(archive.find(""), nullptr);
}

}  // namespace
}  // namespace unbrine
