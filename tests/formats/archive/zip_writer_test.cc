#include "formats/archive/zip_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/archive/zip_archive.h"
#include "tests/formats/written_files.h"
#include "tests/support/error_of.h"

namespace unbrine {
namespace {

using namespace std::string_literals;

constexpr uint64_t kGiB = uint64_t{1} << 30;

uint64_t number_at(const std::string& bytes, size_t at, size_t width) {
  uint64_t number = 0;
  for (size_t i = width; i-- > 0;) number = number << 8 | static_cast<uint8_t>(bytes.at(at + i));
  return number;
}

// A file of the layout's own bytes, with nothing in the slots.
class SparseFile : public Source {
 public:
  explicit SparseFile(LayoutFile file) : file_(std::move(file)) {}
  uint64_t size() const override { return file_.size; }

 private:
  void read_range(uint64_t offset, MutableByteSpan target) const override {
    std::ranges::fill(target, uint8_t{0});
    copy(0, file_.header, offset, target);
    for (const LayoutText& text : file_.texts) copy(text.offset, text.bytes, offset, target);
  }

  static void copy(uint64_t at, const std::string& bytes, uint64_t offset, MutableByteSpan target) {
    const uint64_t first = std::max(at, offset);
    const uint64_t last = std::min(at + bytes.size(), offset + target.size());
    if (first < last)
      std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(first - at), last - first,
                  target.begin() + static_cast<ptrdiff_t>(first - offset));
  }

