// The backends that a build may hold, for backend.cc to list.
#pragma once

#include "kernels/backend.h"

namespace unbrine {

const Backend& cpu_backend();
const Backend* cuda_backend();  // nullptr if this build or this machine has none

}  // namespace unbrine
