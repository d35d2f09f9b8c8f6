#include "formats/archive/zip_local_headers.h"

#include <algorithm>

#include "formats/archive/zip_records.h"
#include "formats/byte_reader.h"
#include "formats/error.h"
#include "formats/text.h"

namespace unbrine {
namespace {

// Reading small entries along with their headers is cheaper than a system call for each header;
// large ones are stepped over. A step still covers a descriptor and the header that follows it.
constexpr uint64_t kSmallRecord = 4 << 10;
constexpr uint64_t kLargeWindow = 64 << 10;
constexpr uint64_t kStepWindow = 512;

uint64_t window_for(uint64_t record_bytes, uint64_t records) {
  return record_bytes / std::max<uint64_t>(records, 1) <= kSmallRecord ? kLargeWindow : kStepWindow;
}

std::vector<CentralRecord*> in_file_order(std::vector<CentralRecord>& records) {
  std::vector<CentralRecord*> order;
  order.reserve(records.size());
  for (CentralRecord& record : records) order.push_back(&record);
  if (!std::ranges::is_sorted(order, {}, &CentralRecord::local_offset))
    std::ranges::sort(order, {}, &CentralRecord::local_offset);
  return order;
}

void require_same(std::string_view what, uint64_t local, uint64_t central) {
  if (local != central)
    fail(ErrorCode::Corrupt, what, " is ", local, " in its local header and ", central,
         " in the central directory");
}

// A streamed entry was written before its CRC and sizes were known: zeros stand for them.
void require_same_unless_streamed(std::string_view what, const CentralRecord& record,
                                  uint64_t local, uint64_t central) {
  const bool streamed = record.flags & kFlagDescriptor;
  if (!(streamed && local == 0)) require_same(what, local, central);
}

// A zip64 field that the header does not ask for: Python writes one beside sizes that fit 32 bits,
// where it could not know them in advance (numpy's npz). It must say the same.
void check_spare_sizes(ByteReader zip64, const ArchiveEntry& entry) {
  const uint64_t found = zip64.remaining();
  if (found == 16 && zip64.read<uint64_t>() == entry.size &&
      zip64.read<uint64_t>() == entry.stored_size)
    return;
  fail(ErrorCode::Corrupt, "its zip64 extra field holds ", found,
       " bytes that its local header does not ask for");
}

// `zip64` is the local zip64 field. A streamed entry may carry any that its header does not ask
// for: torch writes it for records that lie beyond 4 GiB.
void check_sizes(const LocalHeader& header, const CentralRecord& record, ByteReader zip64) {
  const auto resolve = [&](uint32_t plain) {
    return plain == kInZip64 ? zip64.read<uint64_t>() : plain;
  };
  require_same_unless_streamed("size", record, resolve(header.size), record.entry.size);
  require_same_unless_streamed("stored size", record, resolve(header.stored_size),
                               record.entry.stored_size);
  require_same_unless_streamed("CRC-32", record, header.crc32, record.entry.crc32);
  if (zip64.remaining() != 0 && !(record.flags & kFlagDescriptor))
    check_spare_sizes(zip64, record.entry);
}

void check_flags_and_method(const LocalHeader& header, const CentralRecord& record) {
  if (header.flags & kFlagEncrypted)
    fail(ErrorCode::Unsupported, "is encrypted, its local header says");
  require_same("flags", header.flags, record.flags);
  require_same("method", header.method, record.method);
}

void check_name(std::string_view local_name, const CentralRecord& record) {
  if (local_name != record.entry.name)
    fail(ErrorCode::Corrupt, "is called ", quoted(local_name), " in its local header");
}

// Checks the header of `record` and fills in its data offset; returns the end of its data.
uint64_t read_header(WindowedReader& reader, CentralRecord& record, uint64_t limit) {
  const uint64_t offset = record.local_offset;
  const LocalHeader header = parse_local_header(reader.read(offset, kLocalHeaderBytes), offset);
  check_flags_and_method(header, record);
  const uint64_t names = offset + kLocalHeaderBytes;
  const uint64_t data = names + header.name_size + header.extra_size;
  if (data > limit || record.entry.stored_size > limit - data)
    fail(ErrorCode::Corrupt, "byte ", offset, ": its header and ", record.entry.stored_size,
         " bytes overlap what begins at byte ", limit);
  const ByteSpan bytes = reader.read(names, data - names);
  check_name(as_text(bytes.first(header.name_size)), record);
  const ByteSpan extra = bytes.subspan(header.name_size);
  check_sizes(header, record,
              ByteReader(zip64_field(extra, names + header.name_size), names + header.name_size));
  record.entry.offset = data;
  return data + record.entry.stored_size;
}

void check_descriptor(ByteSpan bytes, uint64_t offset, const ArchiveEntry& entry) {
  ByteReader reader(bytes, offset);
  const bool wide = bytes.size() == 24;
  const auto read_size = [&] { return wide ? reader.read<uint64_t>() : reader.read<uint32_t>(); };
  const bool same = reader.read<uint32_t>() == kDescriptorMark &&
                    reader.read<uint32_t>() == entry.crc32 && read_size() == entry.stored_size &&
                    read_size() == entry.size;
  if (!same)
    fail(ErrorCode::Corrupt, "byte ", offset,
         ": its data descriptor and the central directory disagree");
}

// What lies between the data of `record` and the next record: its data descriptor or nothing.
void check_rest(WindowedReader& reader, const CentralRecord& record, uint64_t data_end,
                uint64_t next) {
  const uint64_t rest = next - data_end;
  const bool streamed = record.flags & kFlagDescriptor;
  if (streamed && (rest == 16 || rest == 24))
    return check_descriptor(reader.read(data_end, rest), data_end, record.entry);
  const bool needs_descriptor = streamed && record.entry.stored_size != 0;
  if (needs_descriptor && rest < 16)
    fail(ErrorCode::Corrupt, "byte ", data_end, ": its data descriptor is missing");
  if (rest != 0)
    fail(ErrorCode::Corrupt, "byte ", data_end, ": ", rest, " bytes behind it belong to nothing");
}

}  // namespace

void read_local_headers(const Source& source, uint64_t directory_offset,
                        std::vector<CentralRecord>& records) {
  const std::vector<CentralRecord*> order = in_file_order(records);
  const uint64_t first = order.empty() ? directory_offset : order[0]->local_offset;
  if (first != 0)
    fail(ErrorCode::Corrupt, first, " bytes before the first entry of the zip belong to nothing");
  WindowedReader reader(source, window_for(directory_offset, records.size()));
  for (size_t i = 0; i < order.size(); ++i) {
    CentralRecord& record = *order[i];
    const uint64_t next = i + 1 < order.size() ? order[i + 1]->local_offset : directory_offset;
    try {
      check_rest(reader, record, read_header(reader, record, next), next);
    } catch (const Error& error) {
      fail(error.code(), "entry ", quoted(record.entry.name), ": ", error.what());
    }
  }
}

}  // namespace unbrine
