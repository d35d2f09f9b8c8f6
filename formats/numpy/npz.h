// .npz: a zip of .npy files, one per name, as numpy.savez and savez_compressed write it.
#pragma once

#include "formats/archive/archive.h"
#include "formats/checkpoint.h"

namespace unbrine {

// A dict of the arrays below `prefix` by name, without ".npy". Throws Corrupt for a member that is
// no .npy, and what add_npy throws, with the member's name.
Content read_npz(const Probe& probe, const std::shared_ptr<const Archive>& archive,
                 const std::string& prefix, Checkpoint& checkpoint);

}  // namespace unbrine
