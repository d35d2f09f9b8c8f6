// Files that are no checkpoint, or of another tool: recognised so that the message can say so.
#pragma once

#include "formats/checkpoint.h"

namespace unbrine {

// Always throws Unsupported: what the file is, as far as its first bytes tell, and what to do.
[[noreturn]] void fail_foreign(const Probe& probe);

}  // namespace unbrine
