// The tensors of an output, held against those of the checkpoint that it was made from.
#pragma once

#include "converter/select.h"
#include "converter/verify.h"
#include "converter/written_tensors.h"
#include "formats/checkpoint.h"

namespace unbrine {

// How the output was chosen from the checkpoint.
struct Origin {
  Scope scope = Scope::Weights;
  std::string selected;    // path of the part, if the manifest knows it
  uint64_t excluded = 0;   // tensors that rules left out, as the manifest says
  bool by_source = false;  // rows know the path of their tensor in the checkpoint
};

// Adds to the report each tensor that is missing, additional or different. `state` is the output's
// tree, if it has one.
void verify_against(const WrittenTensors& tensors, const Origin& origin, const Checkpoint* state,
                    const VerifyOptions& options, const RunOptions& run, VerifyReport& report);

}  // namespace unbrine
