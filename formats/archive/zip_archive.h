// Reads a zip's directory strictly: where two zip readers could see two things, it throws.
#pragma once

#include "formats/archive/archive.h"

namespace unbrine {

// True if the bytes at the start of a file are those of a zip with a first entry.
bool looks_like_zip(ByteSpan head);

// Our own reading of end records, central directory, local headers and data descriptors. After it
// every byte of the file belongs to exactly one of these or to an entry, and all agree. Throws
// Corrupt, Limit, or Unsupported (a compression method other than stored and deflate, encryption).
Archive open_zip(std::shared_ptr<const Source> source, const Limits& limits);

// Throws Corrupt unless libzip, opened over the same source with its consistency checks, lists the
// same entries: name, sizes, method and CRC, one by one. Costs microseconds an entry, so that a
// converter may run it beside the copy, but must have it agree before it commits.
void check_zip_with_libzip(const Archive& archive);

}  // namespace unbrine
