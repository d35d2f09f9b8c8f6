// From a decoded pickle to tensors: the streams hidden in its byte strings are read, then the calls
// that make tensors and arrays become leaves of the graph.
#pragma once

#include <vector>

#include "formats/checkpoint.h"
#include "formats/pickle/decoder.h"
#include "formats/torch/storage_ids.h"

namespace unbrine {

// Understands the calls of one pickle. `storages` are those that its persistent ids name. Throws
// what read_content, build_tensors and build_arrays throw.
void interpret(Checkpoint& checkpoint, const DecodedPickle& pickle,
               const std::vector<PlacedStorage>& storages);

// At the end of reading: a storage that something other than a tensor refers to is kept as a tensor
// of its own, 1-D, in the dtype of its class (bytes if it has none).
void keep_loose_storages(Checkpoint& checkpoint, NodeId root);

}  // namespace unbrine
