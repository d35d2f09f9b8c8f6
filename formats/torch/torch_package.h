// torch.package: a zip with pickles and sources anywhere below <prefix>/, and all their storages at
// <prefix>/.data/<number>.storage.
#pragma once

#include "formats/archive/archive.h"
#include "formats/checkpoint.h"

namespace unbrine {

// The object of the only pickle, or a dict of all by their paths without ".pkl". Throws Corrupt,
// Limit, Unsupported.
Content read_torch_package(const Probe& probe, const std::shared_ptr<const Archive>& archive,
                           const std::string& prefix, Checkpoint& checkpoint);

}  // namespace unbrine
