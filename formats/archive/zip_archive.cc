#include "formats/archive/zip_archive.h"

#include <algorithm>

#include "formats/archive/zip_directory.h"
#include "formats/archive/zip_end.h"
#include "formats/archive/zip_local_headers.h"
#include "formats/archive/zip_records.h"
#include "formats/byte_reader.h"

namespace unbrine {
namespace {

// True unless every entry that has bytes records the CRC 0, as torch does when told to skip it.
bool records_crcs(const std::vector<ArchiveEntry>& entries) {
  const auto has_bytes = [](const ArchiveEntry& entry) { return entry.size != 0; };
  const auto has_crc = [](const ArchiveEntry& entry) { return entry.crc32 != 0; };
  return std::ranges::none_of(entries, has_bytes) || std::ranges::any_of(entries, has_crc);
}

}  // namespace

bool looks_like_zip(ByteSpan head) {
  return head.size() >= 4 && ByteReader(head).read<uint32_t>() == kLocalMark;
}

Archive open_zip(std::shared_ptr<const Source> source, const Limits& limits) {
  const ZipEnd end = read_zip_end(*source);
  std::vector<CentralRecord> records = read_zip_directory(*source, end, limits);
  read_local_headers(*source, end.directory_offset, records);

  Archive archive;
  archive.source = std::move(source);
  archive.entries.reserve(records.size());
  std::vector<ArchiveEntry> folders;
  for (CentralRecord& record : records)
    (record.is_folder() ? folders : archive.entries).push_back(std::move(record.entry));
  archive.name_order = order_by_name(archive.entries);
  order_by_name(folders);  // for its check alone
  archive.has_crc = records_crcs(archive.entries);
  return archive;
}

}  // namespace unbrine
