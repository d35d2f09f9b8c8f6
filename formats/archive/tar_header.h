// The header of a tar member: one block of text fields, numbers in octal.
//
//   0    name 100             124  size 12              257  magic 8:  "ustar\0" "00"  POSIX
//   100  mode 8               136  time 12                             "ustar  \0"     GNU
//   108  owner 8              148  checksum 8                          zeros           v7
//   116  group 8              156  type 1, link 100     345  prefix 155: POSIX, before the name
//
// The checksum is the sum of the 512 bytes, its own counted as blanks. A size beyond octal is
// binary: 80 and eleven bytes, the highest first.
#pragma once

#include <optional>
#include <string>

#include "formats/bytes.h"

namespace unbrine {

inline constexpr uint64_t kTarBlock = 512;
inline constexpr uint64_t kMostOctalSize = 077777777777;  // of eleven digits

struct TarHeader {
  std::string name;  // as it stands
  char type;         // '0' or NUL: a file
  uint64_t size;     // bytes that follow, rounded up to whole blocks
};

// True if the bytes begin with a header whose checksum fits. Never throws.
bool is_tar_header(ByteSpan bytes);

// `block` is one block. Throws Corrupt.
TarHeader parse_tar_header(ByteSpan block);

// What an extended ("pax") header says about the member behind it.
struct PaxHeader {
  std::optional<std::string> path;
  std::optional<uint64_t> size;
};

// The records "LENGTH KEY=VALUE\n" of an extended header. Throws Corrupt, or Unsupported for a
// sparse member.
PaxHeader parse_pax_header(ByteSpan records);

}  // namespace unbrine