  LayoutFile file_;
};

// By our own strict reader, and by libzip.
Archive read(LayoutFile file) {
  Archive archive = open_zip(std::make_shared<SparseFile>(std::move(file)), Limits());
  check_zip_with_libzip(archive);
  return archive;
}

TEST(ZipWriter, WritesAnEmptyZip) {
  std::vector<CrcPlace> places;
  const LayoutFile file = ZipWriter(64).finish(places);
  EXPECT_EQ(file.header, "PK\5\6"s + std::string(18, '\0'));
  EXPECT_EQ(file.size, 22u);
}

TEST(ZipWriter, WritesTheBytesOfAStoredEntry) {
  ZipWriter zip(16);
  zip.add_text("a", "hi");
  std::vector<CrcPlace> places;
  const LayoutFile file = zip.finish(places);
  EXPECT_EQ(file.header,
            // local header: 2.0, no flags, stored, 1980-01-01, CRC, sizes; padded to 48
            "PK\3\4\x14\0\0\0\0\0\0\0\x21\0\xac\x2a\x93\xd8\2\0\0\0\2\0\0\0\1\0\x11\0"
            "aFB\x0d\0ZZZZZZZZZZZZZhi"
            "PK\1\2\x14\0\x14\0\0\0\0\0\0\0\x21\0\xac\x2a\x93\xd8\2\0\0\0\2\0\0\0\1\0\0\0"
            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0a"
            "PK\5\6\0\0\0\0\1\0\1\0\x2f\0\0\0\x32\0\0\0\0\0"s);
  EXPECT_TRUE(places.empty());
}

TEST(ZipWriter, PutsEverySlotAtAMultipleOfTheAlignment) {
  ZipWriter zip(64);
  std::vector<uint64_t> offsets;
  for (uint32_t i = 0; i < 70; ++i)
    offsets.push_back(zip.add_slot(std::string(i + 1, 'n'), i * 7, i));
  for (const uint64_t offset : offsets) EXPECT_EQ(offset % 64, 0u);
  std::vector<CrcPlace> places;
  const Archive archive = read(zip.finish(places));
  ASSERT_EQ(archive.entries.size(), 70u);
  for (size_t i = 0; i < 70; ++i) {
    EXPECT_EQ(archive.entries[i].offset, offsets[i]);
    EXPECT_EQ(archive.entries[i].size, i * 7);
  }
}

TEST(ZipWriter, NamesTwoPlacesForTheCrcOfEachSlotThatHasBytes) {
  ZipWriter zip(64);
  zip.add_text("t", "text");
  zip.add_slot("a", 3, 0);
  zip.add_slot("empty", 0, 1);
  zip.add_slot("b", 5, 2);
  std::vector<CrcPlace> places;
  LayoutFile file = zip.finish(places);
  ASSERT_EQ(places.size(), 4u);
  EXPECT_EQ(places[0].slot, 0u);
  EXPECT_EQ(places[1].slot, 0u);
  EXPECT_EQ(places[2].slot, 2u);
  std::string bytes(file.size, '\0');
  bytes.replace(0, file.header.size(), file.header);
  for (const LayoutText& text : file.texts)
    bytes.replace(text.offset, text.bytes.size(), text.bytes);
  EXPECT_EQ(bytes.substr(places[0].offset - 14, 4), "PK\3\4");
  EXPECT_EQ(bytes.substr(places[1].offset - 16, 4), "PK\1\2");
  EXPECT_EQ(number_at(bytes, places[0].offset + 8, 4), 3u);  // its size
  EXPECT_EQ(number_at(bytes, places[3].offset + 8, 4), 5u);
}

TEST(ZipWriter, LeavesSlotsOutOfItsTexts) {
  ZipWriter zip(64);
  const uint64_t at = zip.add_slot("a", 100, 0);
  std::vector<CrcPlace> places;
  const LayoutFile file = zip.finish(places);
  EXPECT_EQ(file.header.size(), at);
  ASSERT_EQ(file.texts.size(), 1u);
  EXPECT_EQ(file.texts[0].offset, at + 100);
  EXPECT_EQ(file.size, at + 100 + file.texts[0].bytes.size());
}

TEST(ZipWriter, WritesPlainRecordsUpToTheirLargestSize) {
  ZipWriter zip(64);
  zip.add_slot("a", 0xffff'fffe, 0);
  std::vector<CrcPlace> places;
  const LayoutFile file = zip.finish(places);
  EXPECT_EQ(number_at(file.header, 18, 4), 0xffff'fffeu);
  EXPECT_EQ(number_at(file.header, 4, 2), 20u);
  // the directory lies beyond 4 GiB: its offset needs a zip64 end record
  EXPECT_EQ(read(file).entries.at(0).size, 0xffff'fffeu);
}

TEST(ZipWriter, WritesZip64FieldsWhereASizeOrAnOffsetNeedsThem) {
  ZipWriter zip(64);
  zip.add_slot("large", 5 * kGiB, 0);
  zip.add_slot("beyond", 7, 1);
  zip.add_slot("both", 6 * kGiB, 2);
  std::vector<CrcPlace> places;
  const LayoutFile file = zip.finish(places);
  EXPECT_EQ(number_at(file.header, 18, 4), 0xffff'ffffu);
  EXPECT_EQ(number_at(file.header, 4, 2), 45u);
  EXPECT_EQ(number_at(file.header, 35, 2), 1u);  // the field comes before the padding
  EXPECT_EQ(number_at(file.header, 39, 8), 5 * kGiB);
  const Archive archive = read(file);
  ASSERT_EQ(archive.entries.size(), 3u);
  EXPECT_EQ(archive.entries[0].size, 5 * kGiB);
  EXPECT_EQ(archive.entries[1].size, 7u);
  EXPECT_EQ(archive.entries[2].size, 6 * kGiB);
  EXPECT_EQ(archive.entries[2].offset % 64, 0u);
}

TEST(ZipWriter, WritesAZip64EndForManyEntries) {
  for (const uint32_t count : {65534u, 65535u}) {
    ZipWriter zip(64);
    for (uint32_t i = 0; i < count; ++i) zip.add_text(std::to_string(i), "");
    std::vector<CrcPlace> places;
    const LayoutFile file = zip.finish(places);
    const bool zip64 = file.header.find("PK\6\6") != std::string::npos;
    EXPECT_EQ(zip64, count == 65535);
    EXPECT_EQ(read(file).entries.size(), count);
  }
}

TEST(ZipWriter, RefusesMoreThan64BitsOfBytes) {
  ZipWriter zip(64);
  zip.add_slot("a", UINT64_MAX - 1000, 0);
  EXPECT_EQ(error_of([&] { zip.add_slot("b", 2000, 1); }).code(), ErrorCode::Limit);
}

}  // namespace
}  // namespace unbrine
