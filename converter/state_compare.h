// What two checkpoints hold besides the bytes of their tensors.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/checkpoint.h"

namespace unbrine {

struct StateDifference {
  std::string path;  // in the JSON of the state: "tree.optimizer.param_groups.0.lr"
  std::string a;     // the first characters of what stands there
  std::string b;
};

// The first place at which the states below two nodes differ, if they do. A tensor counts as its
// name and what the state says of it (that it requires a gradient, its class), not by its values.
// Throws what state_json throws.
std::optional<StateDifference> compare_states(const Checkpoint& a, NodeId root_a,
                                              const Checkpoint& b, NodeId root_b);

// The same for two texts of JSON without blanks. Text that is no JSON has some path.
std::optional<StateDifference> first_json_difference(std::string_view a, std::string_view b);

}  // namespace unbrine
