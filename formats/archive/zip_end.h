// Where a zip says it ends, and what it says of its directory there.
#pragma once

#include "formats/source.h"

namespace unbrine {

struct ZipEnd {
  uint64_t entries;
  uint64_t directory_offset;
  uint64_t directory_size;  // the directory ends exactly where the end records begin
};

// Reads the end record, which must be the last thing in the file, and the zip64 end record and
// locator before it if they are there; all must agree. Throws Corrupt.
ZipEnd read_zip_end(const Source& source);

}  // namespace unbrine
