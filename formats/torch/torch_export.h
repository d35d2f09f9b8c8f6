// torch.export: what the exported program says about its weights, without the program.
#pragma once

#include "formats/archive/archive.h"
#include "formats/checkpoint.h"

namespace unbrine {

// <prefix>/archive_format is "pt2"; <prefix>/data/weights/<model>_weights_config.json says for each
// name which record of the folder holds the bytes and how to view them, or that the record is a
// torch.save; data/constants/ alike. The object is a dict of the names, with `constants` as one
// more; of several models, a dict of these. At first both were one torch.save each,
// data/weights/<model>.pt and data/constants/<model>.pt. Source:
// torch/export/pt2_archive/_package.py, torch/_export/serde/schema.py.
Content read_torch_export(const Probe& probe, const std::shared_ptr<const Archive>& archive,
                          const std::string& prefix, Checkpoint& checkpoint);

// Still earlier: a zip without prefix of serialized_state_dict.pt and serialized_constants.pt
// (.json in the first releases), each a torch.save.
Content read_torch_export_early(const Probe& probe, const std::shared_ptr<const Archive>& archive,
                                const std::string& prefix, Checkpoint& checkpoint);

}  // namespace unbrine
