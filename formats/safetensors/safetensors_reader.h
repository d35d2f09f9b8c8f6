// Reads a safetensors file strictly: what the reference lets pass but another reader could take
// otherwise (a repeated key, a blank before the header) is refused.
#pragma once

#include "formats/checkpoint.h"

namespace unbrine {

bool looks_like_safetensors(const Probe& probe);

// The graph is one Dict of name -> Tensor in the order of the header. Throws Corrupt, Limit, or
// Unsupported (a dtype that is not known).
Content read_safetensors(const Probe& probe, Checkpoint& checkpoint);

}  // namespace unbrine
