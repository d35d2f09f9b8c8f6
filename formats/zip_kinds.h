// Which kind of checkpoint a zip is: told by the names of its entries alone.
#pragma once

#include "formats/checkpoint.h"

namespace unbrine {

bool looks_like_zip_checkpoint(const Probe& probe);

// Throws Unsupported, naming the kind or listing the entries, for zips that are not read.
Content read_zip_checkpoint(const Probe& probe, Checkpoint& checkpoint);

}  // namespace unbrine
