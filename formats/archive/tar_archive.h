// Reads a tar strictly: where two tar readers could see two things, it throws. POSIX, GNU and v7
// headers, long names and large sizes in both spellings.
#pragma once

#include "formats/archive/archive.h"

namespace unbrine {

// The members that are files, in the order of the archive, their names without leading "./".
// Headers are read, contents are not; a tar records no CRC of them. Throws Corrupt (a damaged
// header, an unclean or repeated name, no end mark, bytes behind it), Unsupported (links, devices,
// sparse members), Limit.
Archive open_tar(std::shared_ptr<const Source> source, const Limits& limits);

}  // namespace unbrine
