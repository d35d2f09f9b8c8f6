// Covers check_zip_with_libzip of formats/archive/zip_archive.h.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/archive/zip_archive.h"
#include "tests/support/error_of.h"
#include "tests/support/zip_builder.h"

namespace unbrine {
namespace {

using testing::HasSubstr;

ZipBuilder varied() {
  ZipBuilder zip = torch_zip_builder({{"data.pkl", "pickle"}, {"data/0", ""}, {"data/1", "x"}});
  zip.add("folder/", "").add({.name = "d", .content = "deflated", .deflated = true});
  zip.add({.name = "wide", .content = "w", .zip64_local = true, .zip64_central = true});
  return zip.comment("made for a test");
}

Archive opened() { return open_zip(varied().source(), Limits()); }

Error check_error(const Archive& archive) {
  return error_of([&] { check_zip_with_libzip(archive); });
}

TEST(LibzipCheck, RejectsWhatLibzipReadsOtherwise) {
  const auto change = [](void (*change_entry)(ArchiveEntry&)) {
    Archive archive = opened();
    change_entry(archive.entries[2]);
    return check_error(archive);
  };
  for (const auto change_entry : {
           +[](ArchiveEntry& entry) { entry.size += 1; },
           +[](ArchiveEntry& entry) { entry.stored_size += 1; },
           +[](ArchiveEntry& entry) { entry.crc32 += 1; },
           +[](ArchiveEntry& entry) { entry.deflated = true; },
           +[](ArchiveEntry& entry) { entry.name += "x"; },
       }) {
    EXPECT_EQ(change(change_entry).code(), ErrorCode::Corrupt);
    EXPECT_THAT(change(change_entry).what(), HasSubstr("two readings of the zip disagree"));
  }
}

TEST(LibzipCheck, RejectsMoreOrFewerEntries) {
  Archive archive = opened();
  archive.entries.pop_back();
  EXPECT_THAT(check_error(archive).what(), HasSubstr("lists another entry, 'wide'"));
  archive = opened();
  archive.entries.push_back({.name = "more"});
  EXPECT_THAT(check_error(archive).what(), HasSubstr("does not list entry 'more'"));
}

TEST(LibzipCheck, RejectsWhatLibzipRefuses) {
  Archive archive = opened();
  archive.source = std::make_shared<MemorySource>(std::vector<uint8_t>(100, 'x'));
  EXPECT_THAT(check_error(archive).what(), HasSubstr("libzip refuses it"));
}

TEST(LibzipCheck, AgreesOnSoundArchives) {
  check_zip_with_libzip(opened());
  check_zip_with_libzip(open_zip(ZipBuilder().add("a", "").source(), Limits()));
}

}  // namespace
}  // namespace unbrine
