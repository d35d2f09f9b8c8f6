// TorchScript of torch 1.0 to 1.2: a zip of <prefix>/model.json, with a table of tensors and the
// tree of modules, <prefix>/tensors/<n>, and since 1.1 <prefix>/attributes.pkl.
#pragma once

#include "formats/archive/archive.h"
#include "formats/checkpoint.h"

namespace unbrine {

// `prefix` is the first part of every entry's name. Throws Corrupt, Limit, Unsupported.
Content read_torchscript_json(const Probe& probe, const std::shared_ptr<const Archive>& archive,
                              const std::string& prefix, Checkpoint& checkpoint);

}  // namespace unbrine
