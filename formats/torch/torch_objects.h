// The calls by which torch rebuilds tensors, understood instead of made.
#pragma once

#include <vector>

#include "formats/checkpoint.h"
#include "formats/torch/storage_ids.h"

namespace unbrine {

// A storage id and where its bytes are: a row of the checkpoint's TensorTable.
struct PlacedStorage {
  StorageId id;
  uint32_t row;
};

// Turns every call of the graph that rebuilds a tensor (_rebuild_tensor and its later forms,
// parameters) into a Tensor leaf, adding its view to the table. Calls of other names stay as they
// are; storages that only they use are reported in checkpoint.notes. Throws Corrupt with the offset
// of the call for arguments of the wrong shape or type, and what TensorTable::add throws.
void build_tensors(Checkpoint& checkpoint, const std::vector<PlacedStorage>& storages);

}  // namespace unbrine
