// What the files of a ZeRO checkpoint hold, as far as the weights need it. Source: DeepSpeed's
// deepspeed/checkpoint/constants.py, deepspeed/utils/zero_to_fp32.py.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/checkpoint.h"

namespace unbrine {

template <class Value>
using Named = std::vector<std::pair<std::string, Value>>;  // in the order of the file

// Of *_model_states.pt. Rows are of the table's tensors.
struct ZeroModelState {
  std::vector<std::string> names;  // of all that the module holds
  Named<uint32_t> buffers;
  std::vector<Named<std::vector<uint64_t>>> param_shapes;  // by group
  Named<std::vector<uint64_t>> frozen_shapes;
  std::map<std::string, uint32_t> frozen_fragments;
  Named<std::string> shared;  // a name, and the other name of the same parameter
};

// Of *_optim_states.pt: the part of one rank.
struct ZeroPartition {
  uint64_t stage = 0;
  uint64_t ranks = 0;
  std::vector<uint32_t> fp32;  // rows: the rank's partition of each group
  // By group and parameter: elements skipped behind each.
  std::optional<std::vector<std::vector<uint64_t>>> paddings;
};

// Each throws Corrupt, naming what is missing or of the wrong type.
ZeroModelState read_model_state(const Checkpoint& checkpoint, NodeId root);
ZeroPartition read_partition(const Checkpoint& checkpoint, NodeId root);

}  // namespace unbrine
