// A container of named entries, seen the same way whatever its format.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/limits.h"
#include "formats/source.h"

namespace unbrine {

struct ArchiveEntry {
  std::string name;
  uint64_t offset = 0;       // of the stored bytes, in the archive's source
  uint64_t stored_size = 0;  // bytes there
  uint64_t size = 0;         // bytes after inflating
  bool deflated = false;
  uint32_t crc32 = 0;  // of the inflated bytes
};

// An entry's place in the order by name. A sorted array, not a hash map: no choice of names makes
// it slow.
struct NameKey {
  uint64_t hash;   // of the name without case
  uint32_t entry;  // index
};

// Throws Corrupt if two names are equal, or equal but for the case of ASCII letters: some readers
// would then open the one, some the other.
std::vector<NameKey> order_by_name(const std::vector<ArchiveEntry>& entries);

struct Archive {
  std::shared_ptr<const Source> source;
  std::vector<ArchiveEntry> entries;  // in the order of the central directory; names unique
  std::vector<NameKey> name_order;    // of entries
  bool has_crc = true;                // false: every entry records 0, the writer computed none

  const ArchiveEntry* find(std::string_view name) const;  // exact; nullptr if absent

  // The entry's bytes, inflated if need be and checked against its CRC. Deflated bytes are added to
  // `inflated_bytes`, which limits.max_inflated_bytes bounds.
  std::shared_ptr<const Source> open(const ArchiveEntry& entry, const Limits& limits,
                                     uint64_t& inflated_bytes) const;
};

}  // namespace unbrine
