// torch.save before 1.6: five pickles in a row (magic, protocol, system, object, storage keys),
// then for each key, in that order, an element count and the raw elements.
#pragma once

#include "formats/checkpoint.h"

namespace unbrine {

// True for the magic number in any protocol, and for a file that ends inside it.
bool looks_like_torch_legacy(const Probe& probe);

Checkpoint read_torch_legacy(const Probe& probe);

}  // namespace unbrine
