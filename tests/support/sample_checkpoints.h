// Whole checkpoints, as small as they can be, for tests of the program: a state dict that maps each
// given name to a float32 tensor of shape [2]. The i-th tensor is {i, i + 0.5}.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/pickle_builder.h"

namespace unbrine {

std::vector<uint8_t> zip_checkpoint(const std::vector<std::string>& names);
std::vector<uint8_t> legacy_checkpoint(const std::vector<std::string>& names);

// A zip whose data.pkl holds one value, written by `object`, and no storage.
std::vector<uint8_t> zip_of_object(const PickleBuilder& object);

// A legacy stream that ends where the bytes of its only tensor, `weight`, would begin: with
// `element_count` floats appended it is whole.
std::vector<uint8_t> legacy_start(int64_t element_count);

// The safetensors file that either of the first two must become.
std::string safetensors_of(const std::vector<std::string>& names);

}  // namespace unbrine
