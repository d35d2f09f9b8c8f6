#include "formats/archive/zip_records.h"

#include "formats/byte_reader.h"
#include "formats/error.h"

namespace unbrine {
namespace {

constexpr uint16_t kFieldZip64 = 0x0001;
constexpr uint16_t kFieldUnicodePath = 0x7075;

void expect_mark(ByteReader& reader, uint32_t mark, std::string_view what) {
  const uint64_t offset = reader.offset();
  if (reader.read<uint32_t>() != mark)
    fail(ErrorCode::Corrupt, "byte ", offset, ": expected the ", what, " of a zip");
}

}  // namespace

LocalHeader parse_local_header(ByteSpan bytes, uint64_t offset) {
  ByteReader reader(bytes, offset);
  expect_mark(reader, kLocalMark, "local header");
  LocalHeader header;
  reader.skip(2);  // version needed
  header.flags = reader.read<uint16_t>();
  header.method = reader.read<uint16_t>();
  reader.skip(4);  // time
  header.crc32 = reader.read<uint32_t>();
  header.stored_size = reader.read<uint32_t>();
  header.size = reader.read<uint32_t>();
  header.name_size = reader.read<uint16_t>();
  header.extra_size = reader.read<uint16_t>();
  return header;
}

CentralHeader parse_central_header(ByteSpan bytes, uint64_t offset) {
  ByteReader reader(bytes, offset);
  expect_mark(reader, kCentralMark, "central directory header");
  CentralHeader header;
  reader.skip(4);  // versions
  header.flags = reader.read<uint16_t>();
  header.method = reader.read<uint16_t>();
  reader.skip(4);  // time
  header.crc32 = reader.read<uint32_t>();
  header.stored_size = reader.read<uint32_t>();
  header.size = reader.read<uint32_t>();
  header.name_size = reader.read<uint16_t>();
  header.extra_size = reader.read<uint16_t>();
  header.comment_size = reader.read<uint16_t>();
  header.disk = reader.read<uint16_t>();
  reader.skip(6);  // attributes
  header.local_offset = reader.read<uint32_t>();
  return header;
}

EndRecord parse_end_record(ByteSpan bytes, uint64_t offset) {
  ByteReader reader(bytes, offset);
  expect_mark(reader, kEndMark, "end record");
  EndRecord end;
  end.disk = reader.read<uint16_t>();
  end.directory_disk = reader.read<uint16_t>();
  end.entries_here = reader.read<uint16_t>();
  end.entries = reader.read<uint16_t>();
  end.directory_size = reader.read<uint32_t>();
  end.directory_offset = reader.read<uint32_t>();
  end.comment_size = reader.read<uint16_t>();
  return end;
}

EndRecord parse_zip64_end_record(ByteSpan bytes, uint64_t offset) {
  ByteReader reader(bytes, offset);
  expect_mark(reader, kZip64EndMark, "zip64 end record");
  if (const uint64_t rest = reader.read<uint64_t>(); rest != kZip64EndBytes - 12)
    fail(ErrorCode::Corrupt, "byte ", offset, ": the zip64 end record gives its size as ", rest,
         ", expected ", kZip64EndBytes - 12);
  reader.skip(4);  // versions
  EndRecord end;
  end.disk = reader.read<uint32_t>();
  end.directory_disk = reader.read<uint32_t>();
  end.entries_here = reader.read<uint64_t>();
  end.entries = reader.read<uint64_t>();
  end.directory_size = reader.read<uint64_t>();
  end.directory_offset = reader.read<uint64_t>();
  end.comment_size = 0;
  return end;
}

ByteSpan zip64_field(ByteSpan extra, uint64_t offset) {
  ByteReader reader(extra, offset);
  ByteSpan zip64;
  while (reader.remaining() != 0) {
    const uint64_t at = reader.offset();
    const uint16_t id = reader.read<uint16_t>();
    const ByteSpan payload = reader.read_bytes(reader.read<uint16_t>());
    if (id == kFieldUnicodePath)
      fail(ErrorCode::Corrupt, "byte ", at, ": an extra field gives the entry a second name");
    if (id != kFieldZip64) continue;
    if (payload.empty() || !zip64.empty())
      fail(ErrorCode::Corrupt, "byte ", at, ": empty or second zip64 extra field");
    zip64 = payload;
  }
  return zip64;
}

}  // namespace unbrine
