// The calls by which torch rebuilds tensors, understood instead of made.
#pragma once

#include "formats/checkpoint.h"

namespace unbrine {

// Turns every call in `calls` that rebuilds a tensor into a leaf, adding its view to the table: a
// Tensor, or a Composite for what is kept in several tensors or has no data. Storages and arrays
// must be leaves already. Calls of other names stay as they are; torch's own that are not known are
// reported in checkpoint.notes. Throws Corrupt with the offset of the call for arguments of the
// wrong shape or type, and what TensorTable::add throws.
void build_tensors(Checkpoint& checkpoint, IndexRange calls);

}  // namespace unbrine
