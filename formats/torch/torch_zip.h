// torch.save since 1.6: a zip of <prefix>/data.pkl, <prefix>/data/<key> and a few small records.
#pragma once

#include "formats/archive/archive.h"
#include "formats/checkpoint.h"

namespace unbrine {

// `prefix` is the first part of every entry's name. Throws Corrupt, Limit, Unsupported.
Content read_torch_zip(const Probe& probe, const std::shared_ptr<const Archive>& archive,
                       const std::string& prefix, Checkpoint& checkpoint);

}  // namespace unbrine
