// The central directory of a zip: one header per record.
#pragma once

#include "formats/archive/archive.h"
#include "formats/archive/zip_end.h"

namespace unbrine {

struct CentralRecord {
  ArchiveEntry entry;  // offset is not known here: only the local header gives it
  uint64_t local_offset = 0;
  uint16_t flags = 0;
  uint16_t method = 0;

  bool is_folder() const { return entry.name.ends_with('/'); }
};

// Exactly as many records as the end record says, filling the directory to its last byte, with
// clean names and methods and flags that are understood. Throws Corrupt, Limit, Unsupported.
std::vector<CentralRecord> read_zip_directory(const Source& source, const ZipEnd& end,
                                              const Limits& limits);

}  // namespace unbrine
