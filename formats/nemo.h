// NeMo's .nemo: a tar, plain or gzipped, of model_config.yaml and the weights as a .ckpt that
// torch.save wrote; vocabularies and the like lie beside them.
#pragma once

#include "formats/archive/archive.h"
#include "formats/checkpoint.h"

namespace unbrine {

bool is_nemo(const Archive& archive);

// One .ckpt: its object is the root. Several, the shares of model-parallel ranks: a dict of them by
// member name. A note names the members that are not carried over.
Content read_nemo(const Archive& archive, Checkpoint& checkpoint);

}  // namespace unbrine
