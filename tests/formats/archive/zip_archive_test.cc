#include "formats/archive/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using testing::HasSubstr;

Archive open(const std::vector<uint8_t>& bytes) {
  return open_zip(std::make_shared<MemorySource>(bytes), Limits());
}

Error zip_error(const ZipBuilder& zip) {
  return error_of([&] { open(zip.bytes()); });
}

// One of everything: streamed and not, stored and deflated, empty, folder, zip64.
ZipBuilder varied() {
  ZipBuilder zip;
  zip.add_torch("r/data.pkl", "pickle").add_torch("r/data/0", "").add("d/", "");
  zip.add({.name = "d/deflated", .content = std::string(300, 'x'), .deflated = true});
  zip.add({.name = "d/wide", .content = "wide", .zip64_local = true, .zip64_central = true});
  return zip.zip64_end().comment("made for a test");
}

using Contents = std::vector<std::pair<std::string, std::vector<uint8_t>>>;

Contents contents_of(Archive archive) {
  Contents contents;
  uint64_t inflated = 0;
  for (const ArchiveEntry& entry : archive.entries)
    contents.emplace_back(entry.name,
                          archive.open(entry, Limits(), inflated)->read_all(0, entry.size));
  return contents;
}

TEST(ZipArchive, RejectsEveryTruncation) {
  const std::vector<uint8_t> whole = varied().bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    const Error error = error_of([&] { open({whole.begin(), whole.begin() + long(size)}); });
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << size << ": " << error.what();
  }
}

TEST(ZipArchive, NeverReadsOtherContentFromADamagedByte) {
  const std::vector<uint8_t> whole = varied().bytes();
  const Contents contents = contents_of(open(whole));
  for (size_t at = 0; at < whole.size(); ++at)
    for (const int flip : {0x01, 0x02, 0x08, 0x20, 0x80, 0xff}) {
      std::vector<uint8_t> damaged = whole;
      damaged[at] = static_cast<uint8_t>(damaged[at] ^ flip);
      try {
        EXPECT_EQ(contents_of(open(damaged)), contents) << "byte " << at << " flipped by " << flip;
      } catch (const Error&) {  // as good
      }
    }
}

TEST(ZipArchive, RejectsTwoEntriesOfOneName) {
  const Error error = zip_error(ZipBuilder().add("a", "1").add("b", "").add("a", "2"));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("entries 'a' and 'a' have one name"));
}

TEST(ZipArchive, RejectsNamesThatDifferInCaseAlone) {
  const Error error = zip_error(ZipBuilder().add("r/data.pkl", "1").add("R/DATA.PKL", "2"));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("'R/DATA.PKL' and 'r/data.pkl' have one name but for"));
}

TEST(ZipArchive, RejectsTwoFoldersOfOneName) {
  EXPECT_EQ(zip_error(ZipBuilder().add("d/", "").add("D/", "")).code(), ErrorCode::Corrupt);
}

TEST(ZipArchive, EscapesNamesInItsMessages) {
  const Error error = zip_error(ZipBuilder().add("\x1b[2J", "1").add("\x1b[2J", "2"));
  EXPECT_THAT(error.what(), HasSubstr("'\\x1b[2J'"));
}

TEST(ZipArchive, SniffsTheFirstLocalHeader) {
  EXPECT_TRUE(looks_like_zip(varied().bytes()));
  EXPECT_FALSE(looks_like_zip(ZipBuilder().bytes()));
  EXPECT_FALSE(looks_like_zip({}));
  EXPECT_FALSE(looks_like_zip(as_bytes("PK\3")));
}

TEST(ZipArchive, ReadsEveryEntryInTheOrderOfTheDirectory) {
  const Contents contents = contents_of(open(varied().bytes()));
  ASSERT_EQ(contents.size(), 4u);
  EXPECT_EQ(contents[0].first, "r/data.pkl");
  EXPECT_EQ(as_text(contents[0].second), "pickle");
  EXPECT_EQ(contents[1].first, "r/data/0");
  EXPECT_EQ(as_text(contents[2].second), std::string(300, 'x'));
  EXPECT_EQ(as_text(contents[3].second), "wide");
}

TEST(ZipArchive, ReadsAnArchiveWithoutEntries) {
  EXPECT_TRUE(open(ZipBuilder().bytes()).entries.empty());
}

TEST(ZipArchive, KnowsWhenNoCrcWasRecorded) {
  const ZipRecord without = {.name = "a", .content = "x", .record_crc = false};
  EXPECT_FALSE(open(ZipBuilder().add(without).add("b", "").bytes()).has_crc);
  EXPECT_TRUE(open(ZipBuilder().add(without).add("b", "x").bytes()).has_crc);
  EXPECT_TRUE(open(ZipBuilder().add("b", "").bytes()).has_crc);
}

}  // namespace
}  // namespace unbrine
