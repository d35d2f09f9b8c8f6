#include "formats/archive/tar_archive.h"

#include <gmock/gmock.h>

#include "formats/archive/tar_header.h"
#include "tests/support/error_of.h"
#include "tests/support/tar_builder.h"

namespace unbrine {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names(const TarBuilder& tar) {
  std::vector<std::string> found;
  for (const ArchiveEntry& entry : open_tar(tar.source(), Limits{}).entries)
    found.push_back(entry.name);
  return found;
}

Error refusal(const TarBuilder& tar, const Limits& limits = {}) {
  return error_of([&] { open_tar(tar.source(), limits); });
}

std::string content(const Archive& archive, std::string_view name) {
  uint64_t inflated = 0;
  const auto bytes = archive.open(*archive.find(name), Limits{}, inflated);
  const auto all = bytes->read_all(0, bytes->size());
  return {all.begin(), all.end()};
}

// --- Broken ---

TEST(TarArchive, RefusesAHeaderWhoseChecksumDoesNotFit) {
  const Error error = refusal(TarBuilder().add("a", "1").add({.name = "b", .checksum_error = 1}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("byte 1024: no tar header whose checksum fits"));
}

TEST(TarArchive, RefusesANegativeSize) {
  const Error error = refusal(TarBuilder().add({.name = "a", .size = std::string(12, '\xff')}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("entry 'a': its size is negative"));
}

TEST(TarArchive, RefusesASizeThatDoesNotFit64Bits) {
  const std::string size = "\x80\0\0\1\0\0\0\0\0\0\0\0"s;
  EXPECT_THAT(refusal(TarBuilder().add({.name = "a", .size = size})).what(),
              HasSubstr("does not fit 64 bits"));
}

TEST(TarArchive, RefusesASizeWhoseBlocksWrapAround) {
  const std::string size = "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"s;
  const Error error = refusal(TarBuilder().add({.name = "a", .size = size}));
  EXPECT_EQ(error.code(), ErrorCode::Corrupt);
  EXPECT_THAT(error.what(), HasSubstr("needs 18446744073709551615 bytes, has 1024"));
}

TEST(TarArchive, RefusesASizeThatIsNoOctalNumber) {
  EXPECT_THAT(refusal(TarBuilder().add({.name = "a", .size = "0000000008"})).what(),
              HasSubstr("no octal number: '0000000008'"));
}

TEST(TarArchive, CutShortAnywhereIsCorrupt) {
  const auto whole =
      TarBuilder().add("a", "hello").pax(pax_record("path", "long")).add("b", "").bytes();
  for (size_t size = 1; size < whole.size(); ++size) {
    const auto part = std::make_shared<MemorySource>(
        std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<long>(size)));
    EXPECT_EQ(error_of([&] { open_tar(part, Limits{}); }).code(), ErrorCode::Corrupt) << size;
  }
}

TEST(TarArchive, RefusesASingleBlockOfZerosAsTheEnd) {
  auto tar = TarBuilder().add("a", "").bytes();
  tar.back() = 1;
  EXPECT_THAT(error_of([&] { open_tar(std::make_shared<MemorySource>(tar), Limits{}); }).what(),
              HasSubstr("byte 1024: an end mark is two blocks of zeros, here is one"));
}

TEST(TarArchive, RefusesAnEmptyName) {
  EXPECT_THAT(refusal(TarBuilder().add("a", "").add("", "")).what(),
              HasSubstr("not a plain relative path"));
}

TEST(TarArchive, RefusesASecondTarBehindTheEnd) {
  const auto second = TarBuilder().add("b", "").bytes();
  EXPECT_THAT(refusal(TarBuilder().add("a", "").end({second.begin(), second.end()})).what(),
              HasSubstr("bytes follow the end"));
}

TEST(TarArchive, RefusesRepeatedNames) {
  EXPECT_EQ(refusal(TarBuilder().add("a", "1").add("a", "2")).code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal(TarBuilder().add("a", "1").add("./a", "2")).code(), ErrorCode::Corrupt);
  EXPECT_EQ(refusal(TarBuilder().add("a", "1").add("A", "2")).code(), ErrorCode::Corrupt);
}

TEST(TarArchive, RefusesNamesThatClimbOrAreAbsolute) {
  for (const char* name : {"../a", "/a", "a//b", "a/../b", "a\\b", "\xff", ".", "./"}) {
    const Error error = refusal(TarBuilder().add(name, ""));
    EXPECT_EQ(error.code(), ErrorCode::Corrupt) << name;
    EXPECT_THAT(error.what(), HasSubstr("not a plain relative path in UTF-8"));
  }
}

TEST(TarArchive, NamesWhatItDoesNotFollow) {
  const struct {
    char type;
    std::string says;
  } types[] = {{'1', "hard link"}, {'2', "symbolic link"}, {'3', "device"}, {'4', "device"},
               {'6', "pipe"},      {'S', "sparse file"},   {'M', "volume"}, {'Z', "type 'Z'"}};
  for (const auto& [type, says] : types) {
    const Error error = refusal(TarBuilder().add({.name = "a", .type = type}));
    EXPECT_EQ(error.code(), ErrorCode::Unsupported) << type;
    EXPECT_THAT(error.what(), HasSubstr("entry 'a': is "));
    EXPECT_THAT(error.what(), HasSubstr(says));
  }
}

TEST(TarArchive, RefusesAFolderWithBytes) {
  EXPECT_THAT(refusal(TarBuilder().add({.name = "a/", .content = "x", .type = '5'})).what(),
              HasSubstr("is a folder but holds 1 bytes"));
}

TEST(TarArchive, RefusesAPrefixThatOnlySomeReadersJoin) {
  const Error error =
      refusal(TarBuilder().add({.name = "a", .magic = TarMagic::Gnu, .prefix = "elsewhere"}));
  EXPECT_THAT(error.what(), HasSubstr("a prefix that only POSIX headers have"));
}

TEST(TarArchive, RefusesTwoSizesOfOneMember) {
  EXPECT_THAT(refusal(TarBuilder().pax(pax_record("size", "0")).add("a", "x")).what(),
              HasSubstr("has 1 bytes by its header and 0 by its extended header"));
}

TEST(TarArchive, RefusesTwoLongNamesOfOneMember) {
  EXPECT_THAT(refusal(TarBuilder().long_name("b").pax(pax_record("path", "c")).add("a", "")).what(),
              HasSubstr("two long names"));
  EXPECT_THAT(refusal(TarBuilder().long_name("b").long_name("c").add("a", "")).what(),
              HasSubstr("two long names"));
  EXPECT_THAT(refusal(TarBuilder().pax("").pax("").add("a", "")).what(),
              HasSubstr("two extended headers"));
}

TEST(TarArchive, RefusesAnExtendedHeaderAtTheEnd) {
  EXPECT_THAT(refusal(TarBuilder().add("a", "").long_name("b")).what(), HasSubstr("has no member"));
}

TEST(TarArchive, RefusesAGlobalHeaderThatNamesMembers) {
  EXPECT_EQ(refusal(TarBuilder().pax(pax_record("path", "b"), 'g').add("a", "")).code(),
            ErrorCode::Unsupported);
}

TEST(TarArchive, RefusesBrokenExtendedHeaders) {
  for (const std::string records :
       {"path=b\n", "3 a", "12 path=b\n", "9999 path=b\n", "9 path=bx", "8 pathb\n", "0 \n",
        " path=b\n", "99999999999999999999 a=b\n", "11 size=-1\n", "11 size=0x\n"})
    EXPECT_EQ(refusal(TarBuilder().pax(records).add("a", "")).code(), ErrorCode::Corrupt)
        << records;
  EXPECT_THAT(
      refusal(TarBuilder().pax(pax_record("path", "b") + pax_record("path", "c")).add("a", ""))
          .what(),
      HasSubstr("sets path twice"));
}

TEST(TarArchive, RefusesSparseMembersOfPax) {
  const Error error = refusal(TarBuilder().pax(pax_record("GNU.sparse.major", "1")).add("a", ""));
  EXPECT_EQ(error.code(), ErrorCode::Unsupported);
  EXPECT_THAT(error.what(), HasSubstr("sparse"));
}

TEST(TarArchive, CountsMembersAgainstTheLimit) {
  Limits limits;
  limits.max_archive_entries = 1;
  open_tar(TarBuilder().add("a", "").source(), limits);
  EXPECT_EQ(refusal(TarBuilder().add("a", "").add("b", ""), limits).code(), ErrorCode::Limit);
}

TEST(TarArchive, BoundsExtendedHeaders) {
  Limits limits;
  const std::string record = pax_record("path", "b");
  limits.max_string_bytes = record.size();
  open_tar(TarBuilder().pax(record).add("a", "").source(), limits);
  limits.max_string_bytes = record.size() - 1;
  EXPECT_EQ(refusal(TarBuilder().pax(record).add("a", ""), limits).code(), ErrorCode::Limit);
}

// --- Sound ---

TEST(TarArchive, ReadsMembersInTheirOrder) {
  const Archive archive = open_tar(TarBuilder().add("b", "hello").add("a/c", "").source(), {});
  ASSERT_EQ(archive.entries.size(), 2u);
  EXPECT_EQ(archive.entries[0].offset, 512u);
  EXPECT_EQ(archive.entries[0].size, 5u);
  EXPECT_FALSE(archive.has_crc);
  EXPECT_EQ(content(archive, "b"), "hello");
  EXPECT_EQ(content(archive, "a/c"), "");
}

TEST(TarArchive, ReadsAllKindsOfHeaders) {
  for (const TarMagic magic : {TarMagic::Posix, TarMagic::Gnu, TarMagic::None})
    EXPECT_THAT(names(TarBuilder().add({.name = "a", .magic = magic})), ElementsAre("a"));
  EXPECT_THAT(names(TarBuilder().add({.name = "a", .type = '\0'})), ElementsAre("a"));
  EXPECT_THAT(names(TarBuilder().add({.name = "a", .type = '7'})), ElementsAre("a"));
}

TEST(TarArchive, ReadsChecksumsOfSignedBytes) {
  EXPECT_THAT(names(TarBuilder().add({.name = "\xc3\xa9", .signed_checksum = true})),
              ElementsAre("\xc3\xa9"));
}

TEST(TarArchive, DropsALeadingDotAndFolders) {
  EXPECT_THAT(names(TarBuilder()
                        .add({.name = "./", .type = '5'})
                        .add({.name = "./a/", .type = '5'})
                        .add({.name = "old/", .type = '\0', .magic = TarMagic::None})
                        .add("./a/b", "")),
              ElementsAre("a/b"));
}

TEST(TarArchive, JoinsThePrefix) {
  EXPECT_THAT(names(TarBuilder().add({.name = "b", .prefix = "a"})), ElementsAre("a/b"));
}

TEST(TarArchive, ReadsLongNamesInBothSpellings) {
  const std::string name = std::string(150, 'x') + "/" + std::string(150, 'y');
  EXPECT_THAT(names(TarBuilder().long_name(name).add(name, "").add("b", "")),
              ElementsAre(name, "b"));
  EXPECT_THAT(names(TarBuilder().pax(pax_record("path", name)).add(name, "").add("b", "")),
              ElementsAre(name, "b"));
}

TEST(TarArchive, PassesOverOtherExtensions) {
  EXPECT_THAT(names(TarBuilder()
                        .pax(pax_record("comment", "by git"), 'g')
                        .pax(pax_record("mtime", "1.5"))
                        .add("a", "")),
              ElementsAre("a"));
}

TEST(TarArchive, ReadsBinarySizes) {
  const TarBuilder tar =
      TarBuilder().add({.name = "a", .content = "hello", .size = "\x80\0\0\0\0\0\0\0\0\0\0\5"s});
  EXPECT_EQ(content(open_tar(tar.source(), {}), "a"), "hello");
}

TEST(TarArchive, TakesASizeBeyondOctalFromTheExtendedHeader) {
  EXPECT_THAT(refusal(TarBuilder().pax(pax_record("size", "8589934592")).add("a", "")).what(),
              HasSubstr("entry 'a': needs 8589934592 bytes"));
}

TEST(TarArchive, AllowsZerosBehindTheEnd) {
  EXPECT_THAT(names(TarBuilder().add("a", "").end(std::string(9000, '\0'))), ElementsAre("a"));
}

TEST(TarHeader, IsKnownByItsChecksumAlone) {
  auto tar = TarBuilder().add({.name = "a", .magic = TarMagic::None}).bytes();
  EXPECT_TRUE(is_tar_header(tar));
  EXPECT_FALSE(is_tar_header(ByteSpan(tar).first(511)));
  ++tar[0];
  EXPECT_FALSE(is_tar_header(tar));
  EXPECT_FALSE(is_tar_header(std::vector<uint8_t>(512)));
}

}  // namespace
}  // namespace unbrine
