// The local headers of a zip: what stands before and behind each entry's bytes.
#pragma once

#include "formats/archive/zip_directory.h"

namespace unbrine {

// Holds each local header and data descriptor against the directory, sees that the records follow
// each other from byte 0 to the directory without gap or overlap, and fills in where each entry's
// bytes begin. Throws Corrupt, or Unsupported (encryption).
void read_local_headers(const Source& source, uint64_t directory_offset,
                        std::vector<CentralRecord>& records);

}  // namespace unbrine
