// A conversion that is decided and not begun: what was read, what of it is written, and where each
// byte goes.
#pragma once

#include <filesystem>

#include "converter/convert.h"
#include "formats/checkpoint.h"

namespace unbrine {

struct Conversion {
  Checkpoint checkpoint;
  Choice choice;  // refers to the checkpoint
  Layout layout;
};

// Reads everything about `input` but its weights, and lays out the part that the rules select. The
// result stays where it is made: its parts refer to each other. Throws what open_checkpoint,
// select and the writer throw; Unsupported if a file output would hold no tensors; Usage if two
// outputs would have one name.
std::unique_ptr<const Conversion> plan(const std::filesystem::path& input,
                                       const std::filesystem::path& output,
                                       const ConvertOptions& options);

}  // namespace unbrine
