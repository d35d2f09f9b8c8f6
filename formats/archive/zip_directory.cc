#include "formats/archive/zip_directory.h"

#include <algorithm>

#include "formats/archive/entry_name.h"
#include "formats/archive/zip_records.h"
#include "formats/byte_reader.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

constexpr uint64_t kWindow = 64 << 10;

void check_flags(uint16_t flags) {
  if (flags & kFlagEncrypted) fail(ErrorCode::Unsupported, "is encrypted");
  if (flags & ~kFlagsKnown)
    fail(ErrorCode::Corrupt, "flag bits ", flags, ": readers differ on what they mean");
}

void check_method(uint16_t method) {
  if (method != kMethodStored && method != kMethodDeflated)
    fail(ErrorCode::Unsupported, "compression method ", method,
         ": only stored (0) and deflated (8) are read");
}

// A plain path, and of one meaning to every reader: those that are not marked as UTF-8 some take
// for code page 437.
bool is_clean_name(std::string_view name, bool marked_utf8) {
  const bool ascii =
      std::ranges::all_of(name, [](char c) { return static_cast<uint8_t>(c) < 0x80; });
  return (ascii || marked_utf8) && is_plain_path(name);
}

void check_name(const CentralRecord& record) {
  if (!is_clean_name(record.entry.name, record.flags & kFlagUtf8))
    fail(ErrorCode::Corrupt, "its name is not a plain relative path in UTF-8");
  if (record.is_folder() && record.entry.size != 0)
    fail(ErrorCode::Corrupt, "is named as a folder but holds ", record.entry.size, " bytes");
}

// The sizes and the offset, each in the header or, where that says so, in the zip64 field, which
// then holds these and nothing else.
void read_sizes(const CentralHeader& header, ByteSpan extra, uint64_t extra_offset,
                CentralRecord& record) {
  ByteReader zip64(zip64_field(extra, extra_offset), extra_offset);
  const auto resolve = [&](uint32_t plain) {
    return plain == kInZip64 ? zip64.read<uint64_t>() : plain;
  };
  record.entry.size = resolve(header.size);
  record.entry.stored_size = resolve(header.stored_size);
  record.local_offset = resolve(header.local_offset);
  if (zip64.remaining() != 0)
    fail(ErrorCode::Corrupt, "its zip64 extra field holds ", zip64.remaining(),
         " bytes that its header does not ask for");
}

void check_record(const CentralHeader& header, const CentralRecord& record) {
  check_flags(header.flags);
  check_method(header.method);
  check_name(record);
  if (header.disk != 0) fail(ErrorCode::Corrupt, "claims to lie on disk ", header.disk);
  if (!record.entry.deflated && record.entry.stored_size != record.entry.size)
    fail(ErrorCode::Corrupt, "is stored as it is, but in ", record.entry.stored_size,
         " bytes instead of ", record.entry.size);
}

CentralRecord make_record(const CentralHeader& header, ByteSpan names_and_extra, uint64_t offset) {
  ByteReader reader(names_and_extra, offset);
  CentralRecord record;
  record.entry.name = as_text(reader.read_bytes(header.name_size));
  record.entry.crc32 = header.crc32;
  record.entry.deflated = header.method == kMethodDeflated;
  record.flags = header.flags;
  record.method = header.method;
  const uint64_t extra_offset = reader.offset();
  const ByteSpan extra = reader.read_bytes(header.extra_size);
  try {
    read_sizes(header, extra, extra_offset, record);
    check_record(header, record);
  } catch (const Error& error) {
    fail(error.code(), "entry ", quoted(record.entry.name), ": ", error.what());
  }
  return record;
}

}  // namespace

std::vector<CentralRecord> read_zip_directory(const Source& source, const ZipEnd& end,
                                              const Limits& limits) {
  check_limit("archive entries:", end.entries, "max_archive_entries", limits.max_archive_entries);
  std::vector<CentralRecord> records;
  records.reserve(end.entries);  // read_zip_end saw that the directory has room for them
  WindowedReader reader(source, kWindow);
  uint64_t offset = end.directory_offset;
  const uint64_t directory_end = end.directory_offset + end.directory_size;
  const auto take = [&](uint64_t count) {
    if (count > directory_end - offset)
      fail(ErrorCode::Corrupt, "byte ", offset, ": the central directory ends before its ",
           end.entries, " entries do");
    offset += count;
    return reader.read(offset - count, count);
  };
  for (uint64_t i = 0; i < end.entries; ++i) {
    const uint64_t at = offset;
    const CentralHeader header = parse_central_header(take(kCentralHeaderBytes), at);
    const uint64_t more = uint64_t{header.name_size} + header.extra_size + header.comment_size;
    records.push_back(make_record(header, take(more), at + kCentralHeaderBytes));
  }
  if (offset != directory_end)
    fail(ErrorCode::Corrupt, "byte ", offset, ": ", directory_end - offset,
         " bytes of the central directory follow its ", end.entries, " entries");
  return records;
}

}  // namespace unbrine
