#include "formats/archive/zip_end.h"

#include <algorithm>
#include <array>

#include "formats/archive/zip_records.h"
#include "formats/byte_reader.h"
#include "formats/error.h"

namespace unbrine {
namespace {

constexpr uint64_t kLongestComment = 0xffff;

// The last bytes of the file: all that end records and a comment can take.
struct Tail {
  explicit Tail(const Source& source)
      : offset(source.size() - std::min(source.size(), kZip64EndBytes + kLocatorBytes + kEndBytes +
                                                           kLongestComment)),
        bytes(source.read_all(offset, source.size() - offset)) {}

  uint64_t file_size() const { return offset + bytes.size(); }

  // From `at` of the file on; empty if the tail begins later.
  ByteSpan from(uint64_t at, uint64_t count) const {
    if (at < offset || at > file_size() || count > file_size() - at) return {};
    return ByteSpan(bytes).subspan(at - offset, count);
  }

  bool has_mark(uint64_t at, uint32_t mark) const {
    const ByteSpan four = from(at, 4);
    return !four.empty() && ByteReader(four).read<uint32_t>() == mark;
  }

  // Places that carry the mark of an end record and have room for one, last first.
  std::vector<uint64_t> end_marks() const {
    std::vector<uint64_t> marks;
    for (uint64_t i = bytes.size(); i-- > 0;)
      if (bytes[i] == 'P' && has_mark(offset + i, kEndMark) && bytes.size() - i >= kEndBytes)
        marks.push_back(offset + i);
    return marks;
  }

  uint64_t offset;
  std::vector<uint8_t> bytes;
};

EndRecord end_record_at(const Tail& tail, uint64_t at) {
  return parse_end_record(tail.from(at, kEndBytes), at);
}

[[noreturn]] void fail_without_end(const Tail& tail, const std::vector<uint64_t>& marks) {
  if (marks.empty())
    fail(ErrorCode::Corrupt, "a zip without its end record after ", tail.file_size(),
         " bytes: truncated download?");
  const uint64_t end = marks[0] + kEndBytes + end_record_at(tail, marks[0]).comment_size;
  if (end < tail.file_size())
    fail(ErrorCode::Corrupt, "byte ", end, ": ", tail.file_size() - end,
         " bytes follow the end record of the zip");
  fail(ErrorCode::Corrupt, "byte ", marks[0], ": the comment of the zip's end record needs ",
       end - tail.file_size(), " more bytes: truncated download?");
}

void refuse_marks_in_comment(const Tail& tail, uint64_t comment) {
  constexpr std::array kMarks = {kLocalMark,    kDescriptorMark, kCentralMark,
                                 kZip64EndMark, kLocatorMark,    kEndMark};
  for (uint64_t at = comment; at < tail.file_size(); ++at)
    if (std::ranges::any_of(kMarks, [&](uint32_t mark) { return tail.has_mark(at, mark); }))
      fail(ErrorCode::Corrupt, "byte ", at, ": the comment of the zip holds a part of a zip");
}

// The end record: the only place whose comment reaches exactly to the end of the file.
uint64_t find_end_record(const Tail& tail) {
  const std::vector<uint64_t> marks = tail.end_marks();
  std::vector<uint64_t> fitting;
  for (const uint64_t at : marks)
    if (at + kEndBytes + end_record_at(tail, at).comment_size == tail.file_size())
      fitting.push_back(at);
  if (fitting.empty()) fail_without_end(tail, marks);
  if (fitting.size() > 1)
    fail(ErrorCode::Corrupt, "two end records, at bytes ", fitting[1], " and ", fitting[0],
         ": readers would see different zips");
  refuse_marks_in_comment(tail, fitting[0] + kEndBytes);
  return fitting[0];
}

void require_one_disk(const EndRecord& end, uint64_t at) {
  if (end.disk != 0 || end.directory_disk != 0 || end.entries_here != end.entries)
    fail(ErrorCode::Corrupt, "byte ", at, ": the zip claims to be split over several disks");
}

bool agrees(uint64_t plain, uint64_t wide, uint64_t unset) {
  return plain == wide || plain == unset;
}

void require_agreement(const EndRecord& plain, const EndRecord& wide, uint64_t at) {
  const bool same = agrees(plain.disk, wide.disk, 0xffff) &&
                    agrees(plain.directory_disk, wide.directory_disk, 0xffff) &&
                    agrees(plain.entries_here, wide.entries_here, 0xffff) &&
                    agrees(plain.entries, wide.entries, 0xffff) &&
                    agrees(plain.directory_size, wide.directory_size, kInZip64) &&
                    agrees(plain.directory_offset, wide.directory_offset, kInZip64);
  if (!same)
    fail(ErrorCode::Corrupt, "byte ", at, ": the end record and the zip64 end record disagree");
}

// The place of the zip64 end record, which its locator must give as directly before itself.
uint64_t locate_zip64_end(const Tail& tail, uint64_t locator) {
  ByteReader reader(tail.from(locator, kLocatorBytes), locator);
  reader.skip(4);  // the mark
  const uint32_t disk = reader.read<uint32_t>();
  const uint64_t at = reader.read<uint64_t>();
  const uint32_t disks = reader.read<uint32_t>();
  if (disk != 0 || disks != 1)
    fail(ErrorCode::Corrupt, "byte ", locator, ": the zip claims to be split over several disks");
  if (locator < kZip64EndBytes || at != locator - kZip64EndBytes)
    fail(ErrorCode::Corrupt, "byte ", locator,
         ": the zip64 end record is not directly before its "
         "locator but at byte ",
         at);
  return at;
}

ZipEnd checked_end(const EndRecord& end, uint64_t directory_end) {
  if (end.directory_offset > directory_end ||
      end.directory_size != directory_end - end.directory_offset)
    fail(ErrorCode::Corrupt, "central directory of ", end.directory_size, " bytes at byte ",
         end.directory_offset, " does not end at byte ", directory_end,
         ", where the end records begin");
  if (end.entries > end.directory_size / kCentralHeaderBytes)
    fail(ErrorCode::Corrupt, "central directory of ", end.directory_size, " bytes cannot hold the ",
         end.entries, " entries claimed");
  return {end.entries, end.directory_offset, end.directory_size};
}

}  // namespace

ZipEnd read_zip_end(const Source& source) {
  const Tail tail(source);
  const uint64_t at = find_end_record(tail);
  const EndRecord plain = end_record_at(tail, at);
  if (at < kLocatorBytes || !tail.has_mark(at - kLocatorBytes, kLocatorMark)) {
    require_one_disk(plain, at);
    return checked_end(plain, at);
  }
  const uint64_t wide_at = locate_zip64_end(tail, at - kLocatorBytes);
  const EndRecord wide = parse_zip64_end_record(tail.from(wide_at, kZip64EndBytes), wide_at);
  require_one_disk(wide, wide_at);
  require_agreement(plain, wide, wide_at);
  return checked_end(wide, wide_at);
}

}  // namespace unbrine
