// A checkpoint of DeepSpeed ZeRO, stages 1 to 3, merged to float32 weights as DeepSpeed's own
// script zero_to_fp32.py merges them. The folder is that of one step, or the one above with the
// file `latest`, which names it:
//
//     latest                                          "global_step2"
//     global_step2/mp_rank_00_model_states.pt         stage 1 and 2; at stage 3 one for each rank,
//                  zero_pp_rank_0_mp_rank_00_model_states.pt ...
//     global_step2/zero_pp_rank_0_mp_rank_00_optim_states.pt   one for each rank; "bf16_" before
//                                                              it in bfloat16 runs
#pragma once

#include "formats/folder/folder_files.h"

namespace unbrine {

bool looks_like_zero(const FolderFiles& folder);

// The root is a Dict of name -> tensor: buffers, frozen parameters, parameters, shared parameters.
// A note says that the state of the optimizer is not in it. Throws Corrupt (a rank that is missing,
// partitions that do not fit the shapes), Unsupported (model parallel or expert parallel ranks).
Content read_zero(const FolderFiles& folder, Checkpoint& checkpoint);

}  // namespace unbrine
