// torch.save before 1.6: five pickles in a row (magic, protocol, system, object, storage keys),
// then for each key, in that order, an element count and the raw elements.
#pragma once

#include "formats/checkpoint.h"
#include "formats/pickle_sequence.h"

namespace unbrine {

// True for the magic number in any protocol, and for bytes that end inside it.
bool begins_torch_legacy(ByteSpan head);

// The stream that begins at `offset`. Throws Corrupt, Limit, Unsupported.
SequenceItem read_torch_legacy(const std::shared_ptr<const Source>& source, uint64_t offset,
                               Checkpoint& checkpoint);

}  // namespace unbrine
