// The records of a zip, as their bytes spell them (all numbers little endian):
//
//   local header       PK\3\4   30 bytes + name + extra      one before each entry's bytes
//   data descriptor    PK\7\8   16 or 24 bytes               behind them, if flag 0x8 is set
//   central header     PK\1\2   46 bytes + name + extra + comment     the directory
//   zip64 end record   PK\6\6   56 bytes                     \  optional,
//   zip64 locator      PK\6\7   20 bytes                     /  torch always writes them
//   end record         PK\5\6   22 bytes + comment
#pragma once

#include "formats/bytes.h"

namespace unbrine {

inline constexpr uint32_t kLocalMark = 0x04034b50;
inline constexpr uint32_t kDescriptorMark = 0x08074b50;
inline constexpr uint32_t kCentralMark = 0x02014b50;
inline constexpr uint32_t kZip64EndMark = 0x06064b50;
inline constexpr uint32_t kLocatorMark = 0x07064b50;
inline constexpr uint32_t kEndMark = 0x06054b50;

inline constexpr uint64_t kLocalHeaderBytes = 30;
inline constexpr uint64_t kCentralHeaderBytes = 46;
inline constexpr uint64_t kZip64EndBytes = 56;
inline constexpr uint64_t kLocatorBytes = 20;
inline constexpr uint64_t kEndBytes = 22;

inline constexpr uint16_t kFlagEncrypted = 0x0001;
inline constexpr uint16_t kFlagDescriptor = 0x0008;
inline constexpr uint16_t kFlagUtf8 = 0x0800;
inline constexpr uint16_t kFlagsKnown = kFlagDescriptor | kFlagUtf8 | 0x0006;  // 6: deflate level

inline constexpr uint16_t kMethodStored = 0;
inline constexpr uint16_t kMethodDeflated = 8;

inline constexpr uint32_t kInZip64 = 0xffff'ffff;  // "see the zip64 extra field"

struct LocalHeader {
  uint16_t flags;
  uint16_t method;
  uint32_t crc32;
  uint32_t stored_size;
  uint32_t size;
  uint16_t name_size;
  uint16_t extra_size;
};

struct CentralHeader {
  uint16_t flags;
  uint16_t method;
  uint32_t crc32;
  uint32_t stored_size;
  uint32_t size;
  uint16_t name_size;
  uint16_t extra_size;
  uint16_t comment_size;
  uint16_t disk;
  uint32_t local_offset;
};

struct EndRecord {
  uint32_t disk;
  uint32_t directory_disk;
  uint64_t entries_here;
  uint64_t entries;
  uint64_t directory_size;
  uint64_t directory_offset;
  uint16_t comment_size;  // of the plain record
};

// Each takes a whole record that starts at byte `offset` of the file, and throws Corrupt if its
// mark is not there.
LocalHeader parse_local_header(ByteSpan bytes, uint64_t offset);
CentralHeader parse_central_header(ByteSpan bytes, uint64_t offset);
EndRecord parse_end_record(ByteSpan bytes, uint64_t offset);
EndRecord parse_zip64_end_record(ByteSpan bytes, uint64_t offset);

// The payload of the zip64 field among the extra fields; empty if there is none. Throws Corrupt if
// the fields do not fill `extra` exactly, if there are two of the kind, or if a field gives the
// entry a second name.
ByteSpan zip64_field(ByteSpan extra, uint64_t offset);

}  // namespace unbrine
