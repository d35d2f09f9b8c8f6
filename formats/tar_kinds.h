// Which kind of checkpoint a tar is: told by the names of its members alone.
#pragma once

#include "formats/checkpoint.h"

namespace unbrine {

bool looks_like_tar(const Probe& probe);

// Throws Unsupported, naming some members, for tars that are not read.
Content read_tar(const Probe& probe, Checkpoint& checkpoint);

}  // namespace unbrine
