// Lays out a checkpoint as torch.save writes it: a zip of stored entries, data.pkl and one entry
// per storage, each aligned to 64 bytes. The pickle names nothing but what
// torch.load(weights_only=True) allows; an object of any other class becomes a plain dict.
#pragma once

#include "formats/layout.h"

namespace unbrine {

// One file. With Selection::graph the object's own structure, else a dict of name -> tensor.
// Tensors that are the same view share one storage. Notes list the classes that became dicts.
// Throws Usage for a shard size or a second group, Limit, Unsupported.
Layout torch_layout(const Selection& selection, const WriteOptions& options);

}  // namespace unbrine
